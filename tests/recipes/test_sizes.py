"""Untuned defaults of a data set are of one size and are tuned over one space."""

import pytest

from benchmark.data.catalog import card_names, find_card
from benchmark.measure.cost import Parameters, outline, parameters
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.reports.leaderboard import published
from benchmark.utils.paths import RESULTS
from tests.recipes.test_recipe import schema

BANDS = {name: band for name in card_names() if (band := find_card(name).card.dense_parameters)}
WITHOUT = {"lr", "fm"}
"""Models without a dense part."""


def size(recipe: Recipe, dataset: str) -> Parameters:
    return parameters(on_meta(recipe, schema(dataset)).model)


def defaults(dataset: str) -> list[Recipe]:
    loaded = [recipes.load(each) for each in recipe_ids() if each.startswith(f"{dataset}/")]
    untuned = [each for each in loaded if each.provenance and each.provenance.kind == "defaults"]
    return [each for each in untuned if each.model not in WITHOUT]


def test_the_cards_with_a_band() -> None:
    assert {"kuairand_14d", "movielens_1m", "synthetic"} <= set(BANDS)
    assert all(low < high for low, high in BANDS.values())


@pytest.mark.parametrize("dataset", BANDS)
def test_untuned_defaults_lie_in_the_band_of_their_card(dataset: str) -> None:
    low, high = BANDS[dataset]
    found = defaults(dataset)
    sizes = {each.name: size(each, dataset).dense for each in found}
    assert len(sizes) >= 4
    assert {name: size for name, size in sizes.items() if not low <= size <= high} == {}


@pytest.mark.parametrize("dataset", BANDS)
def test_they_are_tuned_in_the_space_that_all_share(dataset: str) -> None:
    assert [each.id for each in defaults(dataset) if each.search] == []


@pytest.mark.parametrize("dataset", ["frappe_x1r", "kuairand_14d", "movielens_1m", "synthetic"])
def test_attention_and_mixing_are_compared_at_equal_flops(dataset: str) -> None:
    """A claim says so."""
    attention, mixing = (
        outline(recipes.load(f"{dataset}/{name}"), schema(dataset)).flops_per_sample
        for name in ("hetero_attention", "rankmixer")
    )
    assert attention == pytest.approx(mixing, rel=0.05)


TABLES = {
    "criteo_x1": 2_086_316 * 10,
    "criteo_x4_001": 910_747 * 16,
    "avazu_x4_001": 3_750_999 * 16,
    "frappe_x1": 5_389 * 10,
}
"""Parameters of the embedding in the logs of the published totals."""
PLAIN = {"edcn", "fcn", "ipnn", "masknet", "qnn_alpha"}
"""Models of the field with one table each and no linear part."""


def test_published_settings_have_the_published_totals_of_parameters() -> None:
    counted = 0
    for row in published.load(RESULTS).row:
        name = row.dataset.replace("frappe_x1", "frappe_x1r")
        recipe = recipes.load(f"{name}/{row.recipe}") if row.recipe else None
        if recipe and row.params and recipe.model in PLAIN:
            own = size(recipe, name)
            assert own.dense + own.head + TABLES[row.dataset] == row.params, row
            counted += 1
    assert counted == 8
