"""The values of a column of text that are there, and words that stand for no value."""

import numpy as np
import polars as pl

from benchmark.data.rules import numbers

ALWAYS = ("NULL", "null", "\\N", "NaN", "nan", "<NA>", "N/A", "n/a", "#N/A", "NaT")
"""Words that no category has as its name."""
AMONG_NUMBERS = ("NA", "na", "None", "none", "nil", "-", "?", "(null)", "undefined", "inf", "-inf")
"""Words that may be categories, unless all other values of their column are numbers."""
WORDS = (*ALWAYS, *AMONG_NUMBERS)


def values_of(column: pl.Series) -> pl.Series:
    """The values without blanks around them, missing ones and WORDS left out."""
    stripped = column.drop_nulls().str.strip_chars(" \t")
    return stripped.filter((stripped != "") & ~stripped.is_in(WORDS))


def are_numbers(values: pl.Series) -> bool:
    """Whether there are values, and all are numbers that a dense column may hold."""
    small = numbers(values).abs() <= float(np.finfo(np.float32).max)
    return len(values) > 0 and small.fill_null(value=False).all()


def missing_words(rows: pl.DataFrame) -> dict[str, str]:
    """The WORDS that stand for no value, with the first column that holds each."""
    found: dict[str, str] = {}
    for name in rows.columns:
        column = rows[name].drop_nulls().str.strip_chars(" \t")
        words = WORDS if are_numbers(values_of(column)) else ALWAYS
        for word in column.filter(column.is_in(words)).unique(maintain_order=True):
            found.setdefault(word, name)
    return dict(sorted(found.items()))
