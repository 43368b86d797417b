"""Read the text files of a data set's owner for a source, with faults named by file and line."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmark.errors import BenchmarkError


def csv_columns(path: Path, names: Sequence[str]) -> pl.DataFrame:
    """The named columns of a csv file with a header line, plain or gzip, as text (blank: null).

    Raises BenchmarkError if the file cannot be read or lacks a column."""
    try:
        frame = pl.scan_csv(path, infer_schema=False, glob=False)
        present = frame.collect_schema().names()
        if missing := [name for name in names if name not in present]:
            listed = ", ".join(map(repr, missing))
            hint = f"it has: {', '.join(present)}; fetch the owner's file again"
            raise BenchmarkError(f"{path} has no column {listed}; {hint}")
        return frame.select(names).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from None


def fields(path: Path, names: Sequence[str], separator: str) -> pl.DataFrame:
    """The fields of lines without header, plain or gzip, as text; bytes that are not UTF-8 become
    one replacement character each.

    Raises BenchmarkError for a file that cannot be read, and for a line of another length."""
    try:
        # of one column, as no such file holds the separator
        lines = pl.scan_csv(
            path,
            has_header=False,
            schema={"line": pl.String},
            separator="\x01",
            quote_char=None,
            encoding="utf8-lossy",
            glob=False,
        ).collect()["line"]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from None
    counts = lines.str.count_matches(separator, literal=True).fill_null(0) + 1
    if (broken := counts != len(names)).any():
        row = int(broken.arg_true()[0])
        fault = f"{counts[row]} fields between '{separator}' instead of {len(names)}"
        raise BenchmarkError(f"{path}, line {row + 1}: {fault}; fetch the owner's file again")
    split = lines.str.split_exact(separator, len(names) - 1).struct.rename_fields(list(names))
    return split.struct.unnest()


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


def _unreadable(path: Path, error: Exception) -> BenchmarkError:
    why = " ".join(str(error).split())
    return BenchmarkError(f"{path} cannot be read: {why}; fetch the owner's file again")
