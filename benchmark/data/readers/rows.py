"""Rows of a person's files, checked: csv, parquet and libsvm become frames of bounded size.

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
    """Raises BenchmarkError for columns, or what they are derived from, that the file lacks."""
    found = _FORMATS[table.format].columns(path, table)
    if missing := [name for name in table.sources(columns) if name not in found]:
        raise BenchmarkError(
            f"{path} has no column {', '.join(map(repr, missing))}; it has:"
            f" {_shortened(', '.join(found))}; correct the card or the file"
        )


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a file, cheap to hold; `frame` parses them, in any thread. `first` is where they
    begin: a line, or a row of parquet."""

    table: TableSpec
    columns: Sequence[str]
    place: "_Place"
    parse: Parse

    def frame(self) -> pl.DataFrame:
        """The rows in file order with the named columns.

        Raises BenchmarkError naming file, line (parquet: row), column and value of the first row of
        a wrong length, broken number, label outside {0, 1}, value that a derived column cannot be
        made of, or text that is not
        UTF-8."""
        kept = {derived.of for derived in self.table.derive.values()} | set(self.table.derive)
        numeric = {self.table.label, *self.table.dense} - kept
        try:
            return self._typed(self.parse([name for name in self.columns if name in numeric]))
        except BenchmarkError:
            return self._typed(self.parse([]))  # the error quotes the text of the file

    def _typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        return _typed(_derived(frame, self.table, self.columns, self.place), self.table, self.place)


def blocks(path: Path, table: TableSpec, columns: Sequence[str]) -> Iterator[RowBlock]:
    """The rows of a file in file order, block by block, with the named columns.

    Raises BenchmarkError for a file that cannot be read."""
    unit = "row" if table.format == "parquet" else "line"
    for first, parse in _FORMATS[table.format].read(path, table, table.sources(columns)):
        yield RowBlock(table, columns, _Place(f"{path}, {unit}", first), parse)


@dataclass(frozen=True)
class _Place:
    """Where a frame begins: `unit` is the file and what `first`, its first row, is counted in."""

    unit: str
    first: int

    def refuse(self, broken: pl.Series, values: pl.Series, expected: str) -> None:
        """Raises BenchmarkError for the first of the values that is broken, if there is one."""
        if broken.any():
            row = int(broken.arg_true()[0])
            found = "missing" if values[row] is None else repr(values[row])
            where = f"{self.unit} {self.first + row}, column '{values.name}'"
            raise BenchmarkError(f"{where}: {found}, expected {expected}")


def _derived(
    frame: pl.DataFrame, table: TableSpec, columns: Sequence[str], place: _Place
) -> pl.DataFrame:
    made = frame.select(derive.column(name, table.derive.get(name)) for name in columns)
    for name in columns:
        if derived := table.derive.get(name):
            values = frame[derived.of]
            place.refuse(
                made[name].is_null() & _present(values), values, derive.RULES[derived.rule].expected
            )
    return made


def _typed(frame: pl.DataFrame, table: TableSpec, place: _Place) -> pl.DataFrame:
    numeric = [name for name in frame.columns if name == table.label or name in table.dense]
    numbers = frame.select(_number(frame[name]) for name in numeric)
    for name in numeric:
        is_label = name == table.label
        broken = _no_label(numbers[name]) if is_label else _no_number(frame[name], numbers[name])
        place.refuse(broken, frame[name], "0 or 1" if is_label else "a finite float32 number")
    types = {table.label: pl.UInt8}
    typed = [number.fill_nan(None).cast(types.get(number.name, pl.Float64)) for number in numbers]
    return frame.with_columns(pl.exclude(numeric).cast(pl.String), *typed)


def _number(values: pl.Series) -> pl.Series:
    """As Float64, null where it is none. Blanks around a number are allowed."""
    return _stripped(values).cast(pl.Float64, strict=False)


def _stripped(values: pl.Series) -> pl.Series:
    return values.str.strip_chars(" \t") if values.dtype == pl.String else values


def _no_label(number: pl.Series) -> pl.Series:
    return ~((number == 0) | (number == 1)).fill_null(value=False)


def _no_number(raw: pl.Series, number: pl.Series) -> pl.Series:
    if raw.null_count() == number.null_count() and not (number.abs() > _FLOAT32_MAX).any():
        return pl.repeat(False, len(raw), eager=True)
    too_large = number.is_not_nan() & (number.abs() > _FLOAT32_MAX)
    return (number.is_null() & _present(_stripped(raw))) | too_large.fill_null(value=False)


def _present(values: pl.Series) -> pl.Series:
    return (
        values.is_not_null() & (values != "") if values.dtype == pl.String else values.is_not_null()
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 1000 else text[:1000] + " ..."
