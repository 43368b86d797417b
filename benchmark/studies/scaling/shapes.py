"""Width against depth: a recipe's shapes of about equal FLOPs, and whether they differ by more than
their seeds do."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import log
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import flops_per_sample
from benchmark.measure.significance import ALPHA, Difference, holm, welch
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.reports.document import Table
from benchmark.reports.words import derived
from benchmark.studies.scaling.curves import logloss, mean_rank
from benchmark.studies.scaling.ladders import (
    FLOPS,
    PARAMETERS,
    Rung,
    settings,
    shapes,
    sizes,
    variant,
    varied_settings,
)
from benchmark.studies.scaling.sections import OUTCOME, outcome
from benchmark.utils.paths import RECIPES

SPREAD = 1.1
"""Of a level: its largest FLOPs over its smallest."""


@dataclass(frozen=True)
class Level:
    """The shapes of one recipe at about equal FLOPs that have records, by depth; `depth` is the key
    of their layers."""

    recipe: str
    depth: str
    shapes: tuple[Rung, ...]

    @property
    def flops(self) -> str:
        """E.g. `75,328 to 76,464`."""
        found = sorted({FLOPS.of(shape.first) for shape in self.shapes})
        return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"

    def layers(self, shape: Rung) -> int:
        return int(settings(shape.first)[self.depth])

    def width(self, shape: Rung) -> dict[str, Any]:
        """What differs within the level beside the depth."""
        table = settings(shape.first)
        return {key: table[key] for key in varied_settings(self.shapes) if key != self.depth}


@dataclass(frozen=True)
class Pair:
    """Two shapes of a level: the difference of their LogLoss, a - b, and its p after Holm over the
    level's pairs."""

    a: Rung
    b: Rung
    difference: Difference
    p: float


def split(flops: Sequence[int]) -> list[list[int]]:
    """Positions by level, the cheapest first: each holds what is at most SPREAD times its least."""
    found: list[list[int]] = []
    for position in sorted(range(len(flops)), key=lambda position: flops[position]):
        if found and flops[position] <= SPREAD * flops[found[-1][0]]:
            found[-1].append(position)
        else:
            found.append([position])
    return found


def require_levels(recipe: Recipe, schema: Schema) -> None:
    """Raises UsageError for shapes that are level in FLOPs with none of another depth."""
    varied = [
        variant(recipe, "shape", number).recipe
        for number in range(1, len(sizes(recipe, "shape")) + 1)
    ]
    flops = [flops_per_sample(on_meta(each, schema).model, schema) for each in varied]
    depths = [shape.values[recipe.shapes.depth] for shape in sizes(recipe, "shape")]
    for level in split(flops):
        first = level[0]
        others = [position for position, depth in enumerate(depths) if depth != depths[first]]
        if not set(others).isdisjoint(level):
            continue
        where = f"recipe {recipe.id}, [scaling] shape {first + 1}"
        if not others:
            raise UsageError(
                f"{where}: no shape has another {recipe.shapes.depth} than {depths[first]}"
            )
        near = min(others, key=lambda position: abs(log(flops[position] / flops[first])))
        low, high = sorted((flops[first], flops[near]))
        raise UsageError(
            f"{where} has {flops[first]:,} FLOPs per sample, and shape {near + 1}, the nearest of"
            f" another depth, {flops[near]:,}: {high / low - 1:.0%} apart, and at most"
            f" {SPREAD - 1:.0%} are a level"
        )


def levels(results: Path, dataset: str, recipe_folder: Path = RECIPES) -> list[Level]:
    """Of every recipe, the cheapest first. Raises BenchmarkError for records that cannot be read or
    are no one study, and for those of a recipe that has no shapes now."""
    found: list[Level] = []
    for name, rungs in shapes(results, dataset).items():
        depth = recipes.load(f"{dataset}/{name}", recipe_folder).shapes.depth
        if not depth:
            raise BenchmarkError(
                f"there are records of shapes of the recipe {dataset}/{name}, which has none now"
            )
        for level in split([FLOPS.of(rung.first) for rung in rungs]):
            of_level = sorted(
                (rungs[position] for position in level),
                key=lambda rung: settings(rung.first)[depth],
            )
            found.append(Level(name, depth, tuple(of_level)))
    return found


def pairs(level: Level) -> list[Pair]:
    """Of the shapes with two seeds or more."""
    known = [shape for shape in level.shapes if len(shape.runs) > 1]
    found = [
        (a, b, welch(*(list(map(logloss, shape.runs)) for shape in (a, b))))
        for a, b in combinations(known, 2)
    ]
    adjusted = holm([difference.p for _, _, difference in found])
    return [Pair(*each, p) for each, p in zip(found, adjusted, strict=True)]


def section(found: Sequence[Level]) -> Table:
    return Table(
        "Width against depth at equal FLOPs",
        ("recipe", "shape", "depth", "width", FLOPS.title, PARAMETERS.title, *OUTCOME),
        tuple(row for level in found for row in _rows(level)),
        (
            (
                f"Shapes of a recipe within {SPREAD - 1:.0%} of FLOPs are a level. Whether depth"
                " matters at that cost is Welch's test on the LogLoss of every two shapes of a"
                f" level, with Holm's correction over its pairs, at {ALPHA:.0%}. Shapes are trained"
                " alike, but for what the column width names."
            ),
            *(remark for level in found for remark in _remarks(level)),
        ),
    )


def _rows(level: Level) -> Iterator[tuple[str, ...]]:
    for shape in level.shapes:
        yield (
            level.recipe,
            str(shape.step),
            str(level.layers(shape)),
            ", ".join(
                f"{key.partition('.')[2]} {value}" for key, value in level.width(shape).items()
            ),
            f"{FLOPS.of(shape.first):,}",
            f"{PARAMETERS.of(shape.first):,}",
            *outcome(shape),
        )


def _remarks(level: Level) -> Iterator[str]:
    yield f"{level.recipe} at {level.flops} FLOPs: {_verdict(level)}."
    yield from (
        f"{level.recipe} shape {shape.step}: {note}"
        for shape in level.shapes
        for note in shape.first.notes
    )


def _verdict(level: Level) -> str:
    found = pairs(level)
    if not found:
        return "no two shapes have two seeds, nothing is tested"
    apart = [pair for pair in found if pair.p <= ALPHA]
    least = min(found, key=lambda pair: pair.p)
    if not apart:
        return (
            f"no two of the {len(level.shapes)} shapes differ by more than their seeds do (least p"
            f" = {least.p:.2g})"
        )
    said = "; ".join(_said(level, pair) for pair in apart)
    return f"{len(apart)} of {len(found)} pairs differ by more than their seeds do: {said}"


def _said(level: Level, pair: Pair) -> str:
    better, worse = (pair.a, pair.b) if pair.difference.value < 0 else (pair.b, pair.a)
    return (
        f"shape {better.step} (depth {level.layers(better)}) below shape {worse.step} (depth"
        f" {level.layers(worse)}) by {abs(pair.difference.value):.5f} (p = {pair.p:.2g})"
    )


def numbers(level: Level) -> dict[str, Any]:
    return {
        "recipe": level.recipe,
        "depth": level.depth,
        "shapes": [
            {
                "shape": shape.step,
                "depth": level.layers(shape),
                "width": level.width(shape),
                "parameters": PARAMETERS.of(shape.first),
                "flops": FLOPS.of(shape.first),
                "seeds": [run.seed for run in shape.runs],
                "logloss": mean(map(logloss, shape.runs)),
                "logloss_sd": stdev(map(logloss, shape.runs)) if len(shape.runs) > 1 else None,
                "auc": mean(run.metrics.test.auc for run in shape.runs),
                "rank": mean_rank(shape),
            }
            for shape in level.shapes
        ],
        "differences": [
            {
                "a": pair.a.step,
                "b": pair.b.step,
                **derived({**asdict(pair.difference), "p_holm": pair.p}),
            }
            for pair in pairs(level)
        ],
    }
