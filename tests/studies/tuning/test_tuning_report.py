"""What a study leaves: the tuned recipe."""

from benchmark.recipes import recipe as recipes
from benchmark.studies.tuning.report import tuned_recipe
from tests.records.test_tuning import BEST, STUDY
from tests.studies.tuning.small import RECIPE


def test_the_tuned_recipe_is_the_base_with_the_best_values(tmp_path):
    folder = tmp_path / "synthetic_tiny"
    folder.mkdir()
    (folder / "small.toml").write_text(RECIPE)
    text = tuned_recipe(STUDY, STUDY.best, folder / "small.toml")
    (folder / "dnn_tuned.toml").write_text(text)
    tuned, plain = (
        recipes.load(f"synthetic_tiny/{name}", tmp_path) for name in ("dnn_tuned", "small")
    )
    assert tuned.tuned == STUDY.reference and tuned.search is None
    assert recipes.vary(plain, BEST, "test").resolved() == tuned.resolved()
    assert text.startswith("# dnn with the values of trial 1: the best validation AUC of 3 trials.")
