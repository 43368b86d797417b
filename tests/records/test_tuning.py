"""The JSON form of a tuning study, and what a record that names one is checked for."""

import pytest

from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.records import tuning
from benchmark.records.archive import Archive
from benchmark.records.record import NUMERICS, write
from benchmark.records.tuning import TUNING_SEED, Trial, Tuning
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
        "pruning": "halving",
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
    write(STUDY, Archive(tmp_path).tuning_path("synthetic_tiny", "dnn"))
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    """Recipes: `dnn_tuned` says that it was tuned, `dnn` does not."""
    path = tmp_path / "recipes" / "synthetic_tiny"
    path.mkdir(parents=True)
    plain = '[model]\nname = "dnn"\n\n[provenance]\n'
    (path / "dnn.toml").write_text(plain + 'kind = "hand"\ntries = 2\n')
    study = f'kind = "study"\ntries = 3\nstudy = "{STUDY.reference}"\n'
    (path / "dnn_tuned.toml").write_text(plain + study)
    return path.parent


HAND = {"kind": "hand", "tries": 2}
BY_STUDY = {"kind": "study", "tries": 3, "study": STUDY.reference}


def tuned_record(rate=0.003, provenance=BY_STUDY, **changes):
    train = {**BASE.recipe["train"], "learning_rate": rate}
    recipe = {**BASE.recipe, "train": train, "provenance": provenance}
    return make_record(**{"name": "dnn_tuned", "recipe": recipe, **changes})


def test_what_counts_and_what_it_cost(results):
    assert STUDY.hours == 1.0
    assert [each.number for each in STUDY.finished] == [0, 1, 2]
    assert tuning.load(Archive(results).tuning_path("synthetic_tiny", "dnn")) == STUDY


def test_the_best_is_complete_and_the_earliest():
    assert STUDY.best is not None and STUDY.best.number == 1
    assert study(trial(0, 0.5), trial(1, 0.5)).best.number == 0
    assert study(trial(0, 0.6), trial(1, 0.5), objective="logloss").best.number == 1
    assert study(trial(0, 0.9, "pruned")).best is None


def test_a_file_that_is_missing_or_another_is_one_message(results):
    with pytest.raises(BenchmarkError, match=r"none\.json: cannot be read: No such file"):
        tuning.load(Archive(results).tuning_path("synthetic_tiny", "none"))
    path = Archive(results).tuning_path("synthetic_tiny", "dnn")
    path.write_text(path.read_text().replace('"pruned"', '"cut"'))
    with pytest.raises(BenchmarkError, match=r"dnn\.json: trials\.2\.state"):
        tuning.load(path)


def test_a_true_claim_is_no_fault(results, folder):
    assert list(tuned(tuned_record(), results, folder)) == []
    assert list(tuned(tuned_record(name="dnn", provenance=HAND), results, folder)) == []
    assert list(tuned(make_record(name=None), results, folder)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provenance": HAND}, "its provenance is {'kind': 'hand', 'tries': 2}, the recipe says {"),
        (
            {"name": "dnn"},
            "'tries': 3, 'study': 'studies/tuning/synthetic_tiny/dnn.json'}, the rec",
        ),
        (
            {"name": None, "provenance": {**BY_STUDY, "tries": 2}},
            "tries is 2, studies/tuning/synthetic_tiny/dnn.json has 3 finished trials",
        ),
        ({"rate": 0.001}, "train.learning_rate is 0.001, the best trial of studies/tuning"),
        (
            {"data": BASE.data.__class__(**{**BASE.data.__dict__, "arrays": "e" * 64})},
            "is a study on other data",
        ),
    ],
    ids=["unsaid", "unclaimed", "tries", "values", "data"],
)
def test_false_claims_are_faults(results, folder, changes, message):
    faults = list(tuned(tuned_record(**changes), results, folder))
    assert any(fault.startswith(message) or message in fault for fault in faults), faults


def test_another_study_in_its_place_is_a_fault(results, folder):
    write(study(trial(0, 0.7), name="other"), Archive(results).tuning_path("synthetic_tiny", "dnn"))
    assert list(tuned(tuned_record(), results, folder)) == [
        f"{STUDY.reference} holds the study synthetic_tiny/other",
        f"tries is 3, {STUDY.reference} has 1 finished trial",
    ]
    write(study(trial(0, None, "failed")), Archive(results).tuning_path("synthetic_tiny", "dnn"))
    assert list(tuned(tuned_record(), results, folder)) == [
        f"{STUDY.reference} has no complete trial"
    ]


def test_a_recipe_says_which_study_tuned_it(folder):
    provenance = recipes.load("synthetic_tiny/dnn_tuned", folder).provenance
    assert provenance is not None and provenance.study == STUDY.reference
    assert provenance.tries == len(STUDY.finished) == 3
