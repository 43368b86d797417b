"""The progress of a campaign: a line at each start and end of a cell, or a live table."""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Self

from rich.live import Live
from rich.table import Table

from benchmark.reports.words import duration
from benchmark.studies.campaign.estimate import makespan
from benchmark.studies.campaign.suite import CellOutcome, CellStarted
from benchmark.terminal.console import err, notice


class CellBoard:
    """Counts and shows the cells that start and end; `expected` are their seconds by key, which
    those that ended correct."""

    def __init__(self, expected: Mapping[str, float | None], *, quiet: bool) -> None:
        self.ended: list[CellOutcome] = []
        self._waiting = dict(expected)
        self._running: dict[str, tuple[float, float | None]] = {}
        self._expected = self._took = 0.0
        self._quiet = quiet
        self._is_live = sys.stderr.isatty() and not quiet
        self._live = Live(
            console=err, get_renderable=self._table, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: CellStarted | CellOutcome) -> None:
        key = event.cell.key
        if isinstance(event, CellStarted):
            self._running[key] = time.monotonic(), self._waiting.pop(key, None)
            line = f"begun{' again, as its process had died' if event.again else ''}: {key}"
            is_shown = not self._is_live  # the table shows it
        else:
            _, expected = self._running.pop(key, (0.0, None))
            self.ended.append(event)
            if expected is not None and event.state == "done":
                self._expected += expected
                self._took += event.seconds
            line = _ending(event) if self._is_live else f"{_ending(event)} ({self._summary()})"
            is_shown = True
        if is_shown and not self._quiet:
            notice(line)

    def _summary(self) -> str:
        """E.g. `3 done, 1 failed, 2 running, 20 waiting; about 34 min left`."""
        counts = Counter[str](outcome.state for outcome in self.ended)
        counts.update(running=len(self._running), waiting=len(self._waiting))
        summary = f"{counts['done']} done"
        for state in ("failed", "interrupted", "running", "waiting"):
            summary += f", {counts[state]} {state}" if counts[state] else ""
        now, pace = time.monotonic(), self._took / self._expected if self._expected else 1.0
        running = [
            _left(expected * pace, now - began)
            for began, expected in self._running.values()
            if expected is not None
        ]
        waiting = [seconds * pace for seconds in self._waiting.values() if seconds is not None]
        estimated = [*running, *waiting]
        if not estimated:
            return summary
        is_whole = len(estimated) == len(self._running) + len(self._waiting)
        bound = "about" if is_whole else "more than"
        left = makespan(estimated, max(1, len(self._running)))
        return f"{summary}; {bound} {duration(left)} left"

    def _table(self) -> Table:
        caption = self._summary()
        table = Table(
            "running", "for", "expected", caption=caption, caption_justify="left", box=None
        )
        for key, (began, expected) in list(self._running.items()):
            table.add_row(key, duration(time.monotonic() - began), duration(expected))
        return table


def _left(expected: float, elapsed: float) -> float:
    """Seconds until a cell ends; one that takes longer than expected may take as long again."""
    return expected - elapsed if elapsed < expected else elapsed


def _ending(outcome: CellOutcome) -> str:
    key, seconds = outcome.cell.key, duration(outcome.seconds)
    if outcome.state == "done":
        return f"done: {key}, test AUC {outcome.auc:.5f}, {seconds}"
    return ": ".join(filter(None, (outcome.state, f"{key} after {seconds}", outcome.error)))
