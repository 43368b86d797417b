"""The scaling study: the steps of a recipe's ladder, their records, and the axes of size on which these lie.

results/studies/scaling/<data set>/<recipe>-<step>/seed-<n>.json   results/scaling/<data set>.{md,csv,json}
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark import recipe as recipes
from benchmark.errors import UsageError
from benchmark.recipe import Recipe
from benchmark.records.record import Record
from benchmark.studies.archive import require_comparable
from benchmark.studies.grid import Variant, found

STUDY = "scaling"


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
ROWS = Axis("rows", "training rows", rows_of, "the first rows of the training split, of one configuration")
AXES = (PARAMETERS, FLOPS, ROWS)


@dataclass(frozen=True)
class Rung:
    """The records of one step, by seed."""

    step: int
    runs: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.runs[0]


Ladders = dict[str, tuple[Rung, ...]]
"""The steps of each recipe that have records, in order."""


def variants(recipe: Recipe) -> list[Variant]:
    """Raises UsageError for a recipe without steps."""
    if not recipe.scaling:
        raise UsageError(f"recipe {recipe.id} has no ladder: write its sizes as steps = [...] under [scaling]")
    return [variant(recipe, number) for number in range(1, len(recipe.scaling) + 1)]


def variant(recipe: Recipe, number: int) -> Variant:
    """Step `number` of the recipe, the first being 1."""
    step = recipe.scaling[number - 1]
    altered = recipes.vary(recipe, step.settings, f"recipe {recipe.id}, [scaling] step {number}")
    return Variant(f"{recipe.name}-{number}", altered, step.rows)


def step_of(folder: str) -> tuple[str, int] | None:
    """Recipe and number of the step whose records lie in a folder of this name; None for another name."""
    name, _, number = folder.rpartition("-")
    return (name, int(number)) if name and number.isdecimal() and int(number) > 0 else None


def ladders(results: Path, dataset: str) -> Ladders:
    """From the records alone. Raises BenchmarkError for records that cannot be read or are no one study."""
    runs = {folder: each for folder, each in found(results, STUDY, dataset).items() if step_of(folder)}
    require_comparable(runs)
    made: dict[str, list[Rung]] = {}
    for folder, each in runs.items():
        if (place := step_of(folder)) is not None:
            made.setdefault(place[0], []).append(Rung(place[1], tuple(each)))
    return {name: tuple(sorted(rungs, key=lambda rung: rung.step)) for name, rungs in sorted(made.items())}


def on_axis(rungs: Sequence[Rung], axis: Axis) -> tuple[Rung, ...]:
    """The steps to be compared along an axis, by size: one configuration along the rows, one number of rows along the
    others; of several, that with the most sizes."""
    groups: dict[str | int, list[Rung]] = {}
    for rung in rungs:
        groups.setdefault(rung.first.recipe_digest if axis is ROWS else rows_of(rung.first), []).append(rung)

    def sizes(key: str | int) -> tuple[int, int]:
        return len({axis.of(rung.first) for rung in groups[key]}), max(rows_of(rung.first) for rung in groups[key])

    return tuple(sorted(groups[max(groups, key=sizes)], key=lambda rung: (axis.of(rung.first), rung.step)))


def datasets(results: Path) -> list[str]:
    """Those with records of the study."""
    return sorted({path.parents[1].name for path in (results / "studies" / STUDY).glob("*/*/seed-*.json")})
