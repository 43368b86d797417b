"""How far a command with many parts is, on standard error."""

import sys
import time
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmark.terminal.console import err, notice

FIRST, EVERY = 2.0, 10.0
"""Seconds until the first line, and between lines where there is no terminal."""


class Counter:
    """Call it with (done, of): from two seconds on it shows a bar on a terminal, else a line every
    ten seconds; nothing if `quiet`."""

    def __init__(self, what: str, *, quiet: bool) -> None:
        self._what = what
        self._quiet = quiet
        self._due = time.monotonic() + FIRST
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self._bar = Progress(*columns, TimeElapsedColumn(), console=err, transient=True)
        self._task = self._bar.add_task(what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, of: int) -> None:
        self._bar.update(self._task, completed=done, total=of)
        if self._quiet or time.monotonic() < self._due:
            return
        if sys.stderr.isatty():
            self._bar.start()
        else:
            self._due = time.monotonic() + EVERY
            notice(f"{self._what}: {done} of {of}")
