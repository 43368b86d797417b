"""Width against depth: a recipe's shapes of about equal FLOPs, and whether they differ by more than
their seeds do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import log
from pathlib import Path
from statistics import mean
from typing import Any

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import flops_per_sample
from benchmark.measure.significance import ALPHA, holm, welch
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe, dotted, on_meta
from benchmark.reports.document import Table
from benchmark.reports.words import derived
from benchmark.studies.scaling import ladders
from benchmark.studies.scaling.ladders import FLOPS, OUTCOME, PARAMETERS, Rung, varied_settings
from benchmark.utils.paths import RECIPES

SPREAD = 1.1
"""Largest over smallest FLOPs of a level, at most."""
REMARK = (
    f"Shapes of a recipe within {SPREAD - 1:.0%} of FLOPs are a level. Whether depth matters at"
    " that cost is Welch's test on the LogLoss of every two shapes of a level, with Holm's"
    f" correction over its pairs, at {ALPHA:.0%}. Shapes are trained alike, but for what the column"
    " width names."
)


@dataclass(frozen=True)
class Level:
    """The shapes of one recipe at about equal FLOPs that have records, by depth; `depth` is the
    dotted key of the setting that counts the layers."""

    recipe: str
    depth: str
    shapes: tuple[Rung, ...]

    @property
    def flops(self) -> str:
        """E.g. `75,328 to 76,464`."""
        flops = sorted({FLOPS.of(shape.first) for shape in self.shapes})
        return f"{flops[0]:,}" if len(flops) == 1 else f"{flops[0]:,} to {flops[-1]:,}"

    def layers(self, shape: Rung) -> int:
        return int(dotted(shape.first.recipe)[self.depth])

    def width(self, shape: Rung) -> dict[str, Any]:
        """The other settings that differ within the level."""
        table = dotted(shape.first.recipe)
        return {key: table[key] for key in varied_settings(self.shapes) if key != self.depth}


def split(flops: Sequence[int]) -> list[list[int]]:
    """Group positions into levels, cheapest first: each within SPREAD of its least FLOPs."""
    groups: list[list[int]] = []
    for position in sorted(range(len(flops)), key=lambda position: flops[position]):
        if groups and flops[position] <= SPREAD * flops[groups[-1][0]]:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def require_levels(recipe: Recipe, schema: Schema) -> None:
    """Raises UsageError for shapes whose level has no other depth."""
    variants = ladders.variants(recipe)[len(recipe.scaling) :]
    models = [on_meta(variant.recipe, schema).model for variant in variants]
    flops = [flops_per_sample(model, schema) for model in models]
    depths = [shape.values[recipe.shapes.depth] for shape in recipe.shapes.of]
    for level in split(flops):
        first = level[0]
        others = [position for position, depth in enumerate(depths) if depth != depths[first]]
        if not set(others).isdisjoint(level):
            continue
        where = f"recipe {recipe.id}, [scaling] shape {first + 1}"
        if not others:
            same = f"no shape has another {recipe.shapes.depth} than {depths[first]}"
            raise UsageError(f"{where}: {same}")
        near = min(others, key=lambda position: abs(log(flops[position] / flops[first])))
        low, high = sorted((flops[first], flops[near]))
        raise UsageError(
            f"{where} has {flops[first]:,} FLOPs per sample, and shape {near + 1}, the nearest of"
            f" another depth, {flops[near]:,}: {high / low - 1:.0%} apart, a level takes"
            f" {SPREAD - 1:.0%}"
        )


def levels(results: Path, dataset: str, recipe_folder: Path = RECIPES) -> list[Level]:
    """Load the levels of every recipe, cheapest first.

    Raises BenchmarkError for records that cannot be read or compared, and for those of a recipe
    that has no shapes now."""
    loaded: list[Level] = []
    for name, shapes in ladders.rungs(results, dataset, "shape").items():
        depth = recipes.load(f"{dataset}/{name}", recipe_folder).shapes.depth
        if not depth:
            raise BenchmarkError(f"recipe {dataset}/{name} has records of shapes and no shapes now")
        by_depth = sorted(shapes, key=lambda shape: dotted(shape.first.recipe)[depth])
        for group in split([FLOPS.of(shape.first) for shape in by_depth]):
            loaded.append(Level(name, depth, tuple(by_depth[at] for at in sorted(group))))
    return loaded


def pairs(level: Level) -> list[dict[str, Any]]:
    """Compare every two shapes with two seeds or more: their numbers `a` and `b`, the difference of
    their LogLoss (a - b), and its p after Holm over the level's pairs."""
    both = list(combinations([shape for shape in level.shapes if len(shape.runs) > 1], 2))
    differences = [welch(a.losses, b.losses) for a, b in both]
    adjusted = holm([difference.p for difference in differences])
    return [
        {"a": a.step, "b": b.step, **asdict(difference), "p_holm": p}
        for (a, b), difference, p in zip(both, differences, adjusted, strict=True)
    ]


def table(levels: Sequence[Level]) -> Table:
    rows, remarks = [], [REMARK]
    for level in levels:
        remarks.append(f"{level.recipe} at {level.flops} FLOPs: {_verdict(level)}.")
        for shape in level.shapes:
            width = [f"{key.partition('.')[2]} {own}" for key, own in level.width(shape).items()]
            names = level.recipe, str(shape.step), str(level.layers(shape)), ", ".join(width)
            sizes = f"{FLOPS.of(shape.first):,}", f"{PARAMETERS.of(shape.first):,}"
            rows.append((*names, *sizes, *shape.outcome))
            remarks += [f"{level.recipe} shape {shape.step}: {note}" for note in shape.first.notes]
    head = ("recipe", "shape", "depth", "width", FLOPS.title, PARAMETERS.title, *OUTCOME)
    return Table("Width against depth at equal FLOPs", head, tuple(rows), tuple(remarks))


def _verdict(level: Level) -> str:
    tested = pairs(level)
    if not tested:
        return "no two shapes have two seeds, nothing is tested"
    apart = [pair for pair in tested if pair["p_holm"] <= ALPHA]
    if not apart:
        least = min(pair["p_holm"] for pair in tested)
        differ = f"no two of the {len(level.shapes)} shapes differ by more than their seeds do"
        return f"{differ} (least p = {least:.2g})"
    names = {shape.step: f"{shape.step} (depth {level.layers(shape)})" for shape in level.shapes}
    listed = []
    for pair in apart:
        a, b, value = names[pair["a"]], names[pair["b"]], pair["value"]
        better, worse = (a, b) if value < 0 else (b, a)
        size = f"{abs(value):.5f} (p = {pair['p_holm']:.2g})"
        listed.append(f"shape {better} below shape {worse} by {size}")
    differ = f"{len(apart)} of {len(tested)} pairs differ by more than their seeds do"
    return f"{differ}: {'; '.join(listed)}"


def numbers(level: Level) -> dict[str, Any]:
    """The level as JSON values."""
    shapes = [
        {
            "shape": shape.step,
            "depth": level.layers(shape),
            "width": level.width(shape),
            "parameters": PARAMETERS.of(shape.first),
            **shape.numbers(),
            "auc": mean(run.metrics.test.auc for run in shape.runs),
        }
        for shape in level.shapes
    ]
    names, differences = {"recipe": level.recipe, "depth": level.depth}, derived(pairs(level))
    return {**names, "shapes": shapes, "differences": differences}
