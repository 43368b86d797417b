"""Runs from defaults, and how they become recipes."""

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import defaults, provenance
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.registry import models


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The workspace's own folder of recipes."""
    monkeypatch.setattr(defaults, "path", lambda dataset, name: tmp_path / dataset / f"{name}.toml")
    return tmp_path


def test_defaults_have_the_cards_embedding_size_if_they_have_one() -> None:
    found = defaults.find("dnn", "my_table", 24)
    assert found.id == "my_table/dnn (ad hoc)" and found.hyperparameters["embedding_dim"] == 24
    assert found.provenance is not None and found.provenance.words() == "defaults"
    assert "embedding_dim" not in defaults.find("lr", "my_table", 24).hyperparameters
    assert recipes.override(found, ["train.epochs=1"]).provenance is None


def test_a_recipe_of_the_models_name_comes_first() -> None:
    assert defaults.find("dnn", "criteo_x1", 99) == recipes.load("criteo_x1/dnn")


def test_recipes_of_other_names_are_listed_unless_the_defaults_get_one() -> None:
    with pytest.raises(UsageError) as raised:
        defaults.find("rankelastor", "criteo_x1", 10)
    said = str(raised.value)
    assert said.startswith("criteo_x1 has no recipe 'rankelastor', but of this model rankelastor_d")
    assert "rankelastor_v7: choose one with --recipe criteo_x1/NAME, or" in said
    assert defaults.find("rankelastor", "criteo_x1", 10, named=True).name is None


@pytest.mark.parametrize("settings", [[], ["train.evaluate_every=5", "model.hidden_units=[3]"]])
def test_what_is_run_is_written_whole_once_and_loads_again(folder, settings) -> None:
    base = defaults.find("dnn", "my_table", 24)
    base = recipes.override(base, settings) if settings else base
    written = defaults.write(base, "mine")
    assert written.digest() == base.digest() and written.id == "my_table/mine"
    assert written.provenance == (defaults.CHANGED if settings else defaults.DEFAULTS)
    text = (folder / "my_table" / "mine.toml").read_text()
    with pytest.raises(
        UsageError, match=r"--name mine: there is a recipe my_table/mine; run it with"
    ):
        defaults.write(base, "mine")
    assert (folder / "my_table" / "mine.toml").read_text() == text


def test_names_and_recipes_that_cannot_be_written() -> None:
    with pytest.raises(UsageError, match=r"--name ../up: a name has at most"):
        defaults.write(defaults.find("dnn", "my_table", 24), "../up")
    with pytest.raises(UsageError, match="there is a recipe synthetic_tiny/lr; run it with"):
        defaults.write(recipes.vary(recipes.load("synthetic_tiny/dnn"), {}, "x"), "lr")
    with pytest.raises(UsageError, match="what is run is the recipe synthetic/dnn already"):
        defaults.write(recipes.load("synthetic/dnn"), "mine")


@pytest.mark.parametrize("dataset", ["criteo_kaggle", "avazu_kaggle", "criteo_x1", "avazu_x4_001"])
def test_every_model_has_a_recipe(dataset) -> None:
    """Of the raw files most people have, and of the benchmark splits of the same data."""
    ours = {name for name in models.names() if models.get(name).__module__.startswith("baselines.")}
    ids = [each for each in recipe_ids() if each.startswith(f"{dataset}/")]
    loaded = [recipes.load(each) for each in ids]
    assert {recipe.model for recipe in loaded} == ours
    kinds = {recipe.provenance.kind for recipe in loaded if recipe.provenance}
    assert kinds <= set(provenance.Kind.__args__) and "defaults" in kinds
    if dataset.endswith("_kaggle"):
        assert kinds == {"defaults"} and {recipe.name for recipe in loaded} == ours
