"""Where cells are carried out: joblib's loky processes on this machine, or the workers of a Dask
cluster.

Not through joblib.Parallel: it takes tasks up to twice its number of jobs ahead of their start,
which hides what is running, and with Dask it waits for ever for a task whose worker has died for
good. Both executors under it are plain ones of concurrent.futures, and one loop (suite.py) serves
both.
"""

import os
import signal
from concurrent.futures import Future
from importlib import import_module
from typing import Any

from joblib.externals.loky import get_reusable_executor

from benchmark.errors import BenchmarkError, UsageError
from benchmark.studies.campaign.cells import Cell
from benchmark.studies.campaign.suite import CarryOut, CellOutcome

ANSWER_SECONDS = 10


class Local:
    """`jobs` processes of this machine with `threads` threads each. Ctrl-C reaches the starting
    process alone."""

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs = jobs
        self._threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), str(threads)
        )
        self._executor: Any = None

    def jobs(self) -> int:
        return self._jobs

    def submit(self, carry_out: CarryOut, cell: Cell) -> "Future[CellOutcome]":
        self._executor = get_reusable_executor(
            self._jobs, initializer=_ignore_interrupts, env=self._threads
        )
        future: Future[CellOutcome] = self._executor.submit(carry_out, cell)
        return future

    def close(self, *, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)


class Cluster:
    """The workers of a Dask scheduler, which see the same folders. A worker's cell goes to another
    where it dies.

    Raises UsageError where the extra is not installed, BenchmarkError where nobody answers."""

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise UsageError('--backend dask needs the extra: pip install -e ".[dask]"') from None
        try:
            self._client = distributed.Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BenchmarkError(
                f"--address {address}: no Dask scheduler answers ({error})"
            ) from None
        self._executor = self._client.get_executor()
        self.jobs()

    def jobs(self) -> int:
        try:
            threads: dict[str, int] = self._client.nthreads()
        except OSError as error:
            raise BenchmarkError(
                f"the Dask scheduler answers no more ({error}); start it and run this again"
            ) from None
        if several := sorted(worker for worker, count in threads.items() if count > 1):
            raise UsageError(
                f"the Dask worker {several[0]} has {threads[several[0]]} threads, but runs in one"
                " process disturb each other's random numbers; start the workers with --nthreads"
                " 1, and more of them with --nworkers"
            )
        return len(threads)

    def submit(self, carry_out: CarryOut, cell: Cell) -> "Future[CellOutcome]":
        future: Future[CellOutcome] = self._executor.submit(carry_out, cell)
        return future

    def close(self, *, kill: bool) -> None:
        self._executor.shutdown(wait=not kill)
        self._client.close()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
