"""`predict`: scores of new raw rows."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.terminal.console import notice
from benchmark.utils.paths import shown


def predict(
    from_: Annotated[
        Path, typer.Option("--from", help="Folder of a model that `run --save-model` wrote.")
    ],
    input_: Annotated[
        Path, typer.Option("--input", help="Raw rows in the form of the training files.")
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

    logit = np.concatenate([np.empty(0, np.float32), *score(from_, input_)])
    scores = pl.DataFrame({"logit": logit, "probability": sigmoid(logit)})
    if output is None:
        scores.write_csv(sys.stdout)
    else:
        write_atomically(output, scores.write_csv)
        notice(f"{scores.height:,} scores: {shown(output)}")
