"""Shapes of equal FLOPs: their levels, records and table, and that no ladder has them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import Parameters, flops_per_sample
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.records import record
from benchmark.studies.campaign import cells
from benchmark.studies.scaling import ladders
from benchmark.studies.scaling import report as scaling_report
from benchmark.studies.scaling.shapes import levels, pairs, require_levels, split, table
from benchmark.verify import place as verify_place
from tests.factories import PROVENANCE, TEST, make_record

SCHEMA = Schema(("price",), ("user", "item"), (5, 9))
RECIPE = """[model]
name = "rankmixer"
embedding_dim = 4
num_tokens = 2
token_dim = 4
num_blocks = 1
ffn_hidden = [8]

[scaling]
steps = [{{ model.ffn_hidden = [4] }}]
depth = "model.num_blocks"
shapes = [{shapes}]
"""
EVEN = (
    "{ model.num_blocks = 1, model.ffn_hidden = [16] }, { model.num_blocks = 2, model.ffn_hidden ="
    " [8] }"
)


def recipe(folder: Path, shapes: str = EVEN) -> recipes.Recipe:
    path = folder / "recipes" / "synthetic" / "rankmixer.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RECIPE.format(shapes=shapes) + PROVENANCE)
    return recipes.load("synthetic/rankmixer", path.parents[1])


def keep(
    results: Path, folder: str, seed: int, loss: float, flops: int, blocks: int, width: int
) -> Path:
    made = make_record(
        dataset="synthetic",
        name=None,
        seed=seed,
        metrics=make_record().metrics.model_copy(update={"test": replace(TEST, logloss=loss)}),
        parameters=Parameters(embedding=10, dense=flops // 2, head=1),
        flops_per_sample=flops,
        recipe={
            "dataset": "synthetic",
            "model": {"name": "rankmixer", "num_blocks": blocks, "token_dim": width},
            "train": {"monitor": "logloss"},
        },
        recipe_digest=f"{flops:064x}",
    )
    path = results / "studies" / "scaling" / "synthetic" / folder / f"seed-{seed}.json"
    record.save(made, path)
    return path


@pytest.fixture(scope="module")
def shaped(tmp_path_factory) -> Path:
    """Of the committed recipe: a level where depth pays and one where it does not, and a step."""
    results = tmp_path_factory.mktemp("shapes")
    for seed, noise in enumerate((-1e-5, 0.0, 1e-5)):
        keep(results, "rankmixer-1", seed, 0.50 + noise, 500, 1, 8)
        keep(results, "rankmixer-shape1", seed, 0.47 + noise, 1_000, 4, 8)
        keep(results, "rankmixer-shape2", seed, 0.48 + noise, 1_050, 1, 32)
        keep(results, "rankmixer-shape3", seed, 0.46 + noise, 3_000, 1, 64)
        keep(results, "rankmixer-shape4", seed, 0.46 - noise, 2_900, 4, 16)
    return results


def test_levels_hold_what_is_close() -> None:
    assert split([100, 300, 110, 290, 111, 310]) == [[0, 2], [4], [3, 1, 5]]
    assert split([]) == []


def test_shapes_of_unequal_flops_are_refused_before_any_run(tmp_path) -> None:
    even = recipe(tmp_path)
    varied = [variant for variant in ladders.variants(even) if "shape" in variant.name]
    flops = [flops_per_sample(on_meta(each.recipe, SCHEMA).model, SCHEMA) for each in varied]
    assert (
        flops[0] == flops[1]
    )  # 2 tokens x 4 x (1 block of 16 or 2 of 8) beside tokenizer and head
    require_levels(even, SCHEMA)
    uneven = EVEN + ", { model.num_blocks = 2, model.ffn_hidden = [32] }"
    with pytest.raises(
        UsageError,
        match=(
            r"\[scaling\] shape 3 has 2,152 FLOPs per sample, and shape 1, the .* 616: 249% apart"
        ),
    ):
        require_levels(recipe(tmp_path, uneven), SCHEMA)
    flat = (
        "{ model.num_blocks = 1, model.ffn_hidden = [16] }, { model.num_blocks = 1,"
        " model.ffn_hidden = [17] }"
    )
    with pytest.raises(UsageError, match=r"shape 1: no shape has another model.num_blocks than 1"):
        require_levels(recipe(tmp_path, flat), SCHEMA)


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("a-b-3", ("a-b", "step", 3)),
        ("a-shape12", ("a", "shape", 12)),
        ("a-shape2-1", ("a-shape2", "step", 1)),
        ("a-shape-1", ("a-shape", "step", 1)),
    ],
)
def test_a_folder_is_of_one_step_or_shape(folder: str, place: tuple) -> None:
    assert ladders.place_of(folder) == place


@pytest.mark.parametrize("folder", ["a", "a-0", "a-shape0", "-3", "a-shape", "a-x1", "a-٣"])
def test_other_folders_are_of_none(folder: str) -> None:
    assert ladders.place_of(folder) is None


def test_a_shape_is_a_cell_and_its_record_is_held_against_it(tmp_path) -> None:
    found = ladders.variants(recipe(tmp_path))
    assert [each.name for each in found] == ["rankmixer-1", "rankmixer-shape1", "rankmixer-shape2"]
    [cell] = cells.of_study(ladders.STUDY, "synthetic", found[2:], [0])
    run = make_record(
        dataset="synthetic",
        name=None,
        recipe=cell.recipe.resolved(),
        recipe_digest=cell.recipe.digest(),
    )
    path = cell.path(tmp_path)

    def faults(path: Path) -> str:
        return "; ".join(verify_place.faults(run, path, tmp_path / "recipes"))

    assert faults(path) == ""
    assert "stale: the recipe's digest is" in faults(
        path.parents[1] / "rankmixer-shape1" / path.name
    )
    assert "stale: the recipe's digest is" in faults(path.parents[1] / "rankmixer-1" / path.name)
    assert "has 2 shapes, and the record is of shape 3" in faults(
        path.parents[1] / "rankmixer-shape3" / path.name
    )


def test_a_shape_is_in_no_ladder(shaped: Path) -> None:
    assert {
        name: [rung.step for rung in rungs]
        for name, rungs in ladders.rungs(shaped, "synthetic").items()
    } == {"rankmixer": [1]}
    report = scaling_report.report(shaped, "synthetic")
    assert report is not None
    assert [run["step"] for run in report.numbers["runs"]["rankmixer"]] == [1, 1, 1]
    assert report.numbers["laws"] == []


def test_depths_are_compared_within_a_level(shaped: Path) -> None:
    low, high = levels(shaped, "synthetic")
    assert [[shape.step for shape in level.shapes] for level in (low, high)] == [[2, 1], [3, 4]]
    [apart], [alike] = pairs(low), pairs(high)
    assert apart["value"] == pytest.approx(0.01) and apart["p_holm"] < 1e-6
    assert alike["value"] == pytest.approx(0, abs=1e-12) and alike["p_holm"] == pytest.approx(1)
    text = table([low, high]).section()
    assert (
        "| rankmixer | 2 | 1 | token_dim 32 | 1,050 | 525 | 0-2 | 0.48000 ± 0.00001 | 0.75000 ±"
        " 0.00000 |" in text
    )
    assert (
        "at 1,000 to 1,050 FLOPs: 1 of 1 pairs differ by more than their seeds do: shape 1 (depth"
        " 4) below" in text
    )
    assert (
        "at 2,900 to 3,000 FLOPs: no two of the 2 shapes differ by more than their seeds do (least"
        " p = 1)" in text
    )


def test_the_report_has_the_shapes(shaped: Path) -> None:
    report = scaling_report.report(shaped, "synthetic")
    assert report is not None
    assert "## Width against depth at equal FLOPs" in report.markdown()
    found = json.loads(report.json())["shapes"]
    assert [each["differences"][0]["a"] for each in found] == [2, 3]
    assert found[0]["shapes"][0]["width"] == {"model.token_dim": 32}
    shapes = [(each["depth"], each["flops"]) for level in found for each in level["shapes"]]
    assert shapes == [(1, 1050), (4, 1000), (1, 3000), (4, 2900)]


def test_one_seed_is_not_tested_and_a_recipe_without_shapes_is_refused(tmp_path) -> None:
    keep(tmp_path, "rankmixer-shape1", 0, 0.47, 1_000, 4, 8)
    keep(tmp_path, "rankmixer-shape2", 0, 0.47, 1_000, 1, 32)
    assert "no two shapes have two seeds" in table(levels(tmp_path, "synthetic")).section()
    other = tmp_path / "recipes" / "synthetic" / "rankmixer.toml"
    other.parent.mkdir(parents=True)
    other.write_text('[model]\nname = "rankmixer"\n' + PROVENANCE)
    with pytest.raises(
        BenchmarkError, match="recipe synthetic/rankmixer has records of shapes and no shapes now"
    ):
        levels(tmp_path, "synthetic", tmp_path / "recipes")


@pytest.mark.parametrize(
    "recipe_id", [name for name in recipes.recipe_ids() if recipes.load(name).shapes.of]
)
def test_committed_shapes_have_two_depths_or_more(recipe_id: str) -> None:
    shapes = recipes.load(recipe_id).shapes
    assert len({shape.values[shapes.depth] for shape in shapes.of}) > 1
