"""The ladders of recipes: their runs, the learning rate chosen for each step, and axes of size.

results/studies/scaling/<data set>/<recipe>-<step>-<rate>/seed-<n>.json, both numbers as in the
recipe's [scaling]. A step's rate is that of the least validation LogLoss at TUNING_SEED; the runs
of the other seeds at that rate are its result."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.recipes.scaling import RATE, Family
from benchmark.records import comparable, record
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.records.tuning import TUNING_SEED
from benchmark.studies.campaign.cells import Variant
from benchmark.studies.scaling.law import Ladder, LawFit, NotFittedError, fit

STUDY = "scaling"
FOLDER = re.compile(r"(.+)-([1-9][0-9]*)-([1-9][0-9]*)")
MIN_RATES = 3


@dataclass(frozen=True)
class Axis:
    key: str
    title: str
    of: Callable[[Record], int]
    definition: str


PARAMETERS = Axis(
    "parameters",
    "dense parameters",
    lambda run: run.parameters.dense + run.parameters.head,
    "trainable parameters, head included, without embedding tables and the dense fields' vectors",
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
    "the first rows of the training split, of one size",
)
AXES = (PARAMETERS, FLOPS, ROWS)


@dataclass(frozen=True)
class Rung:
    """The runs of one step at its chosen rate, by seed, and the rates it was chosen from."""

    step: int
    runs: tuple[Record, ...]
    rates: tuple[float, ...]

    @property
    def first(self) -> Record:
        return self.runs[0]

    @property
    def losses(self) -> list[float]:
        return [logloss(run) for run in self.runs]


@dataclass(frozen=True)
class Curve:
    """The rungs of a recipe's ladder along one axis, by size, and the law fitted to them; `refused`
    says why there is none."""

    recipe: str
    axis: Axis
    rungs: tuple[Rung, ...]
    fit: LawFit | None = None
    refused: str = ""

    @property
    def sizes(self) -> list[int]:
        return [self.axis.of(rung.first) for rung in self.rungs]

    @property
    def verdict(self) -> str:
        return self.fit.verdict if self.fit else f"not fitted: {self.refused}"

    def ladder(self) -> Ladder:
        losses = [np.array(rung.losses) for rung in self.rungs]
        return Ladder(np.array(self.sizes, np.float64), losses)


def logloss(run: Record) -> float:
    return run.metrics.calibrated.logloss


def rate(run: Record) -> float:
    return float(recipes.dotted(run.recipe)[RATE])


def family(recipe: Recipe) -> Family:
    """Raises UsageError for a recipe without a ladder."""
    if recipe.scaling is None:
        remedy = "write its sizes as steps = [...] under [scaling]"
        raise UsageError(f"recipe {recipe.id} has no ladder: {remedy}")
    return recipe.scaling


def variants(recipe: Recipe, numbers: Iterable[int] | None = None) -> list[Variant]:
    """Every step, or those of these numbers from 1 on, at every rate.

    Raises UsageError for a recipe without a ladder, or without a step of such a number."""
    chosen: list[Variant] = []
    own = family(recipe)
    for number in _numbers(recipe.id, len(own.steps), numbers):
        step = own.steps[number - 1]
        for at, value in enumerate(own.rates, start=1):
            where = f"recipe {recipe.id}, [scaling] step {number}"
            altered = recipes.vary(recipe, step.settings(value), where)
            chosen.append(Variant(f"{recipe.name}-{number}-{at}", altered, step.rows))
    return chosen


def _numbers(recipe_id: str, steps: int, wanted: Iterable[int] | None) -> list[int]:
    numbers = sorted(set(range(1, steps + 1) if wanted is None else wanted))
    if unknown := [number for number in numbers if not 1 <= number <= steps]:
        raise UsageError(f"recipe {recipe_id} has steps 1 to {steps}, not {unknown[0]}")
    return numbers


def place_of(folder: str) -> tuple[str, int, int] | None:
    """Recipe, step and rate of a folder, by number; None for any other name."""
    match = FOLDER.fullmatch(folder)
    return match and (match[1], int(match[2]), int(match[3]))


def place_faults(record: Record, folder: str, recipe_folder: Path | None = None) -> Iterator[str]:
    """Compare a record with the step and rate that its folder names, as the recipe stands."""
    place = place_of(folder)
    if place is None:
        yield f"{STUDY}/{folder} names no step and rate of a recipe"
        return
    try:
        recipe = recipes.load(f"{record.dataset}/{place[0]}", recipe_folder)
        expected = {variant.name: variant for variant in variants(recipe)}.get(folder)
    except UsageError as error:
        yield str(error)
        return
    if expected is None:
        own = family(recipe)
        counts = f"{len(own.steps)} steps and {len(own.rates)} rates"
        yield f"recipe {recipe.id} has {counts}, the record is of step {place[1]}, rate {place[2]}"
        return
    yield from comparable.stale(comparable.recipe(record, expected.recipe.digest()))
    if record.train_rows != expected.rows:
        own_rows, wanted = record.train_rows or "all", expected.rows or "all"
        step = f"step {place[1]} of recipe {recipe.id}"
        yield f"the record is of {own_rows} training rows, {step} of {wanted}"


def at_chosen_rates(variants: Iterable[Variant], results: Path) -> list[Variant]:
    """The variant of each step at its chosen rate, without the steps whose trials are not all
    there."""
    steps: dict[str, list[Variant]] = {}
    for variant in variants:
        steps.setdefault(variant.name.rpartition("-")[0], []).append(variant)
    chosen: list[Variant] = []
    for rates in steps.values():
        places = [(each.recipe.dataset, each.name, TUNING_SEED, STUDY) for each in rates]
        paths = [Archive(results).path(*place) for place in places]
        if len(rates) == 1:
            chosen += rates
        elif all(path.is_file() for path in paths):
            chosen.append(rates[_best(dict(enumerate(map(record.load, paths))))])
    return chosen


def _best(trials: Mapping[int, Record]) -> int:
    """The rate, by number, of the least validation LogLoss."""
    return min(sorted(trials), key=lambda at: trials[at].metrics.valid.logloss)


def rungs(archive: Archive, dataset: str) -> dict[str, tuple[Rung, ...]]:
    """Load the steps of a data set that have results, by recipe.

    Raises BenchmarkError for records that cannot be read or that cannot be compared."""
    runs = archive.by_name(dataset, STUDY)
    places = {folder: place for folder in runs if (place := place_of(folder)) is not None}
    comparable.require_comparable({folder: runs[folder] for folder in places})
    steps: dict[tuple[str, int], dict[int, list[Record]]] = {}
    for folder, (recipe, step, at) in sorted(places.items(), key=lambda item: item[1]):
        steps.setdefault((recipe, step), {})[at] = runs[folder]
    by_recipe: dict[str, tuple[Rung, ...]] = {}
    for (recipe, step), rates in steps.items():
        trials = {at: run for at, each in rates.items() for run in each if run.seed == TUNING_SEED}
        chosen = rates[_best(trials) if trials else min(rates)]
        tried = tuple(map(rate, trials.values())) or (rate(chosen[0]),)
        results_of = tuple(run for run in chosen if run.seed != TUNING_SEED)
        if results_of:
            by_recipe[recipe] = (*by_recipe.get(recipe, ()), Rung(step, results_of, tried))
    return by_recipe


def curves(ladders: Mapping[str, Sequence[Rung]]) -> list[Curve]:
    """Fit every ladder on every axis on which it has two sizes or more, by axis and recipe."""
    chosen = [Curve(name, axis, on_axis(ladders[name], axis)) for axis in AXES for name in ladders]
    return [_fitted(curve) for curve in chosen if len(curve.rungs) > 1]


def _fitted(curve: Curve) -> Curve:
    rates = {rung.rates for rung in curve.rungs}
    if len(rates) > 1:
        return replace(curve, refused="its sizes chose their rates from different ones")
    if len(*rates) < MIN_RATES:
        return replace(curve, refused="one rate: measures the rate")
    try:
        return replace(curve, fit=fit(curve.ladder()))
    except NotFittedError as error:
        return replace(curve, refused=str(error))


def on_axis(rungs: Sequence[Rung], axis: Axis) -> tuple[Rung, ...]:
    """The rungs to compare along an axis, one a size: of one configuration along the rows, on one
    number of rows along the others. Of several such groups, the one with the most sizes."""
    groups: dict[str, dict[int, Rung]] = {}
    for rung in rungs:
        settings = {**recipes.dotted(rung.first.recipe), RATE: None}
        key = json.dumps(settings, sort_keys=True) if axis is ROWS else str(ROWS.of(rung.first))
        groups.setdefault(key, {}).setdefault(axis.of(rung.first), rung)
    largest = max(groups.values(), key=lambda group: (len(group), ROWS.of(group[max(group)].first)))
    return tuple(largest[size] for size in sorted(largest))


def varied_settings(rungs: Iterable[Rung]) -> list[str]:
    """Dotted keys of the settings in which the rungs differ, apart from the learning rate."""
    tables = [recipes.dotted(rung.first.recipe) for rung in rungs]
    keys = [key for key in tables[0] if key != RATE]
    return [key for key in keys if any(table.get(key) != tables[0][key] for table in tables)]
