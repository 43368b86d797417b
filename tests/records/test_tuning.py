"""The JSON form of a tuning study, and what a record that names one is checked for."""

import pytest

from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.records import tuning
from benchmark.records.archive import Archive
from benchmark.records.record import NUMERICS, save
from benchmark.records.tuning import TUNING_SEED, Trial, Tuning, tuning_cost
from benchmark.verify.recipe import tuned
from tests.factories import make_record

BASE = make_record()
BEST = {"train.learning_rate": 0.003, "model.hidden_units": [16, 8]}


def trial(
    number: int, metric: float | None, state="complete", values=BEST, seconds: float = 900.0
) -> Trial:
    curve = () if metric is None else (metric,)
    return Trial(
        number=number,
        state=state,
        values=values,
        metric=metric,
        curve=curve,
        seconds=seconds,
        threads=1,
        started="2026-01-01T00:00:00+00:00",
    )


def study(*trials: Trial, **changes) -> Tuning:
    fields = {
        "numerics": NUMERICS,
        "dataset": "synthetic_tiny",
        "name": "dnn",
        "base": "dnn",
        "recipe": BASE.recipe,
        "recipe_digest": BASE.recipe_digest,
        "data": BASE.data.arrays,
        "objective": "auc",
        "space": {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
        "caps": {},
        "sampler": "TPE",
        "sampler_seed": 0,
        "pruning": "median",
        "seed": TUNING_SEED,
        "device": "cpu",
        "environment": BASE.environment,
        "trials": trials,
    }
    return Tuning(**(fields | changes))


WORSE = {"train.learning_rate": 0.001, "model.hidden_units": [16, 8]}
STUDY = study(
    trial(0, 0.7, values=WORSE), trial(1, 0.8), trial(2, 0.9, "pruned"), trial(3, None, "failed")
)


@pytest.fixture
def results(tmp_path):
    save(STUDY, Archive(tmp_path).tuning_path("synthetic_tiny", "dnn"))
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    """Recipes: `dnn_tuned` says that it was tuned, `dnn` does not."""
    path = tmp_path / "recipes" / "synthetic_tiny"
    path.mkdir(parents=True)
    (path / "dnn.toml").write_text('[model]\nname = "dnn"\n')
    (path / "dnn_tuned.toml").write_text(f'tuned = "{STUDY.reference}"\n\n[model]\nname = "dnn"\n')
    return path.parent


def tuned_record(**changes):
    recipe = {**BASE.recipe, "train": {**BASE.recipe["train"], "learning_rate": 0.003}}
    return make_record(
        **{"name": "dnn_tuned", "recipe": recipe, "tuned": STUDY.reference, **changes}
    )


def test_what_counts_and_what_it_cost(results):
    assert tuning_cost(results, "studies/tuning/synthetic_tiny/dnn.json") == (3, 1.0)
    assert [each.number for each in STUDY.finished] == [0, 1, 2]
    assert tuning.load(Archive(results).tuning_path("synthetic_tiny", "dnn")) == STUDY


def test_the_best_is_complete_and_the_earliest():
    assert STUDY.best is not None and STUDY.best.number == 1
    assert study(trial(0, 0.5), trial(1, 0.5)).best.number == 0
    assert study(trial(0, 0.6), trial(1, 0.5), objective="logloss").best.number == 1
    assert study(trial(0, 0.9, "pruned")).best is None


def test_a_file_that_is_missing_or_another_is_one_message(results):
    with pytest.raises(BenchmarkError, match=r"none\.json: cannot be read: No such file"):
        tuning_cost(results, "studies/tuning/synthetic_tiny/none.json")
    path = Archive(results).tuning_path("synthetic_tiny", "dnn")
    path.write_text(path.read_text().replace('"pruned"', '"cut"'))
    with pytest.raises(BenchmarkError, match=r"dnn\.json: trials\.2\.state"):
        tuning_cost(results, STUDY.reference)


def test_a_true_claim_is_no_fault(results, folder):
    assert list(tuned(tuned_record(), results, folder)) == []
    assert list(tuned(make_record(), results, folder)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuned": None}, "tuned is None, the recipe says studies/tuning/synthetic_tiny/dnn.json"),
        ({"name": "dnn"}, "tuned is studies/tuning/synthetic_tiny/dnn.json, the recipe says None"),
        ({"recipe": BASE.recipe}, "train.learning_rate is 0.001, the best trial of studies/tuning"),
        (
            {"data": BASE.data.__class__(**{**BASE.data.__dict__, "arrays": "e" * 64})},
            "is a study on other data",
        ),
    ],
    ids=["unsaid", "unclaimed", "values", "data"],
)
def test_false_claims_are_faults(results, folder, changes, message):
    faults = list(tuned(tuned_record(**changes), results, folder))
    assert any(fault.startswith(message) or message in fault for fault in faults), faults


def test_another_study_in_its_place_is_a_fault(results, folder):
    save(study(trial(0, 0.7), name="other"), Archive(results).tuning_path("synthetic_tiny", "dnn"))
    faults = list(tuned(tuned_record(), results, folder))
    assert faults == ["studies/tuning/synthetic_tiny/dnn.json holds the study synthetic_tiny/other"]
    save(study(trial(0, None, "failed")), Archive(results).tuning_path("synthetic_tiny", "dnn"))
    assert list(tuned(tuned_record(), results, folder)) == [
        f"{STUDY.reference} has no complete trial"
    ]


def test_a_recipe_says_which_study_tuned_it(folder):
    assert recipes.load("synthetic_tiny/dnn_tuned", folder).tuned == STUDY.reference
