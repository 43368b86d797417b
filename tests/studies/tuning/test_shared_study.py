"""A tuning study shared by processes, interrupted, removed and told."""

import signal
from functools import partial

import pytest

from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import tuning
from benchmark.records.tuning import Trial
from benchmark.studies.tuning.plan import Plan
from benchmark.studies.tuning.processes import run_processes
from benchmark.studies.tuning.trials import OpenTrial, Outcome, Trials
from benchmark.training.fit import Evaluated
from benchmark.utils.interrupts import Interrupted
from tests.studies.tuning import ends
from tests.studies.tuning.small import RECIPE, small_plan, small_store, tune
from tests.studies.tuning.test_tune import scripted


def test_what_another_process_is_at_is_counted_and_left_alone(tmp_path, store):
    ours, theirs = Trials(small_plan(tmp_path), store), Trials(small_plan(tmp_path), store)
    first, second = ours.ask(2), theirs.ask(2)
    assert (first.number, second.number) == (0, 1)
    assert ours.ask(2) is None


def _tune(plan: Plan, folder, leave) -> None:
    tune(plan, Store.open(folder), 6, leave=leave)


def test_processes_that_fail_or_are_interrupted(capfd):
    with pytest.raises(BenchmarkError, match=r"2 of 2 processes ended early \(exit codes 1, 1\)"):
        run_processes(ends.fail, 2)
    assert capfd.readouterr().err.count("error: the disk is full") == 2
    with pytest.raises(Interrupted) as caught:
        run_processes(ends.interrupt, 1)
    assert caught.value.signum == signal.SIGTERM


def test_processes_share_a_study(tmp_path):
    small_store(tmp_path / "store")
    plan = small_plan(tmp_path)
    run_processes(partial(_tune, plan, tmp_path / "store"), 2)
    study = tuning.load(plan.path)
    assert sorted(trial.number for trial in study.trials) == list(range(6))
    assert len(study.finished) == 6


def test_a_trial_that_ends_in_a_study_begun_anew_is_no_part_of_it(tmp_path, store):
    theirs = Trials(small_plan(tmp_path), store)
    first = theirs.ask(9)
    theirs.plan.path.unlink()
    ours = Trials(small_plan(tmp_path, seed=1), store)
    assert ours.ask(9).number == 1  # the lock of the first is held
    with pytest.raises(UsageError, match="begun with another sampler_seed"):
        theirs.end(first, Outcome("failed"), 1.0)
    assert ours.study().trials == ()


def test_files_of_locks_that_are_strange(tmp_path, store):
    plan = small_plan(tmp_path)
    folder = plan.path.with_suffix(".locks")
    first = Trials(plan, store).ask(9)
    (folder / "._0.begun").write_bytes(b"\xff")  # as some systems leave on shared disks
    second = Trials(plan, store).ask(9)
    assert (first.number, second.number) == (0, 1)
    (folder / "2.lock").mkdir()
    with pytest.raises(BenchmarkError, match=r"small\.locks/2\.lock: Is a directory; make it"):
        Trials(plan, store).ask(9)


def test_a_trial_that_two_processes_end_is_kept_once(tmp_path, store):
    study = Trials(small_plan(tmp_path), store)
    first = study.ask(9)
    study.end(first, Outcome("failed", reason="first"), 1.0)
    # as where the folder of locks was removed
    study.end(first, Outcome("failed", reason="second"), 2.0)
    assert [trial.reason for trial in study.study().trials] == ["first"]


def test_another_recipe_or_range_is_another_study(tmp_path, store):
    tune(small_plan(tmp_path), store, 1)
    with pytest.raises(UsageError, match="begun with another recipe, recipe_digest"):
        tune(small_plan(tmp_path, RECIPE.replace("epochs = 4", "epochs = 3")), store, 1)
    with pytest.raises(UsageError, match="begun with another space"):
        tune(small_plan(tmp_path, RECIPE.replace("high = 8", "high = 9")), store, 1)
    with pytest.raises(UsageError, match="begun with another sampler_seed"):
        tune(small_plan(tmp_path, seed=1), store, 1)
    tune(small_plan(tmp_path, seed=1, name="other"), store, 1)


def test_deaths_of_a_study_that_was_removed_are_forgotten(tmp_path, store):
    plan = small_plan(tmp_path)
    Trials(plan, store).ask(1).lock.release()  # as the system does for a process that dies
    plan.path.unlink()
    again = Trials(plan, store).ask(1)
    assert again.number == 0 and len(again.begun.read_text().splitlines()) == 1


def test_importances_need_enough_complete_trials_that_differ(tmp_path, store, monkeypatch):
    scripted(monkeypatch, (0.6,), (0.8,), (0.7,), (0.65,))
    plan = small_plan(tmp_path)
    assert tune(plan, store, 3).conclude().importances is None
    shares = tune(plan, store, 4).conclude().importances
    assert tuning.load(plan.path).importances == shares
    assert shares.keys() == plan.search.ranges.keys() and sum(shares.values()) == pytest.approx(1)
    scripted(monkeypatch, (0.6,))
    assert tune(small_plan(tmp_path / "equal"), store, 4).conclude().importances is None


def test_what_is_under_way_is_shown(tmp_path, store):
    seen: list = []
    tune(small_plan(tmp_path), store, 1, watch=seen.append)
    assert isinstance(seen[0], OpenTrial) and isinstance(seen[-1], Trial)
    assert {type(event) for event in seen[1:-1]} == {Evaluated}
