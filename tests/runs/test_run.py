"""One run, its determinism, and the errors of a run."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import PurePath

import numpy as np
import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records import record, scores
from benchmark.runs.job import Job
from benchmark.runs.probe import CURVE_ROWS, PROBE_ROWS, probe_rows
from benchmark.runs.run import Finished, Run, Started
from benchmark.training.fit import Evaluated, Fitted, Stepped
from benchmark.verify import recipe as verify_recipe


@pytest.fixture(scope="module")
def tiny():
    return catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)


def job(tiny, model: str = "dnn", seed: int = 0, rows: int | None = None, **train) -> Job:
    found, store = tiny
    settings = {"batch_size": 2048, "epochs": 2} | train
    recipe = recipes.override(
        recipes.find(model, "none"), [f"train.{key}={value}" for key, value in settings.items()]
    )
    return Job(
        replace(recipe, dataset="synthetic_tiny"), found.card, store, seed, threads=1, rows=rows
    )


@pytest.fixture(scope="module")
def finished(tiny) -> Callable[..., Finished]:
    """The end of a run of these settings, which tests share and do not alter."""
    return cache(partial(run_to_its_end, tiny))


def run_to_its_end(*arguments, **changes) -> Finished:
    last = list(Run(job(*arguments, **changes)))[-1]
    assert isinstance(last, Finished)
    return last


def test_events_come_in_order(tiny) -> None:
    events = list(Run(job(tiny, rows=10_000)))
    kinds = [type(event) for event in events if not isinstance(event, Stepped)]
    assert kinds == [Started, Evaluated, Evaluated, Fitted, Finished]
    steps = [event.step for event in events if isinstance(event, Stepped)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) == 2 * -(-10_000 // 2048)


def test_the_same_job_gives_the_same_record_and_another_seed_another(tiny, finished) -> None:
    times = {"cost", "created", "environment"}
    first, again = finished(rows=4096), run_to_its_end(tiny, rows=4096)
    other = finished(rows=4096, seed=1)
    assert first.record.model_dump(exclude=times) == again.record.model_dump(exclude=times)
    assert [point.valid for point in first.record.curve] == [
        point.valid for point in again.record.curve
    ]
    assert first.record.digests.scores != other.record.digests.scores


def test_a_record_notes_what_training_controls(finished) -> None:
    run = finished("rankmixer_moe", rows=4096, epochs=1).record
    assert re.fullmatch(r"\d+\.\d% of the serving gates were open in .* of 25\.0%", run.notes[0])
    assert len(run.notes) == 1 and list(verify_recipe.model(run)) == []
    plain = finished(rows=4096, epochs=1).record
    assert plain.notes == ()
    [fault] = verify_recipe.model(plain.model_copy(update={"notes": run.notes}))
    assert fault.startswith("notes are ")


def test_the_record_holds_what_its_scores_give(tiny, finished) -> None:
    done = finished(rows=4096)
    assert done.record.metrics.test == scores.evaluate(done.scores.best)
    assert done.record.metrics.test_logloss == scores.evaluate(done.scores.best_logloss)
    assert done.record.data == tiny[1].fingerprint
    assert done.record.stages == ["embedding"]


def test_a_record_survives_its_file_to_the_bit(finished, tmp_path) -> None:
    done = finished(rows=4096)
    path = tmp_path / "seed-0.json"
    record.save(done.record, done.scores, path)
    assert record.load(path) == done.record


def test_each_metric_comes_from_its_own_best_weights(finished) -> None:
    found = finished(rows=10_000, learning_rate=0.02, epochs=40, batch_size=512).record
    best = max(found.curve, key=lambda point: point.valid.auc)
    calibrated = min(found.curve, key=lambda point: point.valid.logloss)
    assert found.best.step == best.step < found.curve[-1].step
    assert found.best_logloss.step == calibrated.step != best.step
    assert found.metrics.valid == best.valid
    assert found.metrics.valid_logloss == calibrated.valid
    assert found.metrics.valid_logloss.logloss < found.metrics.valid.logloss
    assert found.metrics.test.auc != found.metrics.test_logloss.auc
    assert found.stopped_by == "patience"


def test_a_protocol_with_one_monitor_has_one_block(finished) -> None:
    found = finished(monitor="auc", epochs=1, rows=4096).record
    assert found.best_logloss is found.metrics.test_logloss is found.metrics.valid_logloss is None
    assert found.metrics.calibrated == found.metrics.test


def test_evaluations_every_n_steps(finished) -> None:
    points = finished(rows=4096, batch_size=256, evaluate_every=5).record.curve
    assert [point.step for point in points] == list(range(5, 5 * len(points) + 1, 5))


def test_an_evaluation_that_would_never_come_is_refused_before_training(tiny) -> None:
    with pytest.raises(
        UsageError, match=r"train\.evaluate_every = 1000 is more than the 40 steps of the run"
    ):
        next(iter(Run(job(tiny, evaluate_every=1000))))


def test_a_mixing_that_mixes_nothing_is_noted(tiny) -> None:
    base = job(tiny, model="rankelastor", epochs=1, rows=2048)
    choices = {"mixing": "kronecker", "mixing_groups": 8, "mixing_bias": False, "num_blocks": 1}
    recipe = replace(base.recipe, hyperparameters={**base.recipe.hyperparameters, **choices})
    done = list(Run(replace(base, recipe=recipe)))[-1]
    assert isinstance(done, Finished)
    assert "mixes nothing across tokens" in done.record.notes[0]


def test_a_diverging_run_names_step_and_learning_rate(finished) -> None:
    with pytest.raises(BenchmarkError, match=r"step \d+ with learning rate 1e\+30"):
        finished(learning_rate=1e30, epochs=5)


def test_rows_limits_training_alone(tiny, finished) -> None:
    done = finished(rows=3000)
    assert done.record.train_rows == 3000
    assert len([event for event in Run(job(tiny, rows=3000)) if isinstance(event, Stepped)]) == 4
    assert done.record.name is None


def test_a_study_chooses_the_place_of_its_records(tiny, tmp_path) -> None:
    chosen = replace(job(tiny, seed=3), place=PurePath("studies/scaling/tiny"))
    assert chosen.path(tmp_path) == tmp_path / "studies" / "scaling" / "tiny" / "seed-3.json"
    assert chosen.identity() == job(tiny, seed=3).identity()


def test_hyperparameters_that_do_not_fit_are_misuse(tiny) -> None:
    base = job(tiny, model="rankelastor")
    recipe = replace(
        base.recipe,
        hyperparameters={**base.recipe.hyperparameters, "tokenizer": "matrix", "num_tokens": 7},
    )
    with pytest.raises(UsageError, match=r"num_tokens = 7 does not divide"):
        list(Run(replace(base, recipe=recipe)))


def test_the_probe_is_fixed_sorted_and_without_repetition() -> None:
    rows = probe_rows(10_000, PROBE_ROWS)
    assert len(rows) == 4096 and (np.diff(rows) > 0).all() and rows[-1] < 10_000
    assert (probe_rows(10_000, PROBE_ROWS) == rows).all()
    assert probe_rows(50, PROBE_ROWS).tolist() == list(range(50))
    assert set(probe_rows(10_000, CURVE_ROWS).tolist()) < set(rows.tolist())
