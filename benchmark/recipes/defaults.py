"""Runs from defaults: what is run of a model without a recipe for a data set, and the file by which
a run becomes a recipe."""

from dataclasses import replace
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import folders, recipe_ids
from benchmark.recipes.provenance import Provenance
from benchmark.recipes.recipe import Recipe
from benchmark.utils import toml
from benchmark.utils.files import write_text
from benchmark.utils.paths import require_name

DEFAULTS = Provenance(kind="defaults", note="of the constructor; nothing was tuned")
CHANGED = Provenance(kind="hand", note="a changed recipe; how many values were tried is not known")


def find(model: str, dataset: str, embedding_dim: int, *, named: bool = False) -> Recipe:
    """The recipe DATASET/MODEL, else an ad hoc one of the model's defaults with the embedding size
    of the data set's card.

    Raises UsageError where the model's recipes have other names, unless the defaults get a name
    too."""
    recipe = recipes.find(model, dataset)
    if recipe.name is not None:
        return recipe
    if others := [] if named else _of_model(model, dataset):
        raise UsageError(
            f"{dataset} has no recipe '{model}', but of this model {', '.join(others)}: choose one"
            f" with --recipe {dataset}/NAME, or run the model's defaults as a recipe of their own"
            " with --name NAME"
        )
    if "embedding_dim" in recipe.hyperparameters:
        recipe = recipes.vary(recipe, {"model.embedding_dim": embedding_dim}, f"model {model}")
    return replace(recipe, provenance=DEFAULTS)


def write(recipe: Recipe, name: str) -> Recipe:
    """Write an ad hoc recipe as DATASET/NAME.toml into the workspace's folder of recipes, and load
    it. Raises UsageError for a committed recipe, and where there is one of this name."""
    require_name(name, f"--name {name}")
    file, recipe_id = path(recipe.dataset, name), f"{recipe.dataset}/{name}"
    if recipe.name is not None:
        raise UsageError(f"--name {name}: what is run is the recipe {recipe.id} already")
    if file.exists() or recipe_id in recipe_ids():
        fault = f"there is a recipe {recipe_id}; run it with --recipe, or choose another name"
        raise UsageError(f"--name {name}: {fault}")
    provenance = recipe.provenance or CHANGED
    tables = {"provenance": provenance.model_dump(mode="json"), **recipe.settings()}
    write_text(file, toml.text(tables))
    return replace(recipes.load(str(file)), name=name)


def path(dataset: str, name: str) -> Path:
    """Where a recipe of one's own is written."""
    return folders()[0] / dataset / f"{name}.toml"


def _of_model(model: str, dataset: str) -> list[str]:
    """The names of a data set's recipes of a model."""
    ids = [each for each in recipe_ids() if each.startswith(f"{dataset}/")]
    return [each.partition("/")[2] for each in ids if recipes.load(each).model == model]
