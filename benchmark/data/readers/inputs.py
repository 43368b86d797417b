"""What rows are read from: files, or polars frames that a source or a hub makes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers import csv, libsvm, parquet
from benchmark.data.readers.content import File, require_parquet
from benchmark.data.readers.text import Parse
from benchmark.errors import BenchmarkError, reason

CHUNK_ROWS = 1 << 16

# a source's own code may run where they are caught, and polars panics over some damaged files
_FAULTS = Exception, pl.exceptions.PanicException

Frames = Callable[[Sequence[str]], Iterable[pl.DataFrame]]
"""Makes the frames of a table anew, with the named columns, in order."""


@dataclass(frozen=True)
class Input:
    """Rows of one split, or of one part of it, which may be read several times.

    `name` and `unit` ("line" or "row") are for messages. `read` takes the columns that are wanted
    and yields blocks: the number of the first row, and a parser that any thread may call. In a
    `ragged` input each row names its own columns, so that a part may lack some."""

    name: str
    unit: str
    columns: Callable[[], Sequence[str]]
    read: Callable[[Sequence[str]], Iterator[tuple[int, Parse]]]
    ragged: bool = False


Inputs = Mapping[str, Sequence[Input]]
"""The parts of each split, or of `all`, in order."""


def of_file(path: File, table: TableSpec) -> Input:
    """The rows of a csv, libsvm, libffm or parquet file; by its name where the table states no
    format, as that of a source does not."""
    form = table.format or ("parquet" if path.suffix == ".parquet" else "csv")
    if form == "parquet":
        require_parquet(path)
        file = Path(str(path))
        return of_frames(
            partial(parquet.schema, file), partial(parquet.frames, file), str(path), table
        )
    columns, read = _TEXT[form]
    return Input(
        str(path),
        "line",
        partial(columns, path, table),
        partial(read, path, table),
        ragged=form in ("libsvm", "libffm"),
    )


def of_lazy(rows: pl.LazyFrame, name: str, table: TableSpec) -> Input:
    """The rows of a lazy frame, collected in batches of bounded size."""
    return of_frames(rows.collect_schema, partial(_frames, rows), name, table)


def _frames(rows: pl.LazyFrame, selection: Sequence[str]) -> Iterable[pl.DataFrame]:
    return rows.select(selection).collect_batches(chunk_size=CHUNK_ROWS)


def of_frames(
    schema: Callable[[], Mapping[str, pl.DataType]], frames: Frames, name: str, table: TableSpec
) -> Input:
    """The rows of frames of the raw columns, which have the types of `schema`; NaN is missing.

    Example: a table in memory, here in one frame::

        of_frames(lambda: frame.schema, lambda names: [frame.select(names)], "my rows", table)
    """
    return Input(name, "row", partial(_columns, schema, name, table), partial(_read, frames, name))


def _columns(
    schema: Callable[[], Mapping[str, pl.DataType]], name: str, table: TableSpec
) -> list[str]:
    """The names of the columns. Raises BenchmarkError for a type that cannot be encoded."""
    try:
        types = schema()
    except BenchmarkError:
        raise
    except _FAULTS as error:
        raise BenchmarkError(f"{name} cannot be read: {_first_line(error)}") from error
    for column in table.needed(table.columns):
        if column not in types:
            continue
        dtype = types[column]
        numeric = dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Null)
        plain = not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)
        if not (numeric if column == table.label or column in table.dense else plain):
            fault = f"column '{column}' has the type {dtype}, which cannot be encoded"
            raise BenchmarkError(f"{name}: {fault}")
    return list(types)


def _read(frames: Frames, name: str, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    first = 1
    try:
        for frame in frames(selection):
            rows = frame.with_columns(pl.selectors.float().fill_nan(None))
            yield first, partial(_parsed, rows)
            first += frame.height
    except BenchmarkError:
        raise
    except _FAULTS as error:
        fault = f"cannot be read from row {first} on: {_first_line(error)}"
        raise BenchmarkError(f"{name} {fault}") from error


def _first_line(error: BaseException) -> str:
    """The cause; polars adds the plan of the query to it."""
    own = isinstance(error, OSError | pl.exceptions.PolarsError)
    return (str(error) if own else reason(error)).partition("\n")[0]


def _parsed(frame: pl.DataFrame, _: Sequence[str]) -> pl.DataFrame:
    return frame


_TEXT = {
    "csv": (csv.columns, csv.read),
    "libsvm": (libsvm.columns, libsvm.read),
    "libffm": (libsvm.columns, libsvm.read),
}
