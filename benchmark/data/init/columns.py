"""What each column of a table is taken for, and why; a person corrects it in the card."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from benchmark.data.init.sample import Sample
from benchmark.data.init.values import are_numbers, missing_words, values_of
from benchmark.data.rules import numbers
from benchmark.errors import UsageError

Kind = Literal["dense", "sparse", "left out"]

LABELS = (
    *("label", "labels", "click", "clicks", "clicked", "is_click", "is_clicked", "clk", "target"),
    *("y", "class", "conversion", "converted", "purchase", "rating", "ratings", "stars", "score"),
)
_LIKE_LABEL = re.compile(r"label|click|clk|target|conver|purchas|rating|stars", re.IGNORECASE)
_GROUP = re.compile(r"user|member|visitor|customer|session|uid|query|qid", re.IGNORECASE)
_ID = re.compile(r"(^|_)(id|ids|idx|index|code|key|hash)$|Id$|ID$", re.IGNORECASE)
_ROW = re.compile(r"^(|id|index|row.*|unnamed.*)$", re.IGNORECASE)
_QUANTITY = re.compile(
    r"(^|_)(age|amount|cnt|count|duration|length|num|number|price|qty|quantity|rate|ratio)s?($|_)",
    re.IGNORECASE,
)
_TIME = re.compile(r"time|date|(^|_)(ts|day|dt)($|_)|stamp", re.IGNORECASE)
_DATE = r"^(19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T].*)?$"
_SINCE_1990, _TO_2040 = 631_152_000, 2_208_988_800
MOST_CATEGORIES = 20
"""Whole numbers of so few distinct values are categories."""
LEAST_ROWS = 100
"""In a smaller table, values may differ in all rows by chance."""
_TWO_WORDS = ("yes", "y", "t", "click", "clicked", "clk", "pos", "positive", "p")


@dataclass(frozen=True)
class Column:
    """What a column is taken for, and why."""

    name: str
    kind: Kind
    why: str


@dataclass(frozen=True)
class Guess:
    """The label with its rule, if it needs one, and why; the other columns; words that mean no
    value, each with a column that holds it; and the column of groups, if any."""

    label: str
    why_label: str
    positive: str | tuple[str, ...] | None
    columns: tuple[Column, ...]
    missing: Mapping[str, str]
    group: str | None

    def of_kind(self, kind: Kind) -> list[Column]:
        """The columns of one kind, in the order of the table."""
        return [column for column in self.columns if column.kind == kind]

    @property
    def words(self) -> str:
        """The label and how many columns there are of each kind, in one line."""
        counts = [f"{len(self.of_kind(kind))} {kind}" for kind in get_args(Kind)]
        return f"label {self.label}, {', '.join(counts)}"


def guess(sample: Sample, label: str | None) -> Guess:
    """Guess what the columns of a table are; `label` names that of the label. Raises UsageError if
    there is no such column, or none is like a label, and if no other column is of use."""
    names, rows = sample.rows.columns, sample.rows
    if label is not None and label not in names:
        raise UsageError(f"--label {label}: the columns are {_listed(names)}")
    if sample.table.format in ("libsvm", "libffm"):
        found, why = sample.table.label, "the first word of each line"
    else:
        found, why = (label, "as you say") if label else _find_label(sample)
    positive, values = _positive(values_of(rows[found]))
    judge = _judge_pairs if sample.table.format in ("libsvm", "libffm") else _judge
    judged = [judge(name, rows[name]) for name in names if name != found]
    sparse = [column.name for column in judged if column.kind == "sparse"]
    if all(column.kind == "left out" for column in judged):
        raise UsageError("no column is of use but the label; write the card by hand")
    group = next((name for name in sparse if _GROUP.search(name)), None)
    missing = missing_words(rows)
    return Guess(found, f"{why}; {values}", positive, tuple(judged), missing, group)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:50]) + (", ..." if len(names) > 50 else "")


def _find_label(sample: Sample) -> tuple[str, str]:
    """The column of the label, and why it is."""
    rows = sample.rows
    by_name = {name.strip().casefold(): name for name in reversed(rows.columns)}
    if known := [by_name[name] for name in LABELS if name in by_name]:
        return known[0], "by its name"
    two = [name for name in rows.columns if _has_two(values_of(rows[name]))]
    if likely := [name for name in two if _LIKE_LABEL.search(name)] or two:
        return likely[0], "the first column of two values"
    rated = [name for name in rows.columns if _is_rating(values_of(rows[name]))]
    if likely := [name for name in rated if sample.table.header or _LIKE_LABEL.search(name)]:
        return likely[0], "a column of few small numbers, as ratings are"
    fault = "no column is like a label, neither by its name nor by two values"
    raise UsageError(f"{fault}; name it with --label, one of: {_listed(rows.columns)}")


def _has_two(values: pl.Series) -> bool:
    words = set(values.str.to_lowercase().unique())
    if words == {"true", "false"}:
        return True
    return are_numbers(values) and set(numbers(values).unique()) in ({0, 1}, {-1, 1})


def _is_rating(values: pl.Series) -> bool:
    if not are_numbers(values):
        return False
    steps = numbers(values.unique()) * 2
    return 3 <= len(steps) <= 11 and bool(((steps % 1 == 0) & steps.is_between(0, 20)).all())


def _positive(values: pl.Series) -> tuple[str | tuple[str, ...] | None, str]:
    """The rule of the positive labels, None for labels 0 and 1, and what the labels are."""
    words = sorted(values.unique())
    if not are_numbers(values):
        if {word.lower() for word in words} <= {"true", "false"}:
            return None, "true counts as 1"
        positive = next((word for word in words if word.lower() in _TWO_WORDS), None)
        if positive is None:  # clicks are rare
            positive = min(words, key=lambda word: ((values == word).sum(), word), default="1")
        return (positive,), f"{len(words)} words; check which are clicks"
    found = sorted(numbers(values).unique())
    if set(found) <= {0, 1}:
        return None, "0 and 1"
    if len(found) == 2:
        return (f"{found[1]:g}",), f"{found[0]:g} and {found[1]:g}"
    middle = 3 if found[-1] <= 5 else (found[0] + found[-1]) / 2
    return f"> {middle:g}", f"{found[0]:g} to {found[-1]:g}; check which are clicks"


def _judge_pairs(name: str, column: pl.Series) -> Column:
    """A column of libsvm or libffm, whose value in libffm is 1 for a category."""
    values = values_of(column)
    if not are_numbers(values):
        return Column(name, "sparse", "words")
    if name == "qid" or numbers(values).eq(1).all():
        return Column(name, "sparse", "a category of value 1")
    return Column(name, "dense", "numbers")


def _judge(name: str, column: pl.Series) -> Column:
    """A column of csv or parquet."""
    values = values_of(column)
    distinct = values.n_unique()
    if not distinct:
        return Column(name, "left out", "no value in these rows")
    if values.str.contains(_DATE).all():
        return Column(name, "left out", "a time: rows may be split by it")
    number = numbers(values)
    if distinct == len(column) >= LEAST_ROWS and _is_row(name, number):
        return Column(name, "left out", "another value in every row")
    if not are_numbers(values):
        return Column(name, "sparse", f"{_counted(distinct)}, words")
    whole = bool((number % 1 == 0).all())
    if whole and _is_time(name, number):
        return Column(name, "left out", "a time: rows may be split by it")
    kind, why = _judge_numbers(name, values, number, whole=whole)
    return Column(name, kind, why)


def _is_row(name: str, number: pl.Series) -> bool:
    """Whether values that all differ, words being null, name the rows: words do, and whole numbers
    that are long or rise, or whose column has such a name."""
    if number.has_nulls():
        return True
    long = bool((number.abs() >= 2**53).all())
    named = long or number.is_sorted() or _ROW.search(name) is not None
    return named and bool((number % 1 == 0).all())


def _counted(count: int) -> str:
    return "1 value" if count == 1 else f"{count:,} values"


def _is_time(name: str, number: pl.Series) -> bool:
    """Whether whole numbers are seconds or milliseconds since 1970, or a date as YYYYMMDD, with a
    name that says so; of columns without a name, whether they are such seconds."""
    seconds = number.is_between(_SINCE_1990, _TO_2040).all()
    if re.fullmatch(r"c[0-9]+", name):
        return seconds
    milliseconds = number.is_between(1000 * _SINCE_1990, 1000 * _TO_2040).all()
    day = (number % 100).is_between(1, 31) & (number // 100 % 100).is_between(1, 12)
    date = (day & number.is_between(19_900_101, 20_401_231)).all()
    return bool(_TIME.search(name)) and (seconds or milliseconds or date)


def _judge_numbers(
    name: str, values: pl.Series, number: pl.Series, *, whole: bool
) -> tuple[Literal["dense", "sparse"], str]:
    distinct = number.n_unique()
    if not whole:
        return "dense", "numbers with fractions"
    if values.str.contains("^0[0-9]").any() or bool((number.abs() >= 2**53).any()):
        return "sparse", f"{_counted(distinct)}, written as ids"
    if set(number.unique()) == {0, 1}:
        return "sparse", "0 and 1; leave it out if it is known only after the click"
    if distinct <= MOST_CATEGORIES:
        return "sparse", _counted(distinct)
    if _ID.search(name):
        return "sparse", f"{_counted(distinct)}; an id by its name"
    if _QUANTITY.search(name) or _is_count(number):
        return "dense", "whole numbers, as counts or amounts are"
    return "sparse", f"{_counted(distinct)}, whole numbers taken as ids; or is it a quantity?"


def _is_count(number: pl.Series) -> bool:
    """Whether most whole numbers are small, others much larger, and some in between."""
    middle, most = float(number.median()), float(number.max())  # type: ignore[arg-type]
    skewed = bool((number <= 1).any()) and most >= 10 * max(middle, 1)
    return skewed and bool(number.is_between(2, most / 10).any())
