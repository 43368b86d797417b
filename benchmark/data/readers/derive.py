"""Columns derived from one column of a file, row by row.

A rule maps text to text; the result is null for text that it cannot read, and for a missing value
unless the rule says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from benchmark.data.card import Derived


@dataclass(frozen=True)
class Rule:
    apply: Callable[[pl.Expr], pl.Expr]
    expected: str


def column(name: str, derived: Derived | None) -> pl.Expr:
    """The column of a frame, as it is or derived from another one of any type."""
    if derived is None:
        return pl.col(name)
    return RULES[derived.rule].apply(pl.col(derived.of).cast(pl.String)).alias(name)


def _time(text: pl.Expr) -> pl.Expr:
    """YYMMDDHH as a datetime of the years 2000 to 2099."""
    eight_digits = pl.when(text.str.contains("^[0-9]{8}$")).then(text)
    return ("20" + eight_digits + "00").str.to_datetime("%Y%m%d%H%M", strict=False)


def _hour_of_day(text: pl.Expr) -> pl.Expr:
    """HH, 00 to 23."""
    return _time(text).dt.strftime("%H")


def _weekday(text: pl.Expr) -> pl.Expr:
    """0 (Sunday) to 6 (Saturday)."""
    return (_time(text).dt.weekday() % 7).cast(pl.String)


def _is_weekend(text: pl.Expr) -> pl.Expr:
    """1 on Saturday and Sunday, else 0."""
    return (_time(text).dt.weekday() >= 6).cast(pl.Int8).cast(pl.String)


def _squared_log_bucket(text: pl.Expr) -> pl.Expr:
    """floor(ln(v)^2) for v > 2, else v without its fraction; 0 for a missing value."""
    value = text.cast(pl.Float64, strict=False)
    missing = text.is_null() | (text == "") | value.is_nan()
    bucket = pl.when(value > 2).then(value.log().pow(2).floor()).otherwise(value)
    whole = bucket.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(missing).then(pl.lit("0")).otherwise(whole)


RULES = {
    "hour_of_day": Rule(_hour_of_day, "a time YYMMDDHH"),
    "weekday": Rule(_weekday, "a time YYMMDDHH"),
    "is_weekend": Rule(_is_weekend, "a time YYMMDDHH"),
    "squared_log_bucket": Rule(_squared_log_bucket, "a finite number"),
}
