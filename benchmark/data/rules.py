"""Rules on the values of one column, as cards state them: `"> 3"`, `"!= test"`, `["1", "yes"]`.

A list names the values that are meant. Numbers compare as numbers, so that +1 and 1.0 are 1; from
2^53 on, where float64 would mix them up, equality goes by the text. A missing value fulfils no
rule."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import polars as pl
from pydantic import BeforeValidator

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_FORM = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*([^\s=<>!].*?)\s*")
_EXACT = 2**53


@dataclass(frozen=True)
class Rule:
    """An operator and the values on its right; several only for `==`."""

    text: str
    operator: str
    values: tuple[str, ...]

    def holds(self, column: pl.Series) -> pl.Series:
        """Whether each value fulfils the rule [n]."""
        if self.operator in _ORDERS:
            by_number = _number(self.values[0]) is not None
            left = numbers(column) if by_number else _texts(column)
            right = _number(self.values[0]) if by_number else self.values[0]
            held: pl.Series = _ORDERS[self.operator](left, right)
            return held.fill_null(value=False)
        equal = _texts(column).is_in(self.values).fill_null(value=False)
        exact = [number for number in map(_number, self.values) if number is not None]
        exact = [number for number in exact if abs(number) < _EXACT]
        equal |= numbers(column).is_in(exact).fill_null(value=False)
        return equal if self.operator == "==" else ~equal & present(column)

    def broken(self, column: pl.Series) -> pl.Series:
        """Whether each value is there but no number, though the rule orders numbers [n]."""
        if self.operator not in _ORDERS or _number(self.values[0]) is None:
            return pl.repeat(False, len(column), eager=True)
        return present(column) & numbers(column).is_null()


@dataclass(frozen=True)
class Choice:
    """Rows that are wanted, or else left out, where a column fulfils one of the rules."""

    column: str
    rules: tuple[Rule, ...]
    wanted: bool = True


def parse(rule: object) -> Rule:
    """Read a rule, a text or a tuple of texts. Raises ValueError that says how one is written."""
    if isinstance(rule, tuple) and rule:
        return Rule(", ".join(rule), "==", rule)
    form = _FORM.fullmatch(rule) if isinstance(rule, str) else None
    if form is None:
        raise ValueError('write == != > >= < or <= and a value, as in "> 3", or a list of values')
    return Rule(form[0].strip(), form[1], (form[2],))


def _checked(value: object) -> object:
    if isinstance(value, list | tuple):
        value = tuple(form for one in value for form in _forms(one))
    parse(value)
    return value


def _forms(value: object) -> tuple[str, ...]:
    """The text of a value; true and false as polars, pandas and SQL write them."""
    text = str(value)
    return (text.lower(), text, text.upper()) if isinstance(value, bool) else (text,)


RuleText = Annotated[str | tuple[str, ...], BeforeValidator(_checked)]
"""A rule in a card."""


def present(column: pl.Series) -> pl.Series:
    """Whether each value is there [n]: neither missing nor empty text."""
    there = column.is_not_null()
    return there & (column != "") if column.dtype == pl.String else there


def numbers(column: pl.Series) -> pl.Series:
    """The values as Float64 [n]; what is no number is missing. Dates are no numbers."""
    values = column if column.dtype.is_numeric() else _texts(column)
    return values.cast(pl.Float64, strict=False).fill_nan(None)


def _texts(column: pl.Series) -> pl.Series:
    return column.cast(pl.String).str.strip_chars(" \t")


def _number(text: str) -> float | None:
    value: float | None = numbers(pl.Series([text])).item()
    return value
