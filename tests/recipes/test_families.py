"""The [scaling] table of a recipe: one family of sizes."""

import pytest

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.scaling import Family, Step

BASE = {
    "model": {"name": "dnn", "hidden_units": [8], "dropout": 0.1},
    "train": {"learning_rate": 1e-3},
}
BLOCKS = {"model": {"name": "rankmixer", "num_tokens": 2, "token_dim": 4}, "train": {}}


def parse(base=BASE, **scaling):
    return recipes.parse({**base, "scaling": scaling}, "synthetic_tiny", "r.toml")


def test_steps_take_what_is_common_and_are_no_part_of_the_digest() -> None:
    steps = [{"model": {"hidden_units": [4]}}, {"model.hidden_units": [2], "rows": 50}]
    recipe = parse(model={"dropout": 0.2}, steps=steps, rates=[1e-4, 1e-3, 1e-2])
    four, two = ({"model.dropout": 0.2, "model.hidden_units": [width]} for width in (4, 2))
    assert recipe.scaling == Family((Step(four), Step(two, 50)), (1e-4, 1e-3, 1e-2))
    assert recipe.scaling.steps[0].settings(1e-4) == {
        **four,
        "train.monitor": "logloss",
        "train.learning_rate": 1e-4,
    }
    assert recipe.digest() == recipes.parse(BASE, "synthetic_tiny", "r.toml").digest()


def test_without_rates_there_is_the_recipes_own() -> None:
    assert parse(steps=[{"model.hidden_units": [4]}]).scaling.rates == (1e-3,)


@pytest.mark.parametrize(
    ("base", "steps"),
    [
        (BASE, [{"model.hidden_units": units} for units in ([4, 2], [8, 4], [12, 6])]),
        (BASE, [{"model.hidden_units": [8] * layers} for layers in (1, 2, 4)]),
        (BLOCKS, [{"model.num_blocks": blocks} for blocks in (1, 2, 3)]),
        (BLOCKS, [{"model.token_dim": w, "model.ffn_hidden": [3 * w]} for w in (2, 4, 6)]),
        (BLOCKS, [{"rows": rows} for rows in (10, 20)]),
    ],
)
def test_families_of_one_change(base, steps) -> None:
    assert len(parse(base, steps=steps).scaling.steps) == len(steps)


@pytest.mark.parametrize(
    ("base", "steps", "message"),
    [
        (
            BLOCKS,
            [{"model.num_blocks": 1}, {"model.num_blocks": 2, "model.token_dim": 8}],
            "r.toml: [scaling]: the steps change model.token_dim, model.num_blocks; a family"
            " changes one thing: keep model.num_blocks fixed, or change it alone",
        ),
        (
            BASE,
            [{"model.hidden_units": [4]}, {"model.hidden_units": [8, 8]}],
            "the steps change length and widths of model.hidden_units",
        ),
        (
            BLOCKS,
            [{"model.token_dim": w, "model.ffn_hidden": [f]} for w, f in ((2, 4), (4, 8), (8, 8))],
            "widths grow in one proportion, not model.token_dim[0] 1, 2, 4;"
            " model.ffn_hidden[0] 1, 2, 2",
        ),
        (
            BASE,
            [{"model.dropout": 0.1}, {"model.dropout": 0.2}],
            "model.dropout = 0.1 is neither a size nor a list of sizes",
        ),
        (
            BASE,
            [{"rows": 5}, {"model.hidden_units": [4], "rows": 10}],
            "step 2: model.hidden_units is not that of step 1; steps with rows are of one size",
        ),
        (
            BASE,
            [{}, {"train.embedding_l2": 0.1}],
            "step 2: train.embedding_l2 is no size; write it beside steps, for all of them",
        ),
    ],
)
def test_more_than_one_change_is_refused(base, steps, message) -> None:
    with pytest.raises(UsageError) as caught:
        parse(base, steps=steps)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ({}, "r.toml: [scaling]: key 'steps' is missing"),
        ({"steps": []}, "r.toml: [scaling]: steps: "),
        ({"stepz": [{}]}, "r.toml: [scaling]: unknown key 'stepz'"),
        ({"steps": [{}], "rates": [1e-3, 1e-2]}, "r.toml: [scaling]: rates: "),
        ({"steps": [{}], "rates": [1e-3, 0, 1]}, "r.toml: [scaling]: rates.1: "),
        ({"steps": [{}], "rates": [1e-3, 1e-3, 1]}, "[scaling]: a value of rates is there twice"),
        (
            {"steps": [{}], "train": {"learning_rate": 0.1}},
            "train.learning_rate is chosen for every step from rates = [...]",
        ),
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
def test_mistakes_name_the_file_the_step_and_the_key(scaling, message) -> None:
    with pytest.raises(UsageError) as caught:
        parse(**scaling)
    assert message in str(caught.value)
