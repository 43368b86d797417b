"""The loop that carries out cells, on pools that are none; and what one process does with a
cell."""

import signal
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from pathlib import PurePath
from threading import Barrier

import pytest

from benchmark import launch
from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.records import record
from benchmark.runs.run import Resumed
from benchmark.runs.session import Session
from benchmark.studies.campaign import suite
from benchmark.studies.campaign.cells import Cell
from benchmark.studies.campaign.suite import CellOutcome, CellStarted, Worker, run_cells
from benchmark.utils.interrupts import Interrupted

RECIPE = recipes.parse(
    {"model": {"name": "lr"}, "train": {"epochs": 2, "batch_size": 4096}}, "synthetic_tiny", "test"
)


def cells(count: int) -> list[Cell]:
    place = PurePath("studies/test/synthetic_tiny/lr")
    return [Cell(RECIPE, "synthetic_tiny", seed, place) for seed in range(count)]


def done(cell: Cell) -> CellOutcome:
    return CellOutcome(cell, "done", 1.0, 0.5)


class Instant:
    """A pool whose cells end as they are submitted. `dying` are the seeds whose process dies, by
    how often."""

    def __init__(self, jobs: int = 1, dying: dict[int, int] | None = None) -> None:
        self._jobs, self._dying = jobs, dying or {}
        self.started: list[int] = []
        self.killed: bool | None = None

    def jobs(self) -> int:
        return self._jobs

    def submit(self, run_cell, cell: Cell) -> "Future[CellOutcome]":
        self.started.append(cell.seed)
        future: Future[CellOutcome] = Future()
        if self._dying.get(cell.seed, 0):
            self._dying[cell.seed] -= 1
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(run_cell(cell))
        return future

    def close(self, *, kill: bool) -> None:
        self.killed = kill


def run(pool, count: int, run_cell=done, watch=lambda _: None) -> list[CellOutcome]:
    return run_cells(cells(count), run_cell, pool, watch, lambda: None)


def states(outcomes: list[CellOutcome]) -> dict[int, str]:
    return {outcome.cell.seed: outcome.state for outcome in outcomes}


def test_cells_start_in_order_and_every_end_is_told() -> None:
    pool, told = Instant(), []
    outcomes = run(pool, 3, watch=told.append)
    assert pool.started == [0, 1, 2] and pool.killed is False
    assert states(outcomes) == dict.fromkeys(range(3), "done")
    assert [type(event) for event in told] == [CellStarted, CellOutcome] * 3


def test_as_many_run_at_once_as_the_pool_can() -> None:
    """Both parties of the barrier are only met if two cells run at the same time."""
    barrier = Barrier(2, timeout=600)

    class Threads(Instant):
        executor = ThreadPoolExecutor(8)
        most = under_way = 0

        def submit(self, run_cell, cell):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            future = self.executor.submit(run_cell, cell)
            return future

    def meet(cell: Cell) -> CellOutcome:
        barrier.wait()
        return done(cell)

    pool = Threads(2)

    def watch(event) -> None:
        pool.under_way -= isinstance(event, CellOutcome)

    assert states(run(pool, 6, meet, watch)) == dict.fromkeys(range(6), "done")
    assert pool.most == 2


def test_a_failing_cell_leaves_the_others_alone() -> None:
    def one_fails(cell: Cell) -> CellOutcome:
        return CellOutcome(cell, "failed", 1.0, error="no") if cell.seed == 1 else done(cell)

    assert states(run(Instant(), 3, one_fails)) == {0: "done", 1: "failed", 2: "done"}


def test_what_dies_with_others_is_run_again_alone() -> None:
    pool, told = Instant(jobs=2, dying={0: 1, 1: 1}), []
    assert states(run(pool, 4, watch=told.append)) == dict.fromkeys(range(4), "done")
    assert pool.started == [0, 1, 0, 1, 2, 3]
    assert [event.again for event in told if isinstance(event, CellStarted)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_what_dies_alone_has_failed() -> None:
    outcomes = run(Instant(jobs=2, dying={0: 9, 1: 1}), 3)
    assert states(outcomes) == {0: "failed", 1: "done", 2: "done"}
    assert outcomes[0].error == suite.DIED


def test_a_cell_that_the_pool_loses_has_failed() -> None:
    class Losing(Instant):
        def submit(self, run_cell, cell):
            future: Future[CellOutcome] = Future()
            future.set_exception(RuntimeError("lost"))
            return future

    assert [outcome.error for outcome in run(Losing(), 1)] == ["RuntimeError: lost"]


def test_a_pool_without_workers_is_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(suite, "TICK", 0.001)
    pool = Instant()
    counts = iter([0, 0, 1])
    pool.jobs = lambda: next(counts)
    assert states(run(pool, 1)) == {0: "done"}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_starts_nothing_more(signum) -> None:
    stopped = []

    def interrupted(cell: Cell) -> CellOutcome:
        signal.raise_signal(signum)
        return CellOutcome(cell, "interrupted", 1.0)

    pool, told = Instant(), []
    with pytest.raises(Interrupted) as caught:
        run_cells(cells(3), interrupted, pool, told.append, lambda: stopped.append(True))
    assert caught.value.signum == signum
    assert (pool.started, pool.killed) == ([0], False)
    assert [event.state for event in told if isinstance(event, CellOutcome)] == ["interrupted"]


def test_a_second_signal_ends_at_once() -> None:
    def twice(cell: Cell) -> CellOutcome:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return done(cell)

    pool = Instant()
    with pytest.raises(Interrupted):
        run(pool, 2, twice)
    assert pool.killed is True


def test_a_process_that_was_interrupted_by_itself_has_failed() -> None:
    [outcome] = run(Instant(), 1, lambda cell: CellOutcome(cell, "interrupted", 1.0))
    assert (outcome.state, outcome.error) == ("failed", suite.INTERRUPTED)


@pytest.fixture
def going(tmp_path):
    path = tmp_path / "going" / "one"
    path.parent.mkdir()
    path.touch()
    return path


def test_errors_of_a_cell_are_its_outcome(tmp_path, going) -> None:
    def fails(job, session):
        raise BenchmarkError("the training loss is nan")

    def breaks(job, session):
        raise ZeroDivisionError("by zero")

    [cell] = cells(1)
    failed, broken = (
        Worker(run_job, Session(tmp_path), None, 1, going)(cell) for run_job in (fails, breaks)
    )
    assert (failed.state, failed.error) == ("failed", "the training loss is nan")
    assert (broken.state, broken.error) == ("failed", "ZeroDivisionError: by zero")


def test_a_worker_that_sees_other_folders_says_so(tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere" / "one"
    outcome = Worker(lambda *_: None, Session(tmp_path), None, 1, elsewhere)(cells(1)[0])
    assert outcome.state == "failed" and "elsewhere: all need the same folders" in outcome.error


def test_a_run_that_was_left_goes_on_to_the_same_record(tmp_path, going) -> None:
    """The file is taken away at the fifteenth event: the run is left within its second epoch, and
    gone on with."""
    steps, resumed = [], []

    def count(event) -> None:
        steps.append(event)
        if len(steps) == 15:
            going.unlink()

    def notes_resumption(event) -> None:
        if isinstance(event, Resumed):
            resumed.append(event.step)

    def run_cell(results, watch) -> str:
        session = Session(tmp_path / results, track=False, quiet=True, watch=watch)
        return Worker(launch.run_job, session, None, 1, going)(cell).state

    [cell] = cells(1)
    assert run_cell("left", count) == "interrupted" and not cell.path(tmp_path / "left").exists()
    going.touch()
    assert run_cell("left", notes_resumption) == "done" and resumed == [13]
    assert run_cell("whole", notes_resumption) == "done" and resumed == [13]
    first, second = (record.load(cell.path(tmp_path / name)) for name in ("left", "whole"))
    assert first.digests == second.digests and first.metrics == second.metrics
    assert first.name is None
