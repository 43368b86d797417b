"""Run many cells at once: each writes its record when it ends, whatever happens to the others."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from benchmark.errors import reason
from benchmark.studies.campaign.cells import Cell
from benchmark.utils.interrupts import Interrupts

TICK = 0.2
"""Seconds between checks for a signal."""
DIED = "its process died, and again when it ran alone: killed for lack of memory?"
INTERRUPTED = "its process was interrupted; the same command goes on from its last checkpoint"


@dataclass(frozen=True)
class CellStarted:
    """`again`: its process had died."""

    cell: Cell
    again: bool = False


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended: the test `auc` of a done one, the `error` message of a failed one."""

    cell: Cell
    state: Literal["done", "failed", "interrupted"]
    seconds: float = 0.0
    auc: float | None = None
    error: str = ""


RunCell = Callable[[Cell], CellOutcome]
CellWatch = Callable[[CellStarted | CellOutcome], None]


class Pool(Protocol):
    """Processes that run cells, here or elsewhere."""

    def jobs(self) -> int:
        """How many cells can run at once, now."""

    def submit(self, run_cell: RunCell, cell: Cell) -> "Future[CellOutcome]":
        """The future raises BrokenExecutor if a process of the pool died; the next `submit` then
        starts new ones."""

    def close(self, *, kill: bool) -> None: ...


def run_cells(
    cells: Sequence[Cell],
    run_cell: RunCell,
    pool: Pool,
    watch: CellWatch,
    stop: Callable[[], None],
) -> list[CellOutcome]:
    """Run the cells in their order and return their outcomes in the order of their ends.

    If a process dies and takes others with it, their cells run again, one by one; a cell whose
    process dies alone has failed. At a signal nothing more is started, `stop` tells the running
    cells to end, and Interrupted is raised when they have; a second signal ends them at once."""
    waiting, suspects = deque(cells), deque[Cell]()
    running: dict[Future[CellOutcome], Cell] = {}
    died: set[str] = set()
    outcomes: list[CellOutcome] = []
    orderly = False
    try:
        with Interrupts() as interrupts:
            interrupts.deferring = True
            while waiting or suspects or running:
                if interrupts.caught is not None:
                    stop()
                    waiting.clear()
                    suspects.clear()
                for cell in _startable(waiting, suspects, len(running), pool):
                    running[pool.submit(run_cell, cell)] = cell
                    watch(CellStarted(cell, again=cell.key in died))
                for future in _completed(running):
                    cell = running.pop(future)
                    outcome = _outcome(future, cell, died)
                    if outcome is None:
                        died.add(cell.key)
                        suspects.append(cell)
                        continue
                    if outcome.state == "interrupted" and interrupts.caught is None:
                        outcome = replace(outcome, state="failed", error=INTERRUPTED)
                    outcomes.append(outcome)
                    watch(outcome)
            orderly = True
            interrupts.deliver()
    finally:
        pool.close(kill=not orderly)
    return outcomes


def _startable(waiting: deque[Cell], suspects: deque[Cell], running: int, pool: Pool) -> list[Cell]:
    if suspects:
        return [] if running else [suspects.popleft()]
    room = pool.jobs() - running if waiting else 0
    return [waiting.popleft() for _ in range(min(room, len(waiting)))]


def _completed(running: dict["Future[CellOutcome]", Cell]) -> list["Future[CellOutcome]"]:
    if not running:
        time.sleep(TICK)  # the cluster has no worker at the moment
        return []
    done, _ = wait(running, TICK, FIRST_COMPLETED)
    return [future for future in running if future in done]


def _outcome(future: "Future[CellOutcome]", cell: Cell, died: set[str]) -> CellOutcome | None:
    """None for a cell to be run again."""
    try:
        return future.result()
    except BrokenExecutor:
        return CellOutcome(cell, "failed", error=DIED) if cell.key in died else None
    except Exception as error:  # the pool lost it, or could not send it
        return CellOutcome(cell, "failed", error=reason(error))
