"""A process killed at every step of a trial: the study goes on as if it had not been."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import optuna
import pytest

from benchmark.errors import BenchmarkError
from benchmark.records import tuning
from benchmark.studies.tuning import proposals, trials
from benchmark.studies.tuning.trials import DIED, Trials
from tests.studies.tuning.small import small_plan, tune
from tests.studies.tuning.test_tune import scripted, timeless

STEPS = {
    "the study is stored": (trials, "write", 1),
    "the trials that ended are told": (proposals, "_history", 1),
    "the recipe's own values are proposed": (optuna.Study, "enqueue_trial", 1),
    "values are asked for": (optuna.Study, "ask", 1),
    "a process is stored as the trial's": (trials, "write_text", 3),
    "a trial is made": (trials, "OpenTrial", 1),
    "a trial is stored": (trials, "write", 2),
    "a trial's file is renamed": (Path, "replace", 6),
    "a trial is released": (trials.OpenTrial, "release", 1),
}
"""A function, and which call of it; 1, 2 and 4 of `write_text` are the holders of locks."""


def in_a_process(work: Callable[[], object]) -> int:
    """The process, forked, that does `work`; it ends as one that is killed, cleaning up nothing."""
    if child := os.fork():
        return child
    try:
        work()
    finally:
        os._exit(0)


def killed_at(owner: object, name: str, call: int, after: bool, work: Callable[[], object]) -> int:
    """How a process ended that is killed before or after a call of a function."""
    whole, calls = getattr(owner, name), []

    def dying(*args, **kwargs):
        calls.append(name)
        if len(calls) == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = whole(*args, **kwargs)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def patched() -> None:
        setattr(owner, name, dying)
        work()

    return os.waitpid(in_a_process(patched), 0)[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, store):
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, (0.6,))
        study = tune(small_plan(tmp_path_factory.mktemp("whole")), store, 2).study()
    return timeless(study.trials)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_study_loses_no_trial(tmp_path, store, monkeypatch, undisturbed, step, after):
    scripted(monkeypatch, (0.6,))
    plan = small_plan(tmp_path)
    assert killed_at(*STEPS[step], after, lambda: tune(plan, store, 2)) == signal.SIGKILL
    kept = tuning.load(plan.path).trials if plan.path.exists() else ()
    resumed = tune(plan, store, 2).study().trials
    assert resumed[: len(kept)] == kept
    assert resumed[0].values == plan.own_values()
    assert timeless(resumed) == undisturbed


def test_a_lock_is_waited_for_by_name_and_ends_with_its_process(tmp_path, store, monkeypatch):
    monkeypatch.setattr(trials, "PATIENCE", 0.05)
    plan = small_plan(tmp_path)
    ready, told = os.pipe()

    def hold() -> None:
        with Trials(plan, store).lock("study"):
            os.write(told, b"x")
            signal.pause()

    child, lines = in_a_process(hold), []
    os.read(ready, 1)

    def kill(line: str) -> None:
        lines.append(line)
        os.kill(child, signal.SIGKILL)

    study = Trials(plan, store, kill)
    os.waitpid(child, 0)
    assert len(lines) == 1 and f"waiting for process {child} of" in lines[0]
    assert study.ask(1).number == 0


def test_an_end_that_cannot_be_stored_frees_its_trial(tmp_path, store, monkeypatch):
    scripted(monkeypatch, (0.6,))
    plan, lines = small_plan(tmp_path), []
    Trials(plan, store)
    with monkeypatch.context() as full:
        full.setattr(trials, "write", Mock(side_effect=BenchmarkError("the disk is full")))
        with pytest.raises(BenchmarkError, match="the disk is full"):
            tune(plan, store, 1)
    assert Trials(plan, store, lines.append).ask(1).number == 0 and lines == []


def test_a_trial_whose_process_died_is_begun_again_once(tmp_path, store):
    lines: list[str] = []
    study = Trials(small_plan(tmp_path), store, lines.append)
    first = study.ask(3)
    assert study.running() == {0: first.begun.read_text()}
    first.lock.release()  # as the system does for a process that dies
    again = Trials(study.plan, store, lines.append).ask(3)
    assert (again.number, again.values) == (0, first.values)
    assert f"trial 0 was left by process {os.getpid()} of" in lines[0]
    again.lock.release()
    assert Trials(study.plan, store).ask(3).number == 1
    assert [(trial.state, trial.reason) for trial in study.study().trials] == [("failed", DIED)]
