"""Run many cells at once: each writes its record when it ends, whatever happens to the others."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from benchmark.data import catalog
from benchmark.data.catalog import FoundCard
from benchmark.data.store import Store
from benchmark.errors import reason
from benchmark.records.record import Record
from benchmark.runs.job import Job
from benchmark.runs.session import Session
from benchmark.studies.campaign.cells import Cell
from benchmark.utils.interrupts import Interrupts
from benchmark.utils.types import Device

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
    watch: Callable[[CellStarted | CellOutcome], None],
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
                if not running:
                    time.sleep(TICK)  # the cluster has no worker at the moment
                    continue
                done = wait(running, TICK, FIRST_COMPLETED).done
                for future in [each for each in running if each in done]:
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


def _outcome(future: "Future[CellOutcome]", cell: Cell, died: set[str]) -> CellOutcome | None:
    """None for a cell to be run again."""
    try:
        return future.result()
    except BrokenExecutor:
        return CellOutcome(cell, "failed", error=DIED) if cell.key in died else None
    except Exception as error:  # the pool lost it, or could not send it
        return CellOutcome(cell, "failed", error=reason(error))


@dataclass(frozen=True)
class Worker:
    """Runs cells in a process of a pool, and leaves a run once the file `going` or the process that
    started this one is gone."""

    run: Callable[[Job, Session], Record]
    session: Session
    data_root: Path | None
    threads: int
    going: Path
    device: Device = "cpu"

    def __call__(self, cell: Cell) -> CellOutcome:
        start = time.monotonic()
        return replace(self._outcome(cell), seconds=time.monotonic() - start)

    def _outcome(self, cell: Cell) -> CellOutcome:
        folder, parent = self.going.parent, os.getppid()
        if not folder.is_dir():
            unseen = f"this process sees no {folder}: all need the same folders"
            return CellOutcome(cell, "failed", error=unseen)

        def leave() -> bool:
            return not self.going.exists() or os.getppid() != parent

        try:
            card, store = _open_data(cell.card, self.data_root)
            recipe, seed, threads = cell.recipe, cell.seed, self.threads
            job = Job(recipe, card.card, store, seed, threads, self.device, cell.rows, cell.place)
            record = self.run(job, replace(self.session, leave=leave))
        except KeyboardInterrupt:
            return CellOutcome(cell, "interrupted")
        except Exception as error:
            return CellOutcome(cell, "failed", error=reason(error))
        return CellOutcome(cell, "done", auc=record.metrics.test.auc)


@cache
def _open_data(card: str, data_root: Path | None) -> tuple[FoundCard, Store]:
    return catalog.open_data(card, data_root=data_root, notify=lambda _: None, fetch=False)
