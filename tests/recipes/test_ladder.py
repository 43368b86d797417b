"""The [scaling] table of a recipe."""

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.scaling import Step

BASE = {
    "model": {"name": "dnn", "hidden_units": [8], "dropout": 0.1},
    "train": {"learning_rate": 1e-3},
}


def parse(**scaling):
    return recipes.parse({**BASE, "scaling": scaling}, "synthetic_tiny", "r.toml")


def test_steps_take_what_is_common_and_are_no_part_of_the_digest():
    steps = [
        {"model": {"hidden_units": [4]}},
        {"model.hidden_units": [2], "model.dropout": 0.0, "rows": 50},
    ]
    recipe = parse(model={"dropout": 0.2}, steps=steps)
    assert recipe.scaling == (
        Step({"model.dropout": 0.2, "model.hidden_units": [4]}),
        Step({"model.dropout": 0.0, "model.hidden_units": [2]}, 50),
    )
    assert recipe.scaling[0].settings["train.monitor"] == "logloss"
    assert recipe.digest() == recipes.parse(BASE, "synthetic_tiny", "r.toml").digest()


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({}, "r.toml: [scaling]: key 'steps' is missing"),
        ({"steps": []}, "r.toml: [scaling]: steps: "),
        ({"stepz": [{}]}, "r.toml: [scaling]: unknown key 'stepz'"),
        (
            {"steps": [{"model": {"hiden_units": [4]}}]},
            "step 1: unknown key 'model.hiden_units'; did you mean",
        ),
        ({"steps": [{}, {"width": 4}]}, "[scaling] step 2: unknown key 'width'"),
        ({"steps": [{"model": {"hidden_units": "wide"}}]}, "[scaling] step 1: model.hidden_units"),
        ({"steps": [{"model": {"name": "fm"}}]}, "step 1: model.name cannot be varied"),
        ({"steps": [{"train": {"monitor": "auc"}}]}, "step 1: train.monitor cannot be varied"),
        ({"steps": [{}], "shapes": [{}]}, "[scaling]: unknown key 'shapes'"),
        ({"steps": [{"rows": 0}]}, "step 1: rows = 0 must be a whole number of at least 1"),
        ({"steps": [{"rows": True}]}, "step 1: rows = True must be a whole number"),
        ({"steps": [{"rows": 5}, {"rows": 6}, {"rows": 5}]}, "step 3 is the same as step 1"),
    ],
)
def test_mistakes_name_the_file_the_step_and_the_key(scaling, message):
    with pytest.raises(UsageError) as caught:
        parse(**scaling)
    assert message in str(caught.value)
