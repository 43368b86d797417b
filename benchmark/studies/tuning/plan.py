"""What a tuning study varies and holds fixed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.data.card import Card
from benchmark.data.store import Store
from benchmark.errors import UsageError
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.recipes import search as searches
from benchmark.recipes.recipe import Recipe
from benchmark.recipes.search import Search
from benchmark.records.archive import Archive
from benchmark.records.record import NUMERICS
from benchmark.records.tuning import TUNING_SEED, Objective
from benchmark.runs.job import steps_per_epoch
from benchmark.utils import toml
from benchmark.utils.types import Device

DEFAULTS = Path(__file__).with_name("search.toml")


@dataclass(frozen=True)
class Plan:
    """A study that varies `base` within `search` on the data of `card`; `source` is the base's file
    and `seed` the sampler's. Models of trials stay in the `band` of dense parameters."""

    name: str
    base: Recipe
    source: Path
    search: Search
    band: tuple[int, int] | None
    card: str
    seed: int
    threads: int
    device: Device
    results: Path

    @property
    def objective(self) -> Objective:
        watched = self.base.train.monitors[0]
        return self.search.objective or ("auc" if watched == "auc-logloss" else watched)

    @property
    def path(self) -> Path:
        return Archive(self.results).tuning_path(self.base.dataset, self.name)

    def identity(self, store: Store) -> dict[str, Any]:
        """What all trials of the study share."""
        return {
            "numerics": NUMERICS,
            "dataset": self.base.dataset,
            "name": self.name,
            "base": self.source.stem,
            "recipe": {"dataset": self.base.dataset, **self.base.settings()},
            "recipe_digest": self.base.digest(),
            "data": store.fingerprint.arrays,
            "objective": self.objective,
            "space": {key: each.form() for key, each in self.search.ranges.items()},
            "caps": self.search.caps,
            "band": self.band,
            "sampler_seed": self.seed,
            "pruning": self.search.pruning,
            "seed": TUNING_SEED,
            "device": self.device,
        }

    def own_values(self) -> dict[str, Any]:
        """The base's own values of what is varied: those of the first trial."""
        settings = self.base.dotted()
        return {key: settings[key] for key in self.search.ranges}

    def candidate(self, values: dict[str, Any], store: Store) -> Recipe:
        """The base with these values.

        Raises UsageError if it does not fit the data or is above a cap."""
        recipe = recipes.vary(self.base, values, "trial")
        steps_per_epoch(recipe, store.fingerprint.rows["train"])
        model = outline(recipe, store.schema)
        sizes = {
            "max_parameters": model.parameters.total,
            "max_flops_per_sample": model.flops_per_sample,
        }
        for key, cap in self.search.caps.items():
            if sizes[key] > cap:
                raise UsageError(f"{sizes[key]:,} is above {key} = {cap:,}")
        if self.band is not None and not in_band(model.parameters.dense, self.band):
            low, high = self.band
            size = f"{model.parameters.dense:,} dense parameters are"
            raise UsageError(f"{size} outside the data set's band, {low:,} to {high:,}")
        return recipe


def in_band(size: int, band: tuple[int, int]) -> bool:
    return band[0] <= size <= band[1]


def band_of(base: Recipe, card: Card, store: Store) -> tuple[int, int] | None:
    """The data set's band of dense parameters, if the base lies in it."""
    band = card.dense_parameters
    if band is None or not in_band(outline(base, store.schema).parameters.dense, band):
        return None
    return band


def search_of(recipe: Recipe) -> Search:
    """The recipe's own search, with the ranges of search.toml if it names none.

    Raises UsageError if nothing is left to vary, and for an end of a range that the model does not
    take."""
    search, where = recipe.search or Search(), f"recipe {recipe.id}"
    if not search.ranges:
        settings, table = recipe.dotted(), {}
        for key, default in toml.read(DEFAULTS).items():
            own = settings.get(key)
            if own is None or (own <= 0 and default.get("log")):
                continue
            low, high = min(default["low"], own), max(default["high"], own)
            table[key] = {**default, "low": low, "high": high}
        search = search.model_copy(update={"ranges": searches.parse(table, settings, where).ranges})
    if not search.ranges:
        raise UsageError(f"{where}: there is nothing to vary; name ranges in its [search]")
    for key, each in search.ranges.items():
        for value in each.ends():
            recipes.vary(recipe, {key: value}, f"{where}: [search]")
    return search
