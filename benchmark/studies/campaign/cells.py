"""The cells of a table of runs, and which of their records are missing or stale."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from benchmark import registry
from benchmark.data.schema import Schema
from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.cost import outline
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import UNLISTED, recipe_ids
from benchmark.recipes.recipe import Recipe
from benchmark.records import comparable
from benchmark.records.archive import ranked_place, record_file, record_key, study_place


@dataclass(frozen=True)
class Variant:
    """A recipe that a study runs, by its name there; `rows` limits the training rows to the
    first."""

    name: str
    recipe: Recipe
    rows: int | None = None


@dataclass(frozen=True)
class Cell:
    """One run of a table: `card` is the name or path of its data set's card, `place` the folder of
    its record below the results folder; `rows` limits the training rows to the first."""

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
class PlannedCell:
    """A cell, the state of its record, and why that is stale."""

    cell: Cell
    state: Literal["present", "missing", "stale"]
    why: str = ""


def ranked(recipe: Recipe, seeds: Iterable[int], card: str | None = None) -> list[Cell]:
    """The cells of a committed recipe, whose records are ranked; `card` is the path of one's own
    card."""
    assert recipe.name is not None
    place = ranked_place(recipe.dataset, recipe.name)
    return [Cell(recipe, card or recipe.dataset, seed, place) for seed in seeds]


def of_study(
    study: str, card: str, variants: Iterable[Variant], seeds: Iterable[int]
) -> list[Cell]:
    """A cell for each variant and seed; `card` is the name or path of the data set's card."""
    cells: list[Cell] = []
    for each in variants:
        place = study_place(study, each.recipe.dataset, each.name)
        cells += [Cell(each.recipe, card, seed, place, each.rows) for seed in seeds]
    return cells


def require_buildable(variants: Iterable[Variant], schema: Schema) -> None:
    """Raises UsageError, before any is run, for a variant whose sizes do not fit."""
    for variant in variants:
        try:
            outline(variant.recipe, schema)
        except UsageError as error:
            raise UsageError(f"{variant.name}: {error}") from None


def plan(cells: Sequence[Cell], results: Path, today: Fingerprint | None) -> list[PlannedCell]:
    """The states of the records of cells of one data set, in the order of the cells; without the
    data of today they are not compared with any."""
    planned = []
    for cell in cells:
        path = cell.path(results)
        if not path.exists():
            planned.append(PlannedCell(cell, "missing"))
            continue
        try:
            run, digest = comparable.whole(path), cell.recipe.digest()
            data = today or run.data
            why = "; ".join(comparable.run(run, digest, data, cell.seed, cell.rows))
        except BenchmarkError as error:
            why = str(error)
        planned.append(PlannedCell(cell, "stale" if why else "present", why))
    return planned


def chosen(
    datasets: Sequence[str] | None, names: Sequence[str] | None, folder: Path | None = None
) -> dict[str, list[Recipe]]:
    """The committed recipes of these data sets with these names, or names of the form `*_tuned`;
    None means all that are listed.

    Raises UsageError for an unknown data set or name."""
    committed: dict[str, list[str]] = {}
    for recipe_id in recipe_ids(folder):
        dataset, _, name = recipe_id.partition("/")
        committed.setdefault(dataset, []).append(name)
    if unknown := [dataset for dataset in datasets or [] if dataset not in committed]:
        raise registry.unknown("data set with recipes", unknown[0], committed)
    listed = [dataset for dataset in committed if dataset not in UNLISTED]
    wanted = dict.fromkeys(datasets or listed)
    allowed = {name for dataset in wanted for name in committed[dataset]}
    if unknown := [name for name in names or [] if not fnmatch.filter(allowed, name)]:
        raise registry.unknown("recipe name", unknown[0], sorted(allowed))
    selected: dict[str, list[Recipe]] = {}
    for dataset in wanted:
        for name in committed[dataset]:
            if names is None or any(fnmatch.fnmatchcase(name, form) for form in names):
                recipe = recipes.load(f"{dataset}/{name}", folder)
                selected.setdefault(dataset, []).append(recipe)
    return selected
