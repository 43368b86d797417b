"""Rows of an input, checked, in frames of bounded size, with derived columns.

A frame has the label as UInt8 (0 or 1), dense columns as Float64 (missing = null) and all others as
String (missing = null or empty)."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmark.data.card import Derived, TableSpec
from benchmark.data.readers import csv
from benchmark.data.readers.inputs import Input
from benchmark.data.readers.text import Parse
from benchmark.data.rules import parse, present
from benchmark.errors import BenchmarkError, quoted

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_SAY_POSITIVE = 'say which others are clicks in [table]: positive = ["1"], or "> 3"'
_TIME = "a time YYMMDDHH"
_NUMBER = "a finite float32 number, or a word that the card lists as `missing`"


def require_columns(inputs: Sequence[Input], table: TableSpec, columns: Sequence[str]) -> None:
    """Raise BenchmarkError if a part of a split lacks columns, or columns they are derived from."""
    present = [part.columns() for part in inputs]
    if all(part.ragged for part in inputs):
        present = [list(dict.fromkeys(name for names in present for name in names))]
    for part, names in zip(inputs, present, strict=False):
        known = set(names)
        if missing := [name for name in table.needed(columns) if name not in known]:
            listed = ", ".join(names)
            listed = listed if len(listed) <= 1000 else listed[:1000] + " ..."
            absent = ", ".join(map(repr, missing))
            hint = f"it has: {listed}; {_hint(missing, names, table)}"
            raise BenchmarkError(f"{part.name} has no column {absent}; {hint}")


def _hint(missing: Sequence[str], names: Sequence[str], table: TableSpec) -> str:
    """What to do about columns that are missing among these."""
    if len(names) == 1 and table.format == "csv":
        others = [each for each in csv.SEPARATORS if each in names[0]]
        if others:
            return f"say separator = {json.dumps(others[0])} in the card"
    wanted = {name.casefold() for name in missing}
    if alike := [name for name in names if name.strip().casefold() in wanted]:
        return f"write {alike[0]!r} in the card, as the file does"
    return "correct the card or the file"


@dataclass(frozen=True)
class RowBlock:
    """Some rows of an input, unparsed; `frame` parses them, in any thread."""

    table: TableSpec
    columns: Sequence[str]
    unit: str
    """The input, and whether its rows are lines or rows."""
    first: int
    parse: Parse

    def frame(self) -> pl.DataFrame:
        """The rows in their order with the named columns.

        Raises BenchmarkError for the first row of a wrong length, broken number, label outside
        {0, 1}, value that a column cannot be derived from, or text that is not UTF-8. It names
        file, line (parquet: row), column and value."""
        table = self.table
        as_text = {*table.derive, *(derived.of for derived in table.derive.values())}
        as_text |= {choice.column for choice in table.choices}
        if table.positive is not None:
            as_text.add(table.label)
        numeric = {table.label, *table.dense} - as_text
        try:
            return self._typed(*self._chosen([name for name in self.columns if name in numeric]))
        except BenchmarkError:
            return self._typed(*self._chosen([]))  # the error quotes the text of the file

    def raw(self) -> tuple[pl.DataFrame, pl.Series]:
        """The rows that the table chooses, as text or in the types of the input, with the columns
        that are read; and their labels, 0 or 1. Raises BenchmarkError for a value that cannot be
        compared by a rule, and for another label."""
        raw, numbers = self._chosen([])
        return raw, self._label(raw[self.table.label], numbers)

    def _chosen(self, numeric: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
        """The rows that the table chooses, and the number of each."""
        raw = self.parse(numeric)
        if self.table.missing:
            raw = self._without_missing(raw)
        numbers = pl.int_range(self.first, self.first + raw.height, eager=True)
        kept = pl.repeat(True, raw.height, eager=True)
        for choice in self.table.choices:
            values, fulfils = raw[choice.column], pl.repeat(False, raw.height, eager=True)
            for rule in choice.rules:
                self._refuse(rule.broken(values), values, f"a number ({rule.text})", numbers)
                fulfils |= rule.holds(values)
            kept &= fulfils if choice.wanted else ~fulfils
        return (raw, numbers) if kept.all() else (raw.filter(kept), numbers.filter(kept))

    def _typed(self, raw: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
        table = self.table
        frame = raw.select(column(name, table.derive.get(name)) for name in self.columns)
        for name in self.columns:
            if derived := table.derive.get(name):
                broken = frame[name].is_null() & present(raw[derived.of])
                self._refuse(broken, raw[derived.of], RULES[derived.rule][1], numbers)
        dense = {*table.dense}
        numeric = [name for name in self.columns if name == table.label or name in dense]
        columns = []
        for name in numeric:
            if name == table.label:
                columns.append(self._label(frame[name], numbers))
                continue
            values = _stripped(frame[name])
            number = values.cast(pl.Float64, strict=False)
            broken = _not_number(values, number)
            self._refuse(broken, frame[name], _NUMBER, numbers)
            columns.append(number.fill_nan(None).cast(pl.Float64))
        return frame.with_columns(pl.exclude(numeric).cast(pl.String), *columns)

    def _label(self, values: pl.Series, numbers: pl.Series) -> pl.Series:
        """Labels 0 and 1 [n] by the table's rule."""
        if self.table.positive is None:
            number = _zero_or_one(_stripped(values))
            broken = ~((number == 0) | (number == 1)).fill_null(value=False)
            self._refuse(broken, values, f"0 or 1; {_SAY_POSITIVE}", numbers)
            return number.cast(pl.UInt8)
        rule = parse(self.table.positive)
        self._refuse(rule.broken(values), values, f"a number ({rule.text})", numbers)
        self._refuse(~present(values), values, f"a label ({rule.text})", numbers)
        return rule.holds(values).cast(pl.UInt8).alias(values.name)

    def _without_missing(self, raw: pl.DataFrame) -> pl.DataFrame:
        """The rows with null for the words that the card lists as `missing`, blanks around them or
        not. In dense columns and columns of numbers, a number counts by its value."""
        words = pl.Series(self.table.missing, dtype=pl.String)
        numbers = words.cast(pl.Float64, strict=False).drop_nulls()
        dense, columns = {*self.table.dense}, []
        for name, dtype in raw.schema.items():
            missing = pl.lit(value=False)
            values = pl.col(name)
            if dtype == pl.String:
                values = values.str.strip_chars(" \t")
                missing = values.is_in(words.implode())
            if dtype.is_numeric() or name in dense:
                number = values.cast(pl.Float64, strict=False)
                missing |= number.is_in(numbers.implode()).fill_null(value=False)
            columns.append(pl.when(missing).then(None).otherwise(pl.col(name)).alias(name))
        return raw.select(columns)

    def _refuse(
        self, broken: pl.Series, values: pl.Series, expected: str, numbers: pl.Series
    ) -> None:
        if broken.any():
            row = int(broken.arg_true()[0])
            value = "missing" if values[row] is None else quoted(values[row])
            where = f"{self.unit} {numbers[row]}, column '{values.name}'"
            raise BenchmarkError(f"{where}: {value}, expected {expected}")


def blocks(inputs: Sequence[Input], table: TableSpec, columns: Sequence[str]) -> Iterator[RowBlock]:
    """Yield the rows of all parts in blocks, with the named columns. Raises BenchmarkError for a
    part that cannot be read."""
    for part in inputs:
        unit = f"{part.name}, {part.unit}"
        for first, block in part.read(table.needed(columns)):
            yield RowBlock(table, columns, unit, first, block)


def _zero_or_one(label: pl.Series) -> pl.Series:
    """Labels as Float64 [n]; true and false, as polars, pandas and SQL write them, are 1 and 0."""
    number = label.cast(pl.Float64, strict=False)
    if label.dtype != pl.String or number.null_count() == label.null_count():
        return number
    words = {"true": 1.0, "false": 0.0}
    return number.fill_null(label.str.to_lowercase().replace_strict(words, default=None))


def _stripped(values: pl.Series) -> pl.Series:
    return values.str.strip_chars(" \t") if values.dtype == pl.String else values


def _not_number(values: pl.Series, number: pl.Series) -> pl.Series:
    if values.null_count() == number.null_count() and not (number.abs() > _FLOAT32_MAX).any():
        return pl.repeat(False, len(values), eager=True)
    too_large = number.is_not_nan() & (number.abs() > _FLOAT32_MAX)
    return (number.is_null() & present(values)) | too_large.fill_null(value=False)


def column(name: str, derived: Derived | None) -> pl.Expr:
    """The column of a frame, as it is or derived from another one of any type."""
    if derived is None:
        return pl.col(name)
    return RULES[derived.rule][0](pl.col(derived.of).cast(pl.String)).alias(name)


def _time(values: pl.Expr) -> pl.Expr:
    """YYMMDDHH as a datetime of the years 2000 to 2099."""
    eight_digits = pl.when(values.str.contains("^[0-9]{8}$")).then(values)
    return ("20" + eight_digits + "00").str.to_datetime("%Y%m%d%H%M", strict=False)


def _squared_log_bucket(values: pl.Expr) -> pl.Expr:
    """floor(ln(v)^2) for v > 2, else v without its fraction. Bucket 0 and a missing value are one
    and out-of-vocabulary, as in FuxiCTR, which fills with 0 and leaves that out."""
    value = values.cast(pl.Float64, strict=False)
    missing = values.is_null() | (values == "") | value.is_nan()
    bucket = pl.when(value > 2).then(value.log().pow(2).floor()).otherwise(value)
    whole = bucket.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(missing | (whole == "0")).then(pl.lit("")).otherwise(whole)


RULES: Mapping[str, tuple[Callable[[pl.Expr], pl.Expr], str]] = {
    "hour_of_day": (lambda values: _time(values).dt.strftime("%H"), _TIME),
    "weekday": (lambda values: (_time(values).dt.weekday() % 7).cast(pl.String), _TIME),
    "is_weekend": (
        lambda values: (_time(values).dt.weekday() >= 6).cast(pl.Int8).cast(pl.String),
        _TIME,
    ),
    "squared_log_bucket": (_squared_log_bucket, "a finite number"),
}
"""Rules from text to text, and the values that they read; others become null, and so do missing
values unless the rule says otherwise. Sunday is weekday 0."""
