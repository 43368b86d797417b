"""`predict`: scores of new raw rows."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from benchmark.errors import BenchmarkError, UsageError
from benchmark.terminal.console import notice
from benchmark.utils.paths import shown

STANDARD_INPUT = "-"


def predict(
    from_: Annotated[
        Path, typer.Option("--from", help="Folder of a model that `run --save-model` wrote.")
    ],
    input_: Annotated[
        Path,
        typer.Option(
            "--input", help="Rows in the form of the training files; - is standard input."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(help="A csv file for the scores; else standard output.")
    ] = None,
) -> None:
    """Score raw rows with a saved model: logit and click probability of each, as csv."""
    import numpy as np
    import polars as pl

    from benchmark.measure.metrics import sigmoid
    from benchmark.runs.saved_model import score
    from benchmark.utils.files import write_atomically

    scored = 0

    def write(file: BinaryIO) -> None:
        nonlocal scored
        with _as_file(input_) as (rows, name):
            blocks = score(from_, rows, lambda line: notice(line.replace(str(rows), name)))
            first = next(blocks, np.empty(0, np.float32))  # nothing is written if this fails
            for number, logit in enumerate(chain([first], blocks)):
                scores = pl.DataFrame({"logit": logit, "probability": sigmoid(logit)})
                file.write(scores.write_csv(include_header=number == 0).encode())
                scored += len(logit)
            file.flush()

    if output is not None:
        if output.exists() and input_.exists() and output.samefile(input_):
            raise UsageError(f"{output}: the scores would replace the rows; name another --output")
        write_atomically(output, write)
        notice(f"{scored:,} scores: {shown(output)}")
        return
    try:
        write(sys.stdout.buffer)
    except BrokenPipeError:  # who reads has seen enough; the command ends in silence
        raise
    except OSError as error:
        raise BenchmarkError(f"standard output cannot be written: {error.strerror}") from None


@contextmanager
def _as_file(path: Path) -> Iterator[tuple[Path, str]]:
    """The path and its name; or a copy of standard input or of a pipe, since rows are read more
    than once, and the name of what was copied, which errors give."""
    standard = str(path) == STANDARD_INPUT
    if not standard and not path.is_fifo():
        yield path, str(path)
        return
    name = "standard input" if standard else str(path)
    with tempfile.NamedTemporaryFile() as copy:
        try:
            with sys.stdin.buffer if standard else path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
            copy.flush()
        except OSError as error:
            fault = f"cannot be copied to {tempfile.gettempdir()}: {error.strerror}"
            raise BenchmarkError(f"{name} {fault}") from None
        try:
            yield Path(copy.name), name
        except BenchmarkError as error:
            raise BenchmarkError(str(error).replace(copy.name, name)) from None
