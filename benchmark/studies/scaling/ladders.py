"""The scaling study: the steps of a recipe's ladder, and its shapes of equal FLOPs; their records,
and the axes of size on which these lie.

results/studies/scaling/<data set>/<recipe>-<step>/seed-<n>.json        results/scaling/<data
set>.{md,csv,json} results/studies/scaling/<data set>/<recipe>-shape<number>/seed-<n>.json
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.recipes.scaling import Step
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_comparable
from benchmark.records.record import Record
from benchmark.studies.campaign.variants import Variant

STUDY = "scaling"
FOLDER = re.compile(r"(.+)-(shape)?([1-9][0-9]*)")

Kind = Literal["step", "shape"]


@dataclass(frozen=True)
class Axis:
    key: str
    title: str
    of: Callable[[Record], int]
    definition: str


def rows_of(run: Record) -> int:
    return run.train_rows or run.data.rows["train"]


PARAMETERS = Axis(
    "parameters",
    "dense parameters without head",
    lambda run: run.parameters.dense,
    "trainable parameters without the embedding tables, the dense fields' vectors and the head",
)
FLOPS = Axis(
    "flops",
    "FLOPs per sample",
    lambda run: run.flops_per_sample,
    "forward matrix-multiply FLOPs of one sample (multiply-add = 2; elementwise work counts 0)",
)
ROWS = Axis(
    "rows", "training rows", rows_of, "the first rows of the training split, of one configuration"
)
AXES = (PARAMETERS, FLOPS, ROWS)


@dataclass(frozen=True)
class Rung:
    """The records of one step or shape, by seed."""

    step: int
    runs: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.runs[0]


Ladders = dict[str, tuple[Rung, ...]]
"""The steps of each recipe that have records, in order."""


@dataclass(frozen=True)
class LadderPlace:
    """Which step or shape of which recipe it is whose records lie in a folder."""

    recipe: str
    kind: Kind
    number: int


def variants(recipe: Recipe) -> list[Variant]:
    """The steps, then the shapes. Raises UsageError for a recipe without steps."""
    if not recipe.scaling:
        raise UsageError(
            f"recipe {recipe.id} has no ladder: write its sizes as steps = [...] under [scaling]"
        )
    kinds: tuple[Kind, ...] = ("step", "shape")
    return [
        variant(recipe, kind, number)
        for kind in kinds
        for number in range(1, len(sizes(recipe, kind)) + 1)
    ]


def variant(recipe: Recipe, kind: Kind, number: int) -> Variant:
    """Step or shape `number` of the recipe, the first being 1."""
    size = sizes(recipe, kind)[number - 1]
    altered = recipes.vary(recipe, size.settings, f"recipe {recipe.id}, [scaling] {kind} {number}")
    return Variant(f"{recipe.name}-{'' if kind == 'step' else kind}{number}", altered, size.rows)


def sizes(recipe: Recipe, kind: Kind) -> tuple[Step, ...]:
    return recipe.scaling if kind == "step" else recipe.shapes.of


def place_of(folder: str) -> LadderPlace | None:
    """None for a name that no step or shape has."""
    found = FOLDER.fullmatch(folder)
    return found and LadderPlace(found[1], "shape" if found[2] else "step", int(found[3]))


def ladders(results: Path, dataset: str) -> Ladders:
    """From the records alone. Raises BenchmarkError for records that cannot be read or are no one
    study."""
    return _rungs(results, dataset, "step")


def shapes(results: Path, dataset: str) -> Ladders:
    """The same of shapes, which are no part of a ladder."""
    return _rungs(results, dataset, "shape")


def _rungs(results: Path, dataset: str, kind: Kind) -> Ladders:
    runs = Archive(results).by_name(dataset, STUDY)
    runs = {folder: each for folder, each in runs.items() if place_of(folder)}
    require_comparable(runs)
    made: dict[str, list[Rung]] = {}
    for folder, each in runs.items():
        if (place := place_of(folder)) is not None and place.kind == kind:
            made.setdefault(place.recipe, []).append(Rung(place.number, tuple(each)))
    return {
        name: tuple(sorted(rungs, key=lambda rung: rung.step))
        for name, rungs in sorted(made.items())
    }


def settings(run: Record) -> dict[str, Any]:
    """Of model and training, dotted."""
    return {
        f"{group}.{key}": value
        for group in ("model", "train")
        for key, value in run.recipe[group].items()
    }


def varied_settings(rungs: Iterable[Rung]) -> list[str]:
    """The settings in which the steps differ, dotted."""
    tables = [settings(rung.first) for rung in rungs]
    return [key for key in tables[0] if any(table.get(key) != tables[0][key] for table in tables)]


def on_axis(rungs: Sequence[Rung], axis: Axis) -> tuple[Rung, ...]:
    """The steps to be compared along an axis, by size: one configuration along the rows, one number
    of rows along the others; of several, that with the most sizes."""
    groups: dict[str | int, list[Rung]] = {}
    for rung in rungs:
        groups.setdefault(
            rung.first.recipe_digest if axis is ROWS else rows_of(rung.first), []
        ).append(rung)

    def sizes(key: str | int) -> tuple[int, int]:
        return len({axis.of(rung.first) for rung in groups[key]}), max(
            rows_of(rung.first) for rung in groups[key]
        )

    return tuple(
        sorted(groups[max(groups, key=sizes)], key=lambda rung: (axis.of(rung.first), rung.step))
    )


def datasets(results: Path) -> list[str]:
    """Those with records of the study."""
    return sorted(
        {path.parents[1].name for path in (results / "studies" / STUDY).glob("*/*/seed-*.json")}
    )
