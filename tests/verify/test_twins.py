"""Runs given out as two, and those that may end alike as they differ in what binds nowhere."""

import json

import pytest

from benchmark.recipes import recipe as recipes
from benchmark.records import record, scores
from benchmark.verify.beside import _copies
from benchmark.verify.case import Case
from benchmark.verify.twins import are_twins
from tests.verify.forging import deep


@pytest.mark.parametrize(
    ("group", "key", "value", "copied"),
    [
        ("train", "patience", 7, False),
        ("train", "clip_norm", 99.0, False),
        ("train", "precision", "bf16", True),
        ("train", "precision", "tf32", True),
        ("train", "learning_rate", 0.5, True),
        ("model", "dropout", 0.5, True),
        ("model", "hidden_units", [5], True),
        ("model", "hidden_units", ["no width"], True),
        ("model", "name", "lr", True),
    ],
)
def test_runs_that_differ_in_what_need_not_bind_may_have_the_same_weights(
    copy, group, key, value, copied
) -> None:
    one = record.load(deep(copy))
    recipe = {**one.recipe, group: {**one.recipe[group], key: value}}
    other = one.model_copy(update={"recipe": recipe, "recipe_digest": "another"})
    kept = scores.load(deep(copy).with_suffix(".npz"))
    found = list(_copies([Case(deep(copy), run, kept) for run in (one, other)]))
    assert bool(found) == copied


@pytest.mark.parametrize(
    ("key", "value", "twins"),
    [("rank", 5, True), ("parallel_units", [3], True), ("stacked_units", [3], False)],
)
def test_settings_of_parts_that_are_not_chosen_make_no_other_model(copy, key, value, twins) -> None:
    kept = record.load(deep(copy))
    settings = ["model.structure=stacked", f"model.{key}={json.dumps(value)}"]
    own = recipes.override(recipes.find("dcnv2", kept.dataset), settings[:1])
    models = [each.settings()["model"] for each in (own, recipes.override(own, settings))]
    one, other = (
        kept.model_copy(update={"recipe": {**kept.recipe, "model": model}}) for model in models
    )
    assert are_twins(one, other) == twins
