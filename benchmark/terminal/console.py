"""Printing: results to standard output, progress and warnings to standard error."""

import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.text import Text

from benchmark.utils.escape import printable
from benchmark.utils.torchrun import is_silent

if TYPE_CHECKING:
    from benchmark.reports.document import Table

PLAIN_WIDTH = 160
"""Columns of what goes to a file or a pipe, unless COLUMNS says otherwise."""

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


def _width(stream: TextIO) -> int | None:
    """None for that of the terminal, or COLUMNS."""
    return None if stream.isatty() or os.environ.get("COLUMNS") else PLAIN_WIDTH


class Progress(PlainConsole):
    """Standard error: where nobody reads it any more, as behind `2>&1 | head`, runs go on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stderr.fileno())  # of what is buffered


out = PlainConsole(width=_width(sys.stdout), quiet=is_silent())
err = Progress(stderr=True, width=_width(sys.stderr), highlight=False, quiet=is_silent())


def say(line: str) -> None:
    """Print a line as it is, never broken: a path in it can be copied."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def notice(message: str) -> None:
    """Print a message as it is, never broken: a command in it can be copied."""
    err.print(message, markup=False, soft_wrap=True)


def print_table(table: "Table") -> None:
    """Print a table with its title and remarks; one that is too wide in parts."""
    from benchmark.terminal.layout import laid_out

    if table.title:
        out.print(table.title, style="table.title", highlight=False)
    for number, part in enumerate(laid_out(table, out.width)):
        out.print(part, new_line_start=number > 0)
    for remark in table.remarks:
        out.print(remark, highlight=False, markup=False)
    out.print()
