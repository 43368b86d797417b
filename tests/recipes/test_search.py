"""The [search] table of a recipe."""

from dataclasses import replace

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.recipes.search import Range
from benchmark.studies.tuning.plan import search_of

BASE = {
    "model": {"name": "dnn", "hidden_units": [8], "dropout": 0.1},
    "train": {"learning_rate": 1e-3},
}


def parse(**search):
    return recipes.parse({**BASE, "search": search}, "synthetic_tiny", "r.toml")


def test_keys_are_written_with_or_without_quotes_and_are_no_part_of_the_digest():
    quoted = parse(**{"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}})
    plain = parse(train={"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}})
    assert quoted == plain
    assert (
        quoted.search is not None
        and quoted.search.ranges["train.learning_rate"].words() == "0.0001 to 0.01, log"
    )
    base = recipes.parse(BASE, "synthetic_tiny", "r.toml")
    assert quoted.digest() == base.digest()


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"prunning": "none"}, "unknown key 'prunning'; did you mean 'pruning'?"),
        (
            {"train": {"learning_rat": {"low": 1, "high": 2}}},
            "unknown key 'train.learning_rat'; did you mean",
        ),
        ({"optimizer.beta": {"low": 1, "high": 2}}, "unknown key 'optimizer.beta'"),
        (
            {"train": {"learning_rate": {"low": 1e-2, "high": 1e-4}}},
            "low = 0.01 must be below high = 0.0001",
        ),
        (
            {"train": {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}}},
            "log = true needs low above 0, not 0",
        ),
        (
            {"train": {"learning_rate": {"low": 0.1}}},
            "write { low = ..., high = ... } or { choice = [...] }",
        ),
        (
            {"train": {"learning_rate": [1e-4, 1e-2]}},
            "write { low = ..., high = ... } or { choice = [...] }",
        ),
        (
            {"train": {"learning_rate": {"low": 1e-2, "high": 1e-1}}},
            "leaves out the recipe's own value 0.001",
        ),
        ({"train": {"learning_rate": {"low": "a", "high": 1e-1}}}, "learning_rate: low"),
        (
            {"train": {"learning_rate": {"choice": [1e-3, 1e-3]}}},
            "a value of 'choice' is there twice",
        ),
        ({"train": {"learning_rate": {"choice": [1e-3, 1e-2], "low": 1}}}, "'choice' stands alone"),
        (
            {"train": {"learning_rate": {"lo": 1, "high": 2}}},
            "unknown key 'lo'; did you mean 'low'?",
        ),
        (
            {"train": {"batch_size": {"low": 1.5, "high": 9000}}},
            "train.batch_size is a whole number",
        ),
        (
            {"model": {"hidden_units": {"low": 1, "high": 3}}},
            "model.hidden_units is no number, so it needs a choice",
        ),
        (
            {"model": {"batch_norm": {"low": 0, "high": 1}}},
            "model.batch_norm is no number, so it needs a choice",
        ),
        ({"model": {"name": {"choice": ["dnn", "fm"]}}}, "model.name cannot be searched"),
        (
            {"train": {"monitor": {"choice": ["auc", "logloss"]}}},
            "train.monitor cannot be searched",
        ),
        ({"ranges": {}}, "write the dotted keys themselves"),
    ],
)
def test_mistakes_name_the_file_and_the_key(search, message):
    with pytest.raises(UsageError) as caught:
        parse(**search)
    assert message in str(caught.value) and str(caught.value).startswith("r.toml: ")


@pytest.mark.parametrize(
    ("key", "choice"),
    [("hidden_units", [[8], "wide"]), ("dropout", [0.1, "none"]), ("batch_norm", [False, 2])],
)
def test_what_the_model_does_not_take_is_said_before_any_trial(key, choice):
    recipe = parse(model={key: {"choice": choice}})
    with pytest.raises(UsageError, match=rf"\[search\].*model.*{key}"):
        search_of(recipe)


def test_whole_numbers_bound_a_range_of_fractions():
    found = parse(model={"dropout": {"low": 0, "high": 1}}).search
    assert found is not None and [type(end) for end in found.ranges["model.dropout"].ends()] == [
        float,
        float,
    ]


@pytest.mark.parametrize("recipe_id", recipe_ids())
def test_every_committed_recipe_has_a_space(recipe_id):
    recipe = recipes.load(recipe_id)
    found = search_of(recipe)
    settings = recipe.dotted()
    for key, each in found.ranges.items():
        assert each.holds(settings[key])


def test_defaults_are_widened_to_the_recipes_value_and_leave_out_a_zero_on_a_log_scale():
    table = {**BASE, "train": {"learning_rate": 0.05, "embedding_l2": 0.0}}
    found = search_of(recipes.parse(table, "synthetic_tiny", "r.toml")).ranges
    assert found["train.learning_rate"] == Range(low=1e-4, high=0.05, log=True)
    assert "train.embedding_l2" not in found and "model.num_blocks" not in found
    capped = replace(
        recipes.parse(table, "synthetic_tiny", "r.toml"), search=parse(max_parameters=9).search
    )
    assert search_of(capped).ranges == found and search_of(capped).caps == {"max_parameters": 9}
