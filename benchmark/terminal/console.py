"""Printing: results to standard output, progress and warnings to standard error."""

import io
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.utils.escape import printable

if TYPE_CHECKING:
    from benchmark.reports.document import Table

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, so that nothing is cut."""

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        # the bars of a table are question marks where the encoding lacks them
        stream.reconfigure(errors="replace")


class PlainConsole(Console):
    """Strings are data: no markup, no emoji, and control characters as escapes. Colours are given
    as styles alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


out = PlainConsole(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
err = PlainConsole(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def say(line: str) -> None:
    """Print a line as it is, never broken: a path in it can be copied."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def notice(message: str) -> None:
    """Print a message as it is, never broken: a command in it can be copied."""
    err.print(message, markup=False, soft_wrap=True)


def print_table(table: "Table") -> None:
    """Print a table with its title and remarks."""
    cells = RichTable(*table.head, title=table.title, title_justify="left", box=None)
    for row in table.rows:
        cells.add_row(*row)
    out.print(cells if table.head else table.title)
    for remark in table.remarks:
        out.print(remark, highlight=False, markup=False)
    out.print()
