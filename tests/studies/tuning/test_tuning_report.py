"""What a study leaves: the tuned recipe and the figures."""

from benchmark.recipes import recipe as recipes
from benchmark.recipes.provenance import Provenance
from benchmark.studies.tuning import report
from tests.factories import PROVENANCE
from tests.records.test_tuning import BEST, STUDY, study, trial
from tests.studies.tuning.small import RECIPE


def test_the_tuned_recipe_is_the_base_with_the_best_values(tmp_path):
    base = tmp_path / "synthetic_tiny" / "small.toml"
    base.parent.mkdir()
    base.write_text(RECIPE + PROVENANCE)
    written = report.write(STUDY, tmp_path / "synthetic_tiny" / "dnn.json", base)
    assert [path.name for path in written] == [
        "dnn_tuned.toml",
        "dnn_history.svg",
        "dnn_history.png",
    ]
    tuned, plain = (
        recipes.load(f"synthetic_tiny/{name}", tmp_path) for name in ("dnn_tuned", "small")
    )
    assert tuned.provenance == Provenance(kind="study", tries=3, study=STUDY.reference)
    assert tuned.search is None
    assert recipes.vary(plain, BEST, "test").settings() == tuned.settings()
    assert (
        written[0]
        .read_text()
        .startswith("# dnn with the values of trial 1: the best validation AUC of 3 trials.")
    )


def test_figures_are_the_same_bytes_each_time(tmp_path):
    found = STUDY.model_copy(
        update={"importances": {"train.learning_rate": 0.7, "model.hidden_units": 0.3}}
    )
    base = tmp_path / "base.toml"
    base.write_text(RECIPE)
    first, second = (
        report.write(found, tmp_path / name / "dnn.json", base) for name in ("first", "second")
    )
    assert "dnn_importances.svg" in [path.name for path in first]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_line_of_the_best_so_far_never_gets_worse():
    found = study(trial(0, 0.5), trial(1, 0.7), trial(2, 0.6))
    [line] = [
        line for line in report.history(found).axes[0].lines if line.get_label() == "best so far"
    ]
    assert list(line.get_ydata()) == [0.5, 0.7, 0.7]
    falling = study(trial(0, 0.5), trial(1, 0.7), trial(2, 0.4), objective="logloss")
    [line] = [
        line for line in report.history(falling).axes[0].lines if line.get_label() == "best so far"
    ]
    assert list(line.get_ydata()) == [0.5, 0.5, 0.4]


def test_a_study_without_a_complete_trial_leaves_no_recipe(tmp_path):
    assert (
        report.write(study(trial(0, None, "failed")), tmp_path / "x.json", tmp_path / "none.toml")
        == []
    )
