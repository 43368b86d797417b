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


BLOCKS = {"model": {"name": "rankmixer", "num_tokens": 2, "token_dim": 4}, "train": {}}


def with_shapes(*shapes, depth="model.num_blocks", **common):
    scaling = {"steps": [{}], "depth": depth, "shapes": list(shapes), **common}
    return recipes.parse({**BLOCKS, "scaling": scaling}, "synthetic_tiny", "r.toml")


def test_shapes_are_no_steps_and_take_what_is_common() -> None:
    recipe = with_shapes(
        {"model": {"num_blocks": 1}}, {"model.num_blocks": 2}, model={"token_dim": 8}, rows=50
    )
    assert recipe.scaling == (Step({"model.token_dim": 8}, 50),)
    assert recipe.shapes.depth == "model.num_blocks"
    assert recipe.shapes.of == tuple(
        Step({"model.token_dim": 8, "model.num_blocks": depth}, 50) for depth in (1, 2)
    )
    assert recipe.digest() == recipes.parse(BLOCKS, "synthetic_tiny", "r.toml").digest()


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([{"model.num_blocks": 1}], "[scaling]: shapes: "),
        (
            [{"model.num_blocks": 1}, {"model.num_bloks": 2}],
            "[scaling] shape 2: unknown key 'model.num_bloks'",
        ),
        (
            [{"model.num_blocks": 1}, {"model.num_blocks": 1}],
            "[scaling] shape 2 is the same as shape 1",
        ),
        (
            [{"model.num_blocks": 1}, {"model.token_dim": 8}],
            "shape 2: model.num_blocks, its depth, must be a whole",
        ),
        (
            [{"model.num_blocks": 1}, {"model.num_blocks": 0}],
            "shape 2: model.num_blocks, its depth, must be a whole",
        ),
        (
            [{"model.num_blocks": 1}, {"model.num_blocks": 2, "rows": 5}],
            "shape 2: a shape names no rows",
        ),
        (
            [{"model.num_blocks": 1}, {"model.num_blocks": 2, "model.token_dim": "wide"}],
            "shape 2: model.token_dim",
        ),
        (None, "[scaling]: depth = KEY, which counts the layers, and shapes = [...] go together"),
    ],
)
def test_mistakes_name_the_shape(shapes, message) -> None:
    scaling = {"steps": [{}], "depth": "model.num_blocks"} | (
        {} if shapes is None else {"shapes": shapes}
    )
    with pytest.raises(UsageError) as caught:
        recipes.parse({**BLOCKS, "scaling": scaling}, "synthetic_tiny", "r.toml")
    assert message in str(caught.value)


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
        ({"steps": [{"rows": 0}]}, "step 1: rows = 0 must be a whole number of at least 1"),
        ({"steps": [{"rows": True}]}, "step 1: rows = True must be a whole number"),
        ({"steps": [{"rows": 5}, {"rows": 6}, {"rows": 5}]}, "step 3 is the same as step 1"),
    ],
)
def test_mistakes_name_the_file_the_step_and_the_key(scaling, message):
    with pytest.raises(UsageError) as caught:
        parse(**scaling)
    assert message in str(caught.value)
