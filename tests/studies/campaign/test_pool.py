"""The pools: processes of this machine, and a Dask scheduler on the loopback address."""

import os
import signal
import sys
from pathlib import PurePath

import pytest

from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes import recipe as recipes
from benchmark.studies.campaign.cells import Cell
from benchmark.studies.campaign.pool import Cluster, Local
from benchmark.studies.campaign.suite import CellOutcome, run_cells

RECIPE = recipes.parse({"model": {"name": "lr"}}, "synthetic_tiny", "test")
CELLS = [
    Cell(RECIPE, "synthetic_tiny", seed, PurePath("studies/test/synthetic_tiny/lr"))
    for seed in range(3)
]


def tells_its_process(cell: Cell) -> CellOutcome:
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return CellOutcome(
        cell, "done", 0.0, error=f"{os.getpid()} {os.environ['OMP_NUM_THREADS']} {ignored}"
    )


def dies(cell: Cell) -> CellOutcome:
    """The process of seed 1 is killed, whenever it runs."""
    if cell.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return CellOutcome(cell, "done", 0.0)


def run(pool, run_cell, cells=CELLS):
    return run_cells(cells, run_cell, pool, lambda _: None, lambda: None)


def test_local_processes_have_their_threads_and_leave_interrupts_to_the_first() -> None:
    [outcome] = run(Local(1, 3), tells_its_process, CELLS[:1])
    process, threads, ignored = outcome.error.split()
    assert int(process) != os.getpid() and (threads, ignored) == ("3", "True")


def test_a_killed_process_costs_its_cell_alone() -> None:
    states = {outcome.cell.seed: outcome.state for outcome in run(Local(2, 1), dies, CELLS[:2])}
    assert states == {0: "done", 1: "failed"}


def test_dask_is_an_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install -e "\.\[dask\]"'):
        Cluster("127.0.0.1:8786")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_dask_cluster(threads: int) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=threads,
        processes=False,
        host="127.0.0.1",
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        if threads > 1:
            with pytest.raises(
                UsageError, match=r"has 2 threads.*start the workers with --nthreads 1"
            ):
                Cluster(cluster.scheduler_address)
            return
        pool = Cluster(cluster.scheduler_address)
        assert pool.jobs() == 2
        outcomes = run(pool, lambda cell: CellOutcome(cell, "done", 0.0, auc=0.5))
        assert sorted(outcome.cell.seed for outcome in outcomes) == [0, 1, 2]


def test_nobody_answers(monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("benchmark.studies.campaign.pool.ANSWER_SECONDS", 0.5)
    with pytest.raises(
        BenchmarkError, match=r"--address 127\.0\.0\.1:1: no Dask scheduler answers"
    ):
        Cluster("127.0.0.1:1")
