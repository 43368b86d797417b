"""The ladder of checks a record climbs, each derived again from something other than the record
itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.errors import BenchmarkError
from benchmark.model import added_later
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Train
from benchmark.records import comparable
from benchmark.records.record import Record, load, record_files
from benchmark.runs.probe import CURVE_ROWS
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import RECIPES, shown
from benchmark.verify import data as verify_data
from benchmark.verify import model, place, quality, ranks, tuning
from benchmark.verify import tables as verify_tables
from benchmark.verify.data import Data

OpenData = Callable[[str], Data]
Loaded = dict[Path, Record]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or (not `failed`) one that could not be checked here."""

    path: Path
    rung: str
    message: str
    failed: bool = True


def verify(results: Path, open_data: OpenData, recipe_folder: Path = RECIPES) -> Iterator[Finding]:
    """Everything wrong with the records and tables below `results`. Nothing yielded means all is
    well."""
    ranked, loaded = record_files(results), Loaded()
    yield from verify_files(
        [*ranked, *place.study_files(results)], open_data, recipe_folder, loaded
    )
    for path in place.strays(results):
        yield Finding(path, "place", "is no record and no scores file of one")
    tables = verify_tables.tables([loaded[path] for path in ranked if path in loaded], results)
    yield from (Finding(path, "table", message) for path, message in tables)


def verify_files(
    paths: Sequence[Path],
    open_data: OpenData,
    recipe_folder: Path = RECIPES,
    loaded: Loaded | None = None,
) -> Iterator[Finding]:
    """Everything wrong with these records, each alone and beside each other; `loaded` is filled
    with those of good form."""
    records = Loaded() if loaded is None else loaded
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
    """Everything wrong with one record."""
    for rung, check in (
        ("place", lambda: place.place(record, path, recipe_folder)),
        ("recipe", lambda: _recipe(record, recipe_folder)),
        ("scores", lambda: quality.test_scores(record, path)),
        ("curve", lambda: quality.curve(record)),
        ("spectra", lambda: _ranks(record)),
        ("model", lambda: model.model(record)),
        ("cost", lambda: quality.cost(record)),
        ("tuning", lambda: tuning.tuned(record, place.root(path), recipe_folder)),
    ):
        yield from (Finding(path, rung, message) for message in _guarded(check))
    yield from _on_data(record, path, open_data)


def _on_data(record: Record, path: Path, open_data: OpenData) -> Iterator[Finding]:
    try:
        data = open_data(record.dataset)
    except BenchmarkError as error:
        yield Finding(path, "data", str(error))
        return
    card, store = data.card, data.store
    if card is not None:
        yield from (
            Finding(path, "data", message)
            for message in _guarded(lambda: verify_data.card(record, card))
        )
    if store is None:
        yield Finding(path, "data", f"not checked against its rows: {data.why_not}", failed=False)
        return
    faults = [
        Finding(path, "data", message)
        for message in _guarded(lambda: verify_data.rows(record, path, store))
    ]
    yield from faults
    if faults:
        return
    if verify_data.same_versions(record):
        untrained = _guarded(lambda: verify_data.untrained(record, store))
        yield from (Finding(path, "seed", message) for message in untrained)
    else:
        made = ", ".join(
            f"{name} {version}" for name, version in record.environment.versions.items()
        )
        yield Finding(
            path,
            "seed",
            f"untrained spectra not checked: the record was made with {made}",
            failed=False,
        )


def _guarded(check: Callable[[], Iterator[str]]) -> Iterator[str]:
    """A check that cannot even be made (its recipe does not parse, a part is missing) is a fault
    too."""
    try:
        yield from check()
    except BenchmarkError as error:
        yield str(error)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield f"malformed: {type(error).__name__}: {error}"


def _again(faults: Iterable[str]) -> Iterator[str]:
    yield from (f"stale: {fault}; run it again" for fault in faults)


def _recipe(record: Record, folder: Path) -> Iterator[str]:
    yield from _again(comparable.numerics(record))
    kept = quality.parsed(record)
    if _resolved(kept, record.recipe) != record.recipe:
        yield "the recipe in the record is not fully resolved"
    if kept.digest() != record.recipe_digest:
        yield (
            f"recipe_digest {record.recipe_digest[:12]} is not that of its recipe"
            f" ({kept.digest()[:12]})"
        )
    if record.name is not None:
        yield from _again(
            comparable.recipe(
                record, recipes.load(f"{record.dataset}/{record.name}", folder).digest()
            )
        )


def _resolved(kept: recipes.Recipe, stated: dict[str, Any]) -> dict[str, Any]:
    """Every setting of the recipe, less those that came after it was stated, which then have their
    defaults."""
    table = kept.resolved()
    added = {
        "model": added_later(registry.models.get(kept.model)),
        "train": kept.train.added_later,
    }
    for group, later in added.items():
        for key in set(later) - set(stated[group]):
            del table[group][key]
    return table


def _ranks(record: Record) -> Iterator[str]:
    yield from ranks.ranks(record)
    yield from ranks.curve(record, CURVE_ROWS)
    yield from ranks.tables(record)


def _copies(records: Loaded) -> Iterator[Finding]:
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
    rate: runs that differ in nothing but when they cut it and stop may end with the same weights.
    """
    train = {key: value for key, value in record.recipe["train"].items() if key not in Train.ending}
    return canonical_sha256({"model": record.recipe["model"], "train": train})
