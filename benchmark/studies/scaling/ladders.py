"""The steps of a recipe's ladder, their records and axes of size.

results/studies/scaling/<data set>/<recipe>-<step>/seed-<n>.json"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.records import comparable
from benchmark.records.archive import Archive
from benchmark.records.ranks import last_ratio
from benchmark.records.record import Record
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.campaign.cells import Variant
from benchmark.utils.paths import RECIPES

STUDY = "scaling"
FOLDER = re.compile(r"(.+)-([1-9][0-9]*)")


@dataclass(frozen=True)
class Axis:
    key: str
    title: str
    of: Callable[[Record], int]
    definition: str


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
    "rows",
    "training rows",
    lambda run: run.train_rows or run.data.rows["train"],
    "the first rows of the training split, of one configuration",
)
AXES = (PARAMETERS, FLOPS, ROWS)
OUTCOME = "seeds", "test LogLoss", "test AUC", "erank / limit"


@dataclass(frozen=True)
class Rung:
    """The records of one step, by seed; `step` is its number."""

    step: int
    runs: tuple[Record, ...]

    @property
    def first(self) -> Record:
        return self.runs[0]

    @property
    def losses(self) -> list[float]:
        return [logloss(run) for run in self.runs]

    @property
    def rank(self) -> float | None:
        """Mean of `rank` over the seeds; None where one has none."""
        values = [value for run in self.runs if (value := rank(run)) is not None]
        return mean(values) if len(values) == len(self.runs) else None

    @property
    def rank_text(self) -> str:
        return "" if self.rank is None else f"{self.rank:.3f}"

    @property
    def outcome(self) -> tuple[str, ...]:
        """The columns OUTCOME."""
        seeds = seeds_in_words([run.seed for run in self.runs])
        auc = with_sd([run.metrics.test.auc for run in self.runs], 5)
        return seeds, with_sd(self.losses, 5), auc, self.rank_text

    def numbers(self) -> dict[str, Any]:
        """FLOPs, seeds, test LogLoss and rank, as JSON values."""
        return {
            "flops": FLOPS.of(self.first),
            "seeds": [run.seed for run in self.runs],
            "logloss": mean(self.losses),
            "logloss_sd": stdev(self.losses) if len(self.runs) > 1 else None,
            "rank": self.rank,
        }


Rungs = dict[str, tuple[Rung, ...]]
"""The steps of each recipe that have records, in order."""


def logloss(run: Record) -> float:
    return run.metrics.calibrated.logloss


def rank(run: Record) -> float | None:
    """The rank ratio of the trained last stage."""
    return last_ratio(run)


def variants(recipe: Recipe) -> list[Variant]:
    """Raises UsageError for a recipe without steps."""
    if not recipe.scaling:
        remedy = "write its sizes as steps = [...] under [scaling]"
        raise UsageError(f"recipe {recipe.id} has no ladder: {remedy}")
    chosen: list[Variant] = []
    for number, step in enumerate(recipe.scaling, start=1):
        where = f"recipe {recipe.id}, [scaling] step {number}"
        altered = recipes.vary(recipe, step.settings, where)
        chosen.append(Variant(f"{recipe.name}-{number}", altered, step.rows))
    return chosen


def require_rows(variants: Iterable[Variant], rows: int) -> None:
    """Raises UsageError for a step of more than these training rows."""
    for variant in variants:
        if variant.rows is not None and variant.rows > rows:
            where = f"recipe {variant.recipe.dataset}/{variant.name}, [scaling]"
            raise UsageError(f"{where}: rows = {variant.rows}, there are only {rows}")


def place_of(folder: str) -> tuple[str, int] | None:
    """Recipe and number of the step in a folder; None for any other name."""
    match = FOLDER.fullmatch(folder)
    return match and (match[1], int(match[2]))


def place_faults(record: Record, folder: str, recipe_folder: Path = RECIPES) -> Iterator[str]:
    """Compare a record with the step that its folder names, as the recipe stands."""
    place = place_of(folder)
    if place is None:
        yield f"{STUDY}/{folder} names no step of a recipe"
        return
    name, number = place
    try:
        recipe = recipes.load(f"{record.dataset}/{name}", recipe_folder)
        expected = {variant.name: variant for variant in variants(recipe)}.get(folder)
    except UsageError as error:
        yield str(error)
        return
    if expected is None:
        count = len(recipe.scaling)
        yield f"recipe {recipe.id} has {count} steps, and the record is of step {number}"
        return
    yield from comparable.stale(comparable.recipe(record, expected.recipe.digest()))
    if record.train_rows != expected.rows:
        own, wanted = record.train_rows or "all", expected.rows or "all"
        step = f"step {number} of recipe {recipe.id}"
        yield f"the record is of {own} training rows, {step} of {wanted}"


def rungs(results: Path, dataset: str) -> Rungs:
    """Load the steps of a data set by recipe.

    Raises BenchmarkError for records that cannot be read or that cannot be compared."""
    runs = Archive(results).by_name(dataset, STUDY)
    places = {folder: place for folder in runs if (place := place_of(folder)) is not None}
    comparable.require_comparable({folder: runs[folder] for folder in places})
    by_recipe: Rungs = {}
    for folder, (recipe, number) in sorted(places.items(), key=lambda item: item[1]):
        rung = Rung(number, tuple(runs[folder]))
        by_recipe[recipe] = (*by_recipe.get(recipe, ()), rung)
    return by_recipe


def varied_settings(rungs: Iterable[Rung]) -> list[str]:
    """Dotted keys of the settings in which the rungs differ."""
    tables = [recipes.dotted(rung.first.recipe) for rung in rungs]
    return [key for key in tables[0] if any(table.get(key) != tables[0][key] for table in tables)]


def on_axis(rungs: Sequence[Rung], axis: Axis) -> tuple[Rung, ...]:
    """The rungs to compare along an axis, by size: of one configuration along the rows, on one
    number of rows along the others. Of several such groups, the one with the most sizes."""
    groups: dict[str | int, list[Rung]] = {}
    for rung in rungs:
        key = rung.first.recipe_digest if axis is ROWS else ROWS.of(rung.first)
        groups.setdefault(key, []).append(rung)

    def extent(group: list[Rung]) -> tuple[int, int]:
        sizes = {axis.of(rung.first) for rung in group}
        return len(sizes), max(ROWS.of(rung.first) for rung in group)

    largest = max(groups.values(), key=extent)
    return tuple(sorted(largest, key=lambda rung: (axis.of(rung.first), rung.step)))
