"""Where the command line prints: results to standard output, progress and warnings to standard error."""

import io
import sys

from rich.console import Console

PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe, so that nothing is cut."""

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):  # a terminal without the bars of the tables shows question marks instead
        stream.reconfigure(errors="replace")

out = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else PLAIN_WIDTH, highlight=False)


def notice(message: str) -> None:
    err.print(message, markup=False)
