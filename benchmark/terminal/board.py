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
    """Counts and shows the cells that start and end; `expected` are their seconds by key."""

    def __init__(self, expected: Mapping[str, float | None], *, quiet: bool) -> None:
        self.ended: list[CellOutcome] = []
        self._waiting = dict(expected)
        self._running: dict[str, tuple[float, float | None]] = {}
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
            self._running.pop(key, None)
            self.ended.append(event)
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
        now = time.monotonic()
        times = [
            expected and max(0.0, expected - (now - began))
            for began, expected in self._running.values()
        ]
        times += self._waiting.values()
        estimated = [seconds for seconds in times if seconds is not None]
        if not estimated:
            return summary
        bound = "about" if len(estimated) == len(times) else "more than"
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


def _ending(outcome: CellOutcome) -> str:
    key, seconds = outcome.cell.key, duration(outcome.seconds)
    if outcome.state == "done":
        return f"done: {key}, test AUC {outcome.auc:.5f}, {seconds}"
    return ": ".join(filter(None, (outcome.state, f"{key} after {seconds}", outcome.error)))
