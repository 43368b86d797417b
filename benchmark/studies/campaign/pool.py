"""Where cells run: loky's processes on this machine, or the workers of a Dask cluster.

joblib.Parallel would queue up to twice its number of jobs, which hides what is running, and with
Dask waits for ever on a task whose worker has died."""

import signal
from concurrent.futures import Future
from importlib import import_module
from typing import Any, cast

from loky import get_reusable_executor

from benchmark.errors import BenchmarkError, UsageError
from benchmark.studies.campaign.cells import Cell
from benchmark.studies.campaign.suite import CellOutcome, RunCell

ANSWER_SECONDS = 10
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class Local:
    """`jobs` processes of this machine with `threads` threads each; only the starting process
    receives Ctrl-C."""

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs = jobs
        self._environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self._executor: Any = None

    def jobs(self) -> int:
        return self._jobs

    def submit(self, run_cell: RunCell, cell: Cell) -> "Future[CellOutcome]":
        self._executor = get_reusable_executor(
            self._jobs, initializer=_ignore_interrupts, env=self._environment
        )
        return cast("Future[CellOutcome]", self._executor.submit(run_cell, cell))

    def close(self, *, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)


class Cluster:
    """The workers of a Dask scheduler, which see the same folders; the cell of a worker that dies
    goes to another.

    Raises UsageError where the extra is not installed, BenchmarkError where no scheduler answers.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise UsageError('--backend dask needs the extra: pip install -e ".[dask]"') from None
        try:
            self._client = distributed.Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            message = f"--address {address}: no Dask scheduler answers ({error})"
            raise BenchmarkError(message) from None
        self._executor = self._client.get_executor()
        self.jobs()

    def jobs(self) -> int:
        try:
            threads: dict[str, int] = self._client.nthreads()
        except OSError as error:
            raise BenchmarkError(
                f"the Dask scheduler no longer answers ({error}); start it and run this again"
            ) from None
        for worker in sorted(threads):
            if threads[worker] > 1:
                raise UsageError(
                    f"the Dask worker {worker} has {threads[worker]} threads, whose runs would"
                    " share random numbers; start the workers with --nthreads 1 and --nworkers N"
                )
        return len(threads)

    def submit(self, run_cell: RunCell, cell: Cell) -> "Future[CellOutcome]":
        return cast("Future[CellOutcome]", self._executor.submit(run_cell, cell))

    def close(self, *, kill: bool) -> None:
        self._executor.shutdown(wait=not kill)
        self._client.close()


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
