"""The cells of a table of runs, and which of their records are missing or stale."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from benchmark import registry
from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.records import comparable, record
from benchmark.records.archive import ranked_place, record_file, record_key
from benchmark.records.record import Record
from benchmark.utils.paths import RECIPES

State = Literal["present", "missing", "stale"]


@dataclass(frozen=True)
class Cell:
    """One run to be had: `card` is the name or path of its data set's card, `place` the folder of
    its record, relative to the results folder; `rows` limits the training rows to the first."""

    recipe: Recipe
    card: str
    seed: int
    place: PurePath
    rows: int | None = None

    @property
    def key(self) -> str:
        """E.g. `frappe_x1r/dcnv2/seed-0`."""
        return record_key(self.place / record_file(self.seed))

    def path(self, results: Path) -> Path:
        return results / self.place / record_file(self.seed)


@dataclass(frozen=True)
class Planned:
    """A cell, how its record stands, and why it is stale."""

    cell: Cell
    state: State
    why: str = ""


def ranked(recipe: Recipe, seeds: Iterable[int]) -> list[Cell]:
    """The cells of a committed recipe, whose records are ranked."""
    assert recipe.name is not None
    place = ranked_place(recipe.dataset, recipe.name)
    return [Cell(recipe, recipe.dataset, seed, place) for seed in seeds]


def plan(cells: Sequence[Cell], results: Path, today: Fingerprint) -> list[Planned]:
    """How the records of cells of one data set stand, in the order of the cells."""
    return [_planned(cell, results, today) for cell in cells]


def _planned(cell: Cell, results: Path, today: Fingerprint) -> Planned:
    path = cell.path(results)
    if not path.exists():
        return Planned(cell, "missing")
    try:
        found = record.load(path)
    except BenchmarkError as error:
        return Planned(cell, "stale", str(error))
    why = "; ".join(_faults(found, cell, path, today))
    return Planned(cell, "stale", why) if why else Planned(cell, "present")


def _faults(found: Record, cell: Cell, path: Path, today: Fingerprint) -> Iterable[str]:
    yield from comparable.numerics(found)
    yield from comparable.recipe(found, cell.recipe.digest())
    yield from comparable.data(found, today)
    if (found.seed, found.train_rows) != (cell.seed, cell.rows):
        yield f"it is of seed {found.seed}" + (
            "" if found.train_rows is None else f" and {found.train_rows} rows"
        )
    if not record.scores_path(path).is_file():
        yield "its scores are missing"


def chosen(
    datasets: Sequence[str] | None, names: Sequence[str] | None, folder: Path = RECIPES
) -> dict[str, list[Recipe]]:
    """The committed recipes of these data sets with these names, all for None. Raises UsageError
    for unknown ones."""
    known: dict[str, list[str]] = {}
    for recipe_id in recipes.recipe_ids(folder):
        dataset, _, name = recipe_id.partition("/")
        known.setdefault(dataset, []).append(name)
    for dataset in datasets or []:
        if dataset not in known:
            raise registry.unknown("data set with recipes", dataset, known)
    wanted = {dataset: known[dataset] for dataset in datasets or known}
    for name in names or []:
        if not any(name in each for each in wanted.values()):
            raise registry.unknown(
                "recipe name", name, sorted({name for each in wanted.values() for name in each})
            )
    return {
        dataset: [
            recipes.load(f"{dataset}/{name}", folder)
            for name in each
            if names is None or name in names
        ]
        for dataset, each in wanted.items()
        if names is None or set(names) & set(each)
    }
