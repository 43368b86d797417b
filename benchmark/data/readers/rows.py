"""Rows of csv, parquet and libsvm files, checked, in frames of bounded size.

A frame has the label as UInt8 (0 or 1), dense columns as Float64 (missing = null) and all others as
String (missing = null or empty)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers import csv, derive, libsvm, parquet
from benchmark.data.readers.lines import Parse
from benchmark.errors import BenchmarkError

_FORMATS = {"csv": csv, "parquet": parquet, "libsvm": libsvm}
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def require_columns(path: Path, table: TableSpec, columns: Sequence[str]) -> None:
    """Raise BenchmarkError if the file lacks columns, or columns they are derived from."""
    present = _FORMATS[table.format].columns(path, table)
    if missing := [name for name in table.sources(columns) if name not in present]:
        listed = ", ".join(present)
        if len(listed) > 1000:
            listed = listed[:1000] + " ..."
        raise BenchmarkError(
            f"{path} has no column {', '.join(map(repr, missing))}; it has: {listed}; correct the"
            " card or the file"
        )


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a file, unparsed; `frame` parses them, in any thread."""

    table: TableSpec
    columns: Sequence[str]
    start: "_Start"
    parse: Parse

    def frame(self) -> pl.DataFrame:
        """The rows in file order with the named columns.

        Raises BenchmarkError for the first row of a wrong length, broken number, label outside
        {0, 1}, value that a column cannot be derived from, or text that is not UTF-8. It names
        file, line (parquet: row), column and value."""
        as_text = {derived.of for derived in self.table.derive.values()} | set(self.table.derive)
        numeric = {self.table.label, *self.table.dense} - as_text
        try:
            return self._typed([name for name in self.columns if name in numeric])
        except BenchmarkError:
            return self._typed([])  # the error quotes the text of the file

    def _typed(self, numbers: Sequence[str]) -> pl.DataFrame:
        frame = _derived(self.parse(numbers), self.table, self.columns, self.start)
        return _typed(frame, self.table, self.start)


def blocks(path: Path, table: TableSpec, columns: Sequence[str]) -> Iterator[RowBlock]:
    """Yield the rows of a file in blocks, with the named columns.

    Raises BenchmarkError for a file that cannot be read."""
    unit = "row" if table.format == "parquet" else "line"
    for first, parse in _FORMATS[table.format].read(path, table, table.sources(columns)):
        yield RowBlock(table, columns, _Start(f"{path}, {unit}", first), parse)


@dataclass(frozen=True)
class _Start:
    """The first row of a block: file and unit (line or row), and its number."""

    unit: str
    first: int

    def refuse(self, broken: pl.Series, values: pl.Series, expected: str) -> None:
        """Raise BenchmarkError for the first broken value, if any."""
        if broken.any():
            row = int(broken.arg_true()[0])
            value = "missing" if values[row] is None else repr(values[row])
            where = f"{self.unit} {self.first + row}, column '{values.name}'"
            raise BenchmarkError(f"{where}: {value}, expected {expected}")


def _derived(
    frame: pl.DataFrame, table: TableSpec, columns: Sequence[str], start: _Start
) -> pl.DataFrame:
    result = frame.select(derive.column(name, table.derive.get(name)) for name in columns)
    for name in columns:
        if derived := table.derive.get(name):
            values = frame[derived.of]
            broken = result[name].is_null() & _present(values)
            start.refuse(broken, values, derive.RULES[derived.rule].expected)
    return result


def _typed(frame: pl.DataFrame, table: TableSpec, start: _Start) -> pl.DataFrame:
    numeric = [name for name in frame.columns if name == table.label or name in table.dense]
    numbers = frame.select(_number(frame[name]) for name in numeric)
    for name in numeric:
        if name == table.label:
            start.refuse(_not_label(numbers[name]), frame[name], "0 or 1")
        else:
            broken = _not_number(frame[name], numbers[name])
            start.refuse(broken, frame[name], "a finite float32 number")
    types = {table.label: pl.UInt8}
    typed = [number.fill_nan(None).cast(types.get(number.name, pl.Float64)) for number in numbers]
    return frame.with_columns(pl.exclude(numeric).cast(pl.String), *typed)


def _number(values: pl.Series) -> pl.Series:
    """Float64, null for text that is not a number. Blanks around a number are allowed."""
    return _stripped(values).cast(pl.Float64, strict=False)


def _stripped(values: pl.Series) -> pl.Series:
    return values.str.strip_chars(" \t") if values.dtype == pl.String else values


def _not_label(number: pl.Series) -> pl.Series:
    return ~((number == 0) | (number == 1)).fill_null(value=False)


def _not_number(raw: pl.Series, number: pl.Series) -> pl.Series:
    if raw.null_count() == number.null_count() and not (number.abs() > _FLOAT32_MAX).any():
        return pl.repeat(False, len(raw), eager=True)
    too_large = number.is_not_nan() & (number.abs() > _FLOAT32_MAX)
    return (number.is_null() & _present(_stripped(raw))) | too_large.fill_null(value=False)


def _present(values: pl.Series) -> pl.Series:
    present = values.is_not_null()
    return present & (values != "") if values.dtype == pl.String else present
