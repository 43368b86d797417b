"""What a tuning study varies and holds fixed, and how long it goes on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.data.schema import Schema
from benchmark.data.store import Store
from benchmark.errors import UsageError
from benchmark.measure.cost import flops_per_sample, parameters
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.recipes.search import Range, Search
from benchmark.recipes.search import parse as parse_search
from benchmark.records.record import NUMERICS
from benchmark.records.tuning import TUNING_SEED, Objective, Trial, tuning_path
from benchmark.runs.job import steps_per_epoch
from benchmark.utils import toml
from benchmark.utils.types import Device

DEFAULTS = Path(__file__).with_name("search.toml")


class Rejected(Exception):
    """Values that are not worth a training; the message says why."""


@dataclass(frozen=True)
class Budget:
    """So many finished trials, or no trial started once all have taken so many hours, added up."""

    trials: int | None = None
    hours: float | None = None

    def left(self, ended: Sequence[Trial], under_way: int) -> bool:
        if self.trials is not None:
            return (
                sum(trial.state in ("complete", "pruned") for trial in ended) + under_way
                < self.trials
            )
        assert self.hours is not None
        return sum(trial.seconds for trial in ended) < 3600 * self.hours


@dataclass(frozen=True)
class Plan:
    """A study: `base` is varied within `search`, with trials on the `card`'s data; `seed` is the
    sampler's."""

    name: str
    base: Recipe
    source: Path
    """The base's file."""
    search: Search
    card: str
    seed: int
    threads: int
    device: Device
    results: Path
    storage: str | None

    @property
    def objective(self) -> Objective:
        return self.search.objective or self.base.train.monitor

    @property
    def path(self) -> Path:
        return tuning_path(self.results, self.base.dataset, self.name)

    def identity(self, store: Store) -> dict[str, Any]:
        """What all trials of the study share."""
        return {
            "numerics": NUMERICS,
            "dataset": self.base.dataset,
            "name": self.name,
            "base": self.source.stem,
            "recipe": self.base.resolved(),
            "recipe_digest": self.base.digest(),
            "data": store.fingerprint.arrays,
            "objective": self.objective,
            "space": {key: each.form() for key, each in self.search.ranges.items()},
            "caps": self.search.caps,
            "sampler_seed": self.seed,
            "pruning": self.search.pruning,
            "seed": TUNING_SEED,
            "device": self.device,
        }

    def own_values(self) -> dict[str, Any]:
        """The base's: those of the first trial."""
        settings = self.base.settings()
        return {
            key: settings[key.partition(".")[0]][key.partition(".")[2]]
            for key in self.search.ranges
        }

    def candidate(self, values: dict[str, Any], store: Store) -> Recipe:
        """The base with these values. Raises Rejected where it does not fit the data or is above a
        cap."""
        try:
            recipe = recipes.vary(self.base, values, "trial")
            steps_per_epoch(recipe, store.fingerprint.rows["train"])
            sizes = _sizes(recipe, store.schema)
        except UsageError as error:
            raise Rejected(str(error)) from None
        for key, cap in self.search.caps.items():
            if sizes[key] > cap:
                raise Rejected(f"{sizes[key]:,} is above {key} = {cap:,}")
        return recipe


def require_name(name: str) -> str:
    """The name of a study, which names its files too. Raises UsageError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise UsageError(f"--name {name}: use letters, digits, _, - and .")
    return name


def search_of(recipe: Recipe) -> Search:
    """The recipe's own, with the ranges of search.toml where it names none.

    Raises UsageError where nothing is left to vary, and for an end of a range that the model does
    not take."""
    own = recipe.search or Search()
    found = own if own.ranges else own.model_copy(update={"ranges": _default_ranges(recipe)})
    if not found.ranges:
        raise UsageError(
            f"recipe {recipe.id}: there is nothing to vary; name ranges in its [search]"
        )
    for key, each in found.ranges.items():
        for value in each.ends():
            recipes.vary(recipe, {key: value}, f"recipe {recipe.id}: [search]")
    return found


def _default_ranges(recipe: Recipe) -> dict[str, Range]:
    settings = recipe.settings()
    ranges = {}
    for key, table in _defaults().items():
        group, _, name = key.partition(".")
        if name not in settings[group]:
            continue
        own = settings[group][name]
        widened = {**table, "low": min(table["low"], own), "high": max(table["high"], own)}
        if widened["low"] > 0 or not widened.get("log"):
            ranges[key] = widened
    return parse_search(ranges, settings, f"recipe {recipe.id}").ranges


@cache
def _defaults() -> dict[str, dict[str, Any]]:
    return toml.read(DEFAULTS)


def _sizes(recipe: Recipe, schema: Schema) -> dict[str, int]:
    model = on_meta(recipe, schema).model
    return {
        "max_parameters": parameters(model).total,
        "max_flops_per_sample": flops_per_sample(model, schema),
    }
