"""A run that is interrupted and started again ends with the record of an undisturbed one."""

import random
import signal
import threading
from contextlib import suppress
from shutil import copytree, rmtree

import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.records import record
from benchmark.runs.job import Job
from benchmark.runs.run import Resumed, Run
from benchmark.runs.session import Session, checkpoint_folder
from benchmark.training.checkpoint import Cadence
from benchmark.training.fit import Evaluated, Fitted, Stepped
from benchmark.utils.interrupts import Interrupted, Interrupts
from tests import kill_harness

CADENCE = Cadence(steps=3)
SETTINGS = [
    "train.batch_size=500",
    "train.epochs=2",
    "train.evaluate_every=4",
    "model.hidden_units=[8]",
]


@pytest.fixture(scope="module")
def described() -> Job:
    """Twelve steps, evaluated at 4, 8 and 12."""
    found, store = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    recipe = recipes.override(
        recipes.find("dnn", "synthetic_tiny"), [*SETTINGS, "model.dropout=0.3"]
    )
    return Job(recipe, found.card, store, 0, threads=1, rows=3000)


@pytest.fixture
def job(described):
    """No checkpoint of it outlives a test."""
    yield described
    rmtree(checkpoint_folder(described), ignore_errors=True)


class Leave(Exception):
    """Ends a run as a crash of the process would."""


class Attempt:
    """One run of a job with its messages and events, left at the first event for which `leave`
    holds."""

    def __init__(self, job: Job, results, leave=lambda event: False, *, fresh=False) -> None:
        self.messages: list[str] = []
        self.events: list = []
        self.record: record.Record | None = None

        def watch(event) -> None:
            self.events.append(event)
            if leave(event):
                raise Leave

        session = Session(results, fresh=fresh, cadence=CADENCE, watch=watch)
        with suppress(Leave):
            self.record = session.run(job, [], self.messages.append)

    def resumed(self) -> list[int]:
        return [event.step for event in self.events if isinstance(event, Resumed)]


def at(step: int, kind=Stepped):
    return lambda event: isinstance(event, kind) and getattr(event, "step", step) == step


def numbers(found: record.Record | None):
    assert found is not None
    return kill_harness.without_times(found.model_dump(mode="json"))


def checkpoints(job: Job) -> list[str]:
    folder = checkpoint_folder(job)
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(scope="module")
def alone(described, tmp_path_factory):
    """The record of the job without an interruption."""
    attempt = Attempt(described, tmp_path_factory.mktemp("alone"))
    assert attempt.resumed() == [] and checkpoints(described) == []
    return numbers(attempt.record)


@pytest.mark.parametrize(
    ("leave", "step"),
    [
        (at(2), None),
        (at(4), 3),
        (at(5), 4),
        (at(12), 9),
        (at(8, Evaluated), 6),
        (at(0, Fitted), 12),
    ],
    ids=[
        "before the first",
        "before an evaluation",
        "after it",
        "at the end",
        "at an evaluation",
        "before the test",
    ],
)
def test_left_and_started_again(job, alone, tmp_path, leave, step: int | None) -> None:
    left = Attempt(job, tmp_path, leave)
    assert left.record is None and not job.path(tmp_path).exists()
    again = Attempt(job, tmp_path)
    assert again.resumed() == ([] if step is None else [step])
    first = next(event for event in again.events if isinstance(event, Stepped | Evaluated | Fitted))
    assert isinstance(first, Fitted) if step == 12 else first.step == (step or 0) + 1
    assert numbers(again.record) == alone
    assert record.load(job.path(tmp_path)) == again.record
    assert checkpoints(job) == [] and again.messages == []


def test_seconds_are_those_of_all_sessions(job, tmp_path) -> None:
    left = Attempt(job, tmp_path, at(10))
    before = [event.seconds for event in left.events if isinstance(event, Evaluated)]
    again = Attempt(job, tmp_path)
    assert again.record is not None
    assert [point.seconds for point in again.record.curve[:2]] == before
    assert again.record.curve[2].seconds > before[1]
    assert again.record.cost.total_seconds > again.record.curve[2].seconds
    [resumed] = [event for event in again.events if isinstance(event, Resumed)]
    assert resumed.curve == again.record.curve[:2] and resumed.epoch == 2 and resumed.seconds > 0


def test_fresh_takes_no_notice_of_checkpoints_and_removes_them(job, alone, tmp_path) -> None:
    Attempt(job, tmp_path, at(10))
    assert checkpoints(job) == ["000004", "000005"]
    again = Attempt(job, tmp_path, at(2), fresh=True)
    assert again.resumed() == [] and checkpoints(job) == []
    again = Attempt(job, tmp_path)
    assert again.resumed() == [] and numbers(again.record) == alone


def test_a_damaged_checkpoint_costs_what_was_done_since_the_one_before(
    job, alone, tmp_path
) -> None:
    Attempt(job, tmp_path, at(8))
    newest = checkpoint_folder(job) / checkpoints(job)[-1]
    content = bytearray((newest / "state.safetensors").read_bytes())
    content[-1] ^= 1
    (newest / "state.safetensors").write_bytes(content)
    again = Attempt(job, tmp_path)
    assert again.resumed() == [4] and numbers(again.record) == alone
    assert len(again.messages) == 1 and "damaged and refused" in again.messages[0]


def test_another_job_has_other_checkpoints(job) -> None:
    others = [
        Job(job.recipe, job.card, job.store, 1, 1, rows=3000),
        Job(job.recipe, job.card, job.store, 0, 2, rows=3000),
        Job(job.recipe, job.card, job.store, 0, 1, rows=2999),
        Job(recipes.override(job.recipe, ["train.epochs=3"]), job.card, job.store, 0, 1, rows=3000),
    ]
    assert len({checkpoint_folder(other) for other in [job, *others]}) == 5


def test_a_checkpoint_of_other_code_is_one_message(job, tmp_path) -> None:
    """Another layout of the weights under the same numerics."""
    run = Run(job)
    for event in run:
        if at(4)(event):
            break
    checkpoint = run.checkpoint()
    checkpoint.state["model.head.kernel"] = checkpoint.state.pop("model.head.weight")
    with pytest.raises(
        BenchmarkError, match=r"step 4 does not fit this code .*head.weight.*--fresh starts again"
    ):
        list(Run(job, checkpoint))


def test_an_interrupted_run_ends_at_the_step_and_goes_on_there(job, alone, tmp_path) -> None:
    def interrupt(event) -> None:
        if at(5)(event):
            signal.raise_signal(signal.SIGTERM)

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as caught:
        Session(tmp_path, watch=interrupt).run(job, [], print)
    assert (caught.value.signum, caught.value.step) == (signal.SIGTERM, 5)
    assert signal.getsignal(signal.SIGTERM) is handler
    again = Attempt(job, tmp_path)
    assert again.resumed() == [5] and numbers(again.record) == alone


def test_a_run_that_is_told_to_leave_goes_on_there(job, alone, tmp_path) -> None:
    seen: list = []
    session = Session(tmp_path, watch=seen.append, leave=lambda: at(7)(seen[-1]))
    with pytest.raises(KeyboardInterrupt):
        session.run(job, [], print)
    again = Attempt(job, tmp_path)
    assert again.resumed() == [7] and numbers(again.record) == alone


def test_an_interrupt_while_the_test_rows_are_scored_ends_at_once(job, tmp_path) -> None:
    def interrupt(event) -> None:
        if isinstance(event, Fitted):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        Session(tmp_path, cadence=CADENCE, watch=interrupt).run(job, [], print)
    assert isinstance(caught.value, Interrupted) and caught.value.step == 12
    assert Attempt(job, tmp_path).resumed() == [12]


def test_a_full_disk_loses_nothing(job, alone, tmp_path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.utils.sealed.save_file", full)
        attempt = Attempt(job, tmp_path)
    assert numbers(attempt.record) == alone
    assert attempt.messages and all(
        "No space left on device; the run goes on" in line for line in attempt.messages
    )


def test_interrupts_put_off_the_first_signal_alone(capfd) -> None:
    with Interrupts() as interrupts:
        interrupts.deferring = True
        signal.raise_signal(signal.SIGINT)
        assert (
            interrupts.caught == signal.SIGINT
            and "interrupt again to stop at once" in capfd.readouterr().err
        )
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            interrupts.deliver()


def test_a_signal_that_is_ignored_stays_so_and_other_threads_handle_none() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGTERM)
            assert interrupts.caught is None
    finally:
        signal.signal(signal.SIGTERM, before)
    handler = signal.getsignal(signal.SIGINT)
    inside = []

    def elsewhere() -> None:
        with Interrupts():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert inside == [handler]


def test_a_run_that_is_killed(described, tmp_path, monkeypatch) -> None:
    """The short form of the harness: SIGKILL, some of it while a checkpoint is written."""
    store = described.store.folder
    copytree(store, tmp_path / "cache" / store.parent.name / store.name)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    for part in ("alone", "killed"):
        (tmp_path / part).mkdir()
    said: list[str] = []
    seen = kill_harness.check("dropout", 2, random.Random(1), tmp_path, said.append)
    assert seen.faults == [], "\n".join(said)
    assert seen.kills == 2 and any("resumed at step" in line for line in said)
