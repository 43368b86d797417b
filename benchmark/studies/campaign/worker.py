"""What a process of a pool does with a cell."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from benchmark.data import catalog
from benchmark.data.catalog import FoundCard
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
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
        began, parent = time.monotonic(), os.getppid()

        def leave() -> bool:
            return not self.going.exists() or os.getppid() != parent

        def ended(
            state: Literal["done", "failed", "interrupted"],
            auc: float | None = None,
            error: str = "",
        ) -> CellOutcome:
            return CellOutcome(cell, state, time.monotonic() - began, auc, error)

        if not self.going.parent.is_dir():
            return ended(
                "failed",
                error=f"this process sees no {self.going.parent}: all need the same folders",
            )
        try:
            found, store = _opened(cell.card, self.data_root)
            job = Job(
                cell.recipe,
                found.card,
                store,
                cell.seed,
                self.threads,
                self.device,
                cell.rows,
                cell.place,
            )
            record = self.run(job, replace(self.session, leave=leave))
        except KeyboardInterrupt:
            return ended("interrupted")
        except (BenchmarkError, UsageError) as error:
            return ended("failed", error=str(error))
        except Exception as error:
            return ended("failed", error=f"{type(error).__name__}: {error}")
        return ended("done", record.metrics.test.auc)


@cache
def _opened(card: str, data_root: Path | None) -> tuple[FoundCard, Store]:
    return catalog.open_data(card, data_root=data_root, notify=_ignore, fetch=False)


def _ignore(_: str) -> None:
    pass
