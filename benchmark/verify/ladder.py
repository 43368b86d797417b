"""The ladder of checks of a record, each derived from something other than the record itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.errors import BenchmarkError
from benchmark.model import added_later
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Train
from benchmark.records import comparable
from benchmark.records.archive import Archive
from benchmark.records.record import Record, load
from benchmark.runs.probe import CURVE_ROWS
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import RECIPES, shown
from benchmark.verify import data as verify_data
from benchmark.verify import model, place, quality, ranks, tuning
from benchmark.verify import tables as verify_tables
from benchmark.verify.data import OpenData


@dataclass(frozen=True)
class Finding:
    """A fault, or (not `failed`) a check that was not possible here."""

    path: Path
    rung: str
    message: str
    failed: bool = True


def verify(results: Path, open_data: OpenData, recipe_folder: Path = RECIPES) -> Iterator[Finding]:
    """Find everything wrong with the records and generated files of a results folder.

    Example::

        open_data = opener(data_root=None, notify=print)
        for finding in verify(Path("results"), open_data):
            print(finding.path, finding.rung, finding.message)
    """
    archive = Archive(results)
    yield from verify_files(archive.all_paths(), open_data, recipe_folder)
    for path in archive.strays():
        yield Finding(path, "place", "is neither a record nor the scores file of one")
    yield from (Finding(path, "table", fault) for path, fault in verify_tables.tables(archive))


def verify_files(
    paths: Sequence[Path], open_data: OpenData, recipe_folder: Path = RECIPES
) -> Iterator[Finding]:
    """Find everything wrong with these records, each alone and beside each other."""
    records: dict[Path, Record] = {}
    for path in paths:
        try:
            records[path] = load(path)
        except BenchmarkError as error:
            yield Finding(path, "form", str(error))
    for path, record in records.items():
        yield from verify_record(record, path, open_data, recipe_folder)
    yield from _copies(records)


def verify_record(
    record: Record, path: Path, open_data: OpenData, recipe_folder: Path
) -> Iterator[Finding]:
    """Find everything wrong with one record."""
    yield from _run(path, "place", place.faults, record, path, recipe_folder)
    yield from _run(path, "recipe", _recipe, record, recipe_folder)
    yield from _run(path, "scores", quality.test_scores, record, path)
    yield from _run(path, "curve", quality.curve, record)
    yield from _run(path, "spectra", ranks.ranks, record)
    yield from _run(path, "spectra", ranks.curve, record, CURVE_ROWS)
    yield from _run(path, "spectra", ranks.tables, record)
    yield from _run(path, "model", model.model, record)
    yield from _run(path, "cost", quality.cost, record)
    yield from _run(path, "tuning", tuning.tuned, record, place.root(path), recipe_folder)
    yield from _on_data(record, path, open_data)


def _on_data(record: Record, path: Path, open_data: OpenData) -> Iterator[Finding]:
    try:
        data = open_data(record.dataset)
    except BenchmarkError as error:
        yield Finding(path, "data", str(error))
        return
    if data.card is not None:
        yield from _run(path, "data", verify_data.card, record, data.card)
    if data.store is None:
        yield Finding(path, "data", f"not checked against its rows: {data.why_not}", failed=False)
        return
    faults = list(_run(path, "data", verify_data.rows, record, path, data.store))
    yield from faults
    if faults:
        return
    if verify_data.same_versions(record):
        yield from _run(path, "seed", verify_data.untrained, record, data.store)
    else:
        versions = record.environment.versions.items()
        why = "the record was made with " + ", ".join(f"{name} {each}" for name, each in versions)
        yield Finding(path, "seed", f"untrained spectra not checked: {why}", failed=False)


def _run(
    path: Path, rung: str, check: Callable[..., Iterator[str]], *arguments: object
) -> Iterator[Finding]:
    """Run a check. One that fails itself (the recipe does not parse, a part is missing) is a fault
    of the record too."""
    try:
        yield from (Finding(path, rung, fault) for fault in check(*arguments))
    except BenchmarkError as error:
        yield Finding(path, rung, str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield Finding(path, rung, f"malformed: {type(error).__name__}: {error}")


def _recipe(record: Record, folder: Path) -> Iterator[str]:
    yield from comparable.stale(comparable.numerics(record))
    recipe = quality.parsed(record)
    if _resolved(recipe, record.recipe) != record.recipe:
        yield "the recipe in the record is not fully resolved"
    if (digest := recipe.digest()) != record.recipe_digest:
        yield (
            f"recipe_digest {record.recipe_digest[:12]} is not that of its recipe ({digest[:12]})"
        )
    if record.name is not None:
        today = recipes.load(f"{record.dataset}/{record.name}", folder).digest()
        yield from comparable.stale(comparable.recipe(record, today))


def _resolved(recipe: recipes.Recipe, stated: dict[str, Any]) -> dict[str, Any]:
    """Every setting of the recipe, without later ones that the record does not state, which then
    have their defaults."""
    table = recipe.resolved()
    added = {
        "model": added_later(registry.models.get(recipe.model)),
        "train": recipe.train.added_later,
    }
    for group, later in added.items():
        for key in set(later) - set(stated[group]):
            del table[group][key]
    return table


def _copies(records: dict[Path, Record]) -> Iterator[Finding]:
    """One run given out as two: only a run of the same model, steps, data and seed has the same
    scores."""
    first: dict[str, tuple[Path, tuple[object, ...]]] = {}
    for path, record in records.items():
        run = (_steps(record), record.data.arrays, record.train_rows, record.seed)
        original, its_run = first.setdefault(record.scores.digest, (path, run))
        if its_run != run:
            yield Finding(path, "scores", f"its scores are those of {shown(original)}")


def _steps(record: Record) -> str:
    """Digest of what decides the weights after each step, short of the first cut of the learning
    rate: runs that differ only in when they cut it and stop may end with the same weights."""
    train = {key: value for key, value in record.recipe["train"].items() if key not in Train.ending}
    return canonical_sha256({"model": record.recipe["model"], "train": train})
