"""What a process of a pool does with a cell."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from benchmark.data import catalog
from benchmark.data.catalog import FoundCard
from benchmark.data.store import Store
from benchmark.errors import reason
from benchmark.records.record import Record
from benchmark.runs.job import Job
from benchmark.runs.session import Session
from benchmark.studies.campaign.cells import Cell
from benchmark.studies.campaign.suite import CellOutcome
from benchmark.utils.types import Device


@dataclass(frozen=True)
class Worker:
    """Runs cells, and leaves a run once the file `going` or the process that started this one is
    gone."""

    run: Callable[[Job, Session], Record]
    session: Session
    data_root: Path | None
    threads: int
    going: Path
    device: Device = "cpu"

    def __call__(self, cell: Cell) -> CellOutcome:
        start = time.monotonic()
        outcome = self._outcome(cell)
        return replace(outcome, seconds=time.monotonic() - start)

    def _outcome(self, cell: Cell) -> CellOutcome:
        folder, parent = self.going.parent, os.getppid()
        if not folder.is_dir():
            unseen = f"this process sees no {folder}: all need the same folders"
            return CellOutcome(cell, "failed", error=unseen)
        try:
            card, store = _open_data(cell.card, self.data_root)
            job = Job(
                cell.recipe,
                card.card,
                store,
                cell.seed,
                self.threads,
                self.device,
                cell.rows,
                cell.place,
            )
            session = replace(
                self.session, leave=lambda: not self.going.exists() or os.getppid() != parent
            )
            record = self.run(job, session)
        except KeyboardInterrupt:
            return CellOutcome(cell, "interrupted")
        except Exception as error:
            return CellOutcome(cell, "failed", error=reason(error))
        return CellOutcome(cell, "done", auc=record.metrics.test.auc)


@cache
def _open_data(card: str, data_root: Path | None) -> tuple[FoundCard, Store]:
    return catalog.open_data(card, data_root=data_root, notify=lambda _: None, fetch=False)
