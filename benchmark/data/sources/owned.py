"""Read the text files of a data set's owner for a source, with faults named by file and line."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmark.data.card import SplitRule, TableSpec
from benchmark.data.readers.inputs import of_file
from benchmark.data.readers.rows import require_columns
from benchmark.errors import BenchmarkError


def columns(
    path: Path,
    names: Sequence[str],
    *,
    header: Sequence[str] = (),
    separator: str = ",",
    encoding: str = "utf-8",
) -> pl.DataFrame:
    """The named columns of a delimited file, plain or gzip, as text (blank: null); `header` names
    those of a file without a header line.

    Raises BenchmarkError for a file that cannot be read or lacks a column, and for a line that is
    cut off, naming it."""
    label, *others = names
    table = TableSpec(
        format="csv",
        files={"all": (str(path),)},
        split=SplitRule(),
        separator=separator,
        encoding=encoding,
        header=tuple(header),
        label=label,
        sparse=tuple(others),
    )
    file = of_file(path, table)
    require_columns([file], table, names)
    blocks = [parse([]) for _, parse in file.read(names)]
    return pl.concat(blocks).select(pl.all().replace("", None))


def with_integers(
    frame: pl.DataFrame, names: Sequence[str], path: Path, first_line: int
) -> pl.DataFrame:
    """The rows of a file, with the named columns as Int64. Raises BenchmarkError for the first text
    that is no whole number."""
    numbers = frame.select(pl.col(names).cast(pl.Int64, strict=False))
    for name in names:
        if numbers[name].null_count():
            row = int(numbers[name].is_null().arg_true()[0])
            value = "missing" if frame[name][row] is None else repr(frame[name][row])
            where = f"{path}, line {first_line + row}, column '{name}'"
            raise BenchmarkError(f"{where}: {value}, expected a whole number")
    return frame.with_columns(numbers)


def joined(rows: pl.DataFrame, features: pl.DataFrame, name: str, path: Path) -> pl.DataFrame:
    """The rows in order with the features of the file `path`, joined by the column `name`. Raises
    BenchmarkError for a row without features, and for features that occur twice."""
    repeated = features.filter(pl.col(name).is_duplicated())[name]
    if len(repeated):
        fault = f"{name} {repeated[0]} occurs more than once"
        raise BenchmarkError(f"{path}: {fault}; fetch the owner's file again")
    absent = rows.join(features, on=name, how="anti")[name]
    if len(absent):
        fault = f"{name} {absent[0]} is missing, of which there are rows"
        raise BenchmarkError(f"{path}: {fault}; fetch the owner's file again")
    return rows.join(features, on=name, how="left", maintain_order="left")
