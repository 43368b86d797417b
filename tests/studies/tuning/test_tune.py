import json
import shutil
import signal
import tomllib
from dataclasses import dataclass

import pytest

from benchmark.data.catalog import find_card
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Monitor, Train
from benchmark.records import tuning
from benchmark.records.tuning import TUNING_SEED, Trial
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run
from benchmark.studies.tuning import run as module
from benchmark.studies.tuning.plan import band_of
from benchmark.training.fit import Evaluated, best
from benchmark.utils.interrupts import Interrupted
from tests.factories import make_curve
from tests.studies.tuning.small import RECIPE, small_plan, small_store, tune

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")


def timeless(trials) -> list[Trial]:
    return [trial.model_copy(update={"seconds": 0.0, "started": ""}) for trial in trials]


@dataclass
class Scripted:
    """A fit whose validation AUC is given."""

    script: tuple[float, ...]

    def events(self):
        self.curve = []
        for event in make_curve(*self.script):
            self.curve.append(event)
            yield event

    train = Train(monitor="both")
    steps_per_epoch = 4

    @property
    def step(self) -> int:
        return len(self.curve) * self.steps_per_epoch

    def best(self, monitor: Monitor) -> Evaluated:
        return best(self.curve, monitor)


def scripted(monkeypatch, *scripts: tuple[float, ...] | Exception) -> list[Job]:
    """Fits end as told, one after the other, the last one again and again; returns the jobs."""
    jobs: list[Job] = []

    def fit(job: Job) -> Scripted:
        jobs.append(job)
        script = scripts[min(len(jobs), len(scripts)) - 1]
        if isinstance(script, Exception):
            raise script
        return Scripted(script)

    monkeypatch.setattr(module, "_fit", fit)
    return jobs


def test_a_study_begins_with_the_recipes_own_values_and_keeps_every_trial(tmp_path, store):
    plan = small_plan(tmp_path)
    study = tune(plan, store, 6).study()
    assert [trial.number for trial in study.trials] == list(range(6))
    own = {"train.learning_rate": 0.01, "model.hidden_units": [8], "model.embedding_dim": 4}
    assert study.trials[0].values == own
    assert len({json.dumps(trial.values) for trial in study.trials}) == 6
    for trial in study.trials:
        assert 1e-4 <= trial.values["train.learning_rate"] <= 0.1
        assert trial.values["model.hidden_units"] in ([8], [16, 8])
        assert trial.values["model.embedding_dim"] in range(2, 9)
        assert trial.state in ("complete", "pruned") and trial.metric in trial.curve
    assert study.best is not None and study.best.metric == max(
        trial.metric for trial in study.trials if trial.state == "complete"
    )
    assert tuning.load(plan.path) == study
    assert study.recipe_digest == plan.base.digest() and study.data == store.fingerprint.arrays
    assert study.environment.versions.keys() >= {"numpy", "optuna", "torch"}


def test_a_trial_finds_what_a_run_of_its_recipe_finds(tmp_path):
    store = small_store(tmp_path / "store")
    plan = small_plan(tmp_path)
    trial = tune(plan, store, 2).study().trials[1]
    recipe = recipes.vary(plan.base, trial.values, "test")
    *_, last = Run(Job(recipe, find_card("synthetic_tiny").card, store, TUNING_SEED, threads=1))
    assert isinstance(last, Finished)
    assert tuple(point.valid.auc for point in last.record.curve) == trial.curve
    assert last.record.metrics.valid.auc == trial.metric


@pytest.mark.parametrize("at", [0, 9, 20], ids=lambda at: f"event {at}")
def test_interrupted_and_resumed_it_is_the_same_study(tmp_path, store, at: int):
    whole = tune(small_plan(tmp_path / "whole"), store, 6).study()
    plan, seen = small_plan(tmp_path / "cut"), []

    def interrupt(event) -> None:
        if len(seen) == at:
            signal.raise_signal(signal.SIGINT)
        seen.append(event)

    with pytest.raises(Interrupted):
        tune(plan, store, 6, watch=interrupt)
    assert len(tuning.load(plan.path).trials if plan.path.exists() else ()) < 6
    assert timeless(tune(plan, store, 6).study().trials) == timeless(whole.trials)


def test_the_study_goes_on_from_its_json_alone(tmp_path, store):
    whole = tune(small_plan(tmp_path / "whole"), store, 8).study()
    plan = small_plan(tmp_path / "lost")
    kept = tune(plan, store, 5).study().trials
    shutil.rmtree(plan.path.with_suffix(".locks"))
    resumed = tune(plan, store, 8).study().trials
    assert resumed[:5] == kept
    assert timeless(resumed) == timeless(whole.trials)


def test_the_test_split_is_closed(tmp_path, store, monkeypatch):
    def peek(job: Job):
        return job.store.split("test")

    monkeypatch.setattr(module, "_fit", peek)
    with pytest.raises(BenchmarkError, match="10 trials in a row were failed"):
        tune(small_plan(tmp_path), store, 2)
    trials = tuning.load(small_plan(tmp_path).path).trials
    assert {trial.state for trial in trials} == {"failed"}
    assert {trial.reason for trial in trials} == {
        f"the test split of {store.folder.parent.name} is closed"
    }
    with pytest.raises(BenchmarkError, match="closed"):
        small_store(tmp_path / "whole").without("test").split("test")


def test_trials_have_a_seed_that_no_reported_run_has(tmp_path, store, monkeypatch):
    jobs = scripted(monkeypatch, (0.6, 0.7))
    tune(small_plan(tmp_path), store, 3)
    assert {job.seed for job in jobs} == {TUNING_SEED}


def test_what_fails_is_recorded_and_the_study_goes_on(tmp_path, store, monkeypatch):
    scripted(
        monkeypatch,
        (0.6,),
        RuntimeError("out of memory"),
        BenchmarkError("the loss is nan"),
        (0.7,),
    )
    study = tune(small_plan(tmp_path), store, 3).study()
    assert [(trial.state, trial.reason) for trial in study.trials] == [
        ("complete", ""),
        ("failed", "RuntimeError: out of memory"),
        ("failed", "the loss is nan"),
        ("complete", ""),
        ("complete", ""),
    ]
    assert study.best is not None and study.best.number == 3


def test_a_cap_and_sizes_that_do_not_fit_reject_before_any_training(tmp_path, store, monkeypatch):
    text = RECIPE.replace("[search]", "[search]\nmax_parameters = 140").replace(
        "low = 2", "low = 1"
    )
    jobs = scripted(monkeypatch, (0.6,))
    study = tune(
        small_plan(tmp_path, text.replace("[8], [16, 8]", "[8], [4], [16, 8]")), store, 3
    ).study()
    rejected = [trial for trial in study.trials if trial.state == "rejected"]
    assert rejected and all("is above max_parameters = 140" in trial.reason for trial in rejected)
    assert len(jobs) == len(study.finished) == 3
    late = text.replace("epochs = 4", "epochs = 4\nevaluate_every = 16").replace(
        "max_parameters = 140\n", ""
    )
    late += "train.evaluate_every = { low = 16, high = 99 }\n"
    study = tune(small_plan(tmp_path / "late", late), store, 1 + 1).study()
    assert any(
        "train.evaluate_every" in trial.reason
        for trial in study.trials
        if trial.state == "rejected"
    )


def test_a_model_outside_the_band_is_rejected_before_any_training(tmp_path, store, monkeypatch):
    jobs = scripted(monkeypatch, (0.6,))
    band = (0, 150)
    trials = tune(small_plan(tmp_path, band=band), store, 3).study().trials
    rejected = [trial for trial in trials if trial.state == "rejected"]
    assert len(jobs) == 3 and len(rejected) == len(trials) - 3 > 0
    assert "dense parameters are outside the data set's band, 0 to 150" in rejected[0].reason
    with pytest.raises(UsageError, match="begun with another band"):
        tune(small_plan(tmp_path), store, 4)


def test_the_band_is_the_cards_if_the_base_lies_in_it(store):
    base = recipes.parse(tomllib.loads(RECIPE), "synthetic_tiny", "r.toml")
    size = outline(base, store.schema).parameters.dense
    card = find_card("synthetic_tiny").card
    for band, found in (((1, size), (1, size)), ((1, size - 1), None), (None, None)):
        assert band_of(base, card.model_copy(update={"dense_parameters": band}), store) == found


def test_a_space_of_which_nothing_fits_ends_the_study(tmp_path, store, monkeypatch):
    monkeypatch.setattr(module, "MOST_REJECTED", 4)
    with pytest.raises(
        BenchmarkError, match=r"4 trials in a row were rejected, .* above max_parameters = 10;"
    ):
        tune(
            small_plan(tmp_path, RECIPE.replace("[search]", "[search]\nmax_parameters = 10")),
            store,
            2,
        )


GOOD, BAD = (0.7, 0.71, 0.72, 0.73, 0.74), (0.5, 0.51, 0.52, 0.53, 0.54)
EARLY = (0.8, 0.4, 0.4, 0.4, 0.4)
"""At its best in the first evaluation, better than GOOD."""
LATE = (0.805, 0.8, 0.8, 0.7, 0.9)
"""In the better half after two evaluations, and in the worse after four."""


def test_the_worse_half_is_pruned_after_two_and_four_evaluations_and_counts(
    tmp_path, store, monkeypatch
):
    early = (0.8, 0.4, 0.4, 0.82, 0.4)  # judged by its best so far
    better = (0.8, 0.81, 0.82, 0.83, 0.84)
    scripted(monkeypatch, GOOD, BAD, early, better, LATE, GOOD)
    study = tune(small_plan(tmp_path), store, 6).study()
    ends = [(trial.state, len(trial.curve)) for trial in study.trials]
    assert ends == [
        ("complete", 5),
        ("pruned", 2),
        ("complete", 5),
        ("complete", 5),
        ("pruned", 4),
        ("pruned", 2),
    ]
    assert study.trials[1].metric == BAD[1] and study.best.metric == 0.84
    assert study.trials[4].reason == "in the worse half after evaluation 4"
    assert [trial.rows for trial in study.trials] == [5 * 256, 2 * 256, 1280, 1280, 1024, 512]
    assert study.rows == 1280 * 3 + 1024 + 512 * 2


def test_a_study_that_goes_on_prunes_as_one_in_a_single_go(tmp_path, store, monkeypatch):
    curves = [GOOD, BAD, EARLY, BAD, LATE, GOOD, EARLY, BAD]
    scripted(monkeypatch, *curves)
    at_once = tune(small_plan(tmp_path / "at_once"), store, 8).study()
    scripted(monkeypatch, *curves)
    for budget in range(1, 9):
        in_steps = tune(small_plan(tmp_path / "in_steps"), store, budget).study()
    assert timeless(in_steps.trials) == timeless(at_once.trials)
    assert {trial.state for trial in at_once.trials} == {"complete", "pruned"}


def test_without_pruning_every_trial_is_complete(tmp_path, store, monkeypatch):
    scripted(monkeypatch, GOOD, BAD)
    unpruned = small_plan(tmp_path, RECIPE.replace("[search]", '[search]\npruning = "none"'))
    assert {trial.state for trial in tune(unpruned, store, 8).study().trials} == {"complete"}


def test_logloss_is_minimised(tmp_path, store, monkeypatch):
    scripted(monkeypatch, (0.6,), (0.8,), (0.7,))
    study = tune(
        small_plan(tmp_path, RECIPE.replace("[search]", '[search]\nobjective = "logloss"')),
        store,
        3,
    ).study()
    assert study.objective == "logloss" and study.best is not None
    assert study.best.number == 1 and study.best.metric == pytest.approx(1.25 - 0.8)
