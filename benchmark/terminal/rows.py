"""Rows of a data set in the terminal: a line a column, so that a wide table fits."""

from collections.abc import Sequence

import polars as pl
from rich.table import Table
from rich.text import Text

from benchmark.terminal.console import out, say

WIDTH = 80
_ROWS = 5
"""Rows side by side."""
_NAME, _VALUE = 20, 10
"""Characters of a column's name and of a value, of which the end may be cut off."""


def print_rows(split: str, rows: pl.DataFrame, unused: Sequence[str]) -> None:
    """Print rows under their numbers, from 1, and which other columns there are."""
    for first in range(0, rows.height, _ROWS):
        part = rows.slice(first, _ROWS)
        table = Table(box=None, pad_edge=False)
        table.add_column(split, no_wrap=True, width=_NAME)
        for number in range(first + 1, first + part.height + 1):
            table.add_column(f"{number}", no_wrap=True, width=_VALUE)
        for values in part:
            table.add_row(Text(values.name), *(Text(_cell(value)) for value in values))
        out.print(table)
    if unused:
        names = f"not read: {', '.join(unused)}"
        say(names if len(names) <= WIDTH else f"{names[: WIDTH - 4]} ...")
    say("")


def _cell(value: object) -> str:
    """The value, with control characters as escapes; nothing for a missing one."""
    return "" if value is None else repr(str(value))[1:-1]
