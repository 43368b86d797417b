"""How far many runs have come: a live table on a terminal, a line at each start and end
elsewhere."""

import time
from collections import Counter
from collections.abc import Mapping

from rich.live import Live
from rich.table import Table

from benchmark.reports.words import duration
from benchmark.studies.campaign.estimate import makespan
from benchmark.studies.campaign.suite import CellOutcome, CellStarted
from benchmark.terminal.console import err, notice

CellEvent = CellStarted | CellOutcome


class CellBoard:
    """Counts what has begun and ended. `expected` are the seconds of each cell by its key, None
    where unknown."""

    def __init__(self, expected: Mapping[str, float | None]) -> None:
        self.waiting = dict(expected)
        self.running: dict[str, tuple[float, float | None]] = {}
        self.ended: list[CellOutcome] = []

    def count(self, event: CellEvent) -> None:
        key = event.cell.key
        if isinstance(event, CellStarted):
            self.running[key] = time.monotonic(), self.waiting.pop(key, None)
        else:
            self.running.pop(key, None)
            self.ended.append(event)

    def so_far(self) -> str:
        """E.g. `3 done, 1 failed, 2 running, 20 waiting; about 34 min left`."""
        ended = Counter(outcome.state for outcome in self.ended)
        counts = {
            "failed": ended["failed"],
            "interrupted": ended["interrupted"],
            "running": len(self.running),
            "waiting": len(self.waiting),
        }
        said = ", ".join(
            [
                f"{ended['done']} done",
                *(f"{count} {name}" for name, count in counts.items() if count),
            ]
        )
        now = time.monotonic()
        left = [
            expected and max(0.0, expected - (now - began))
            for began, expected in self.running.values()
        ]
        times = [*left, *self.waiting.values()]
        known = [seconds for seconds in times if seconds is not None]
        if not known:
            return said
        return (
            f"{said}; {'about' if len(known) == len(times) else 'more than'}"
            f" {duration(self._left(known))} left"
        )

    def _left(self, times: list[float]) -> float:
        return makespan(times, max(1, len(self.running)))


class CellLines:
    def __init__(self, board: CellBoard) -> None:
        self._board = board

    def __call__(self, event: CellEvent) -> None:
        self._board.count(event)
        if isinstance(event, CellStarted):
            notice(
                f"begun{' again, as its process had died' if event.again else ''}: {event.cell.key}"
            )
        else:
            notice(f"{ending(event)} ({self._board.so_far()})")

    def close(self) -> None:
        pass


class LiveTable:
    """The running cells, below a line for each that has ended. Close it when all is over."""

    def __init__(self, board: CellBoard) -> None:
        self._board = board
        self._live = Live(
            console=err, get_renderable=self._table, refresh_per_second=2, transient=True
        )
        self._live.start()

    def __call__(self, event: CellEvent) -> None:
        self._board.count(event)
        if isinstance(event, CellOutcome):
            self._live.console.print(ending(event), markup=False)

    def close(self) -> None:
        self._live.stop()

    def _table(self) -> Table:
        table = Table(
            "running",
            "for",
            "expected",
            caption=self._board.so_far(),
            caption_justify="left",
            box=None,
        )
        for key, (began, expected) in list(self._board.running.items()):
            table.add_row(key, duration(time.monotonic() - began), duration(expected))
        return table


def ending(outcome: CellOutcome) -> str:
    key, seconds = outcome.cell.key, duration(outcome.seconds)
    if outcome.state == "done":
        return f"done: {key}, test AUC {outcome.auc:.5f}, {seconds}"
    return f"{outcome.state}: {key} after {seconds}" + (
        f": {outcome.error}" if outcome.error else ""
    )
