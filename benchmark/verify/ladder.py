"""The ladder of checks of a record, each derived from something other than the record itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import Train
from benchmark.records.archive import Archive, Place
from benchmark.records.environment import current
from benchmark.records.record import Record, load
from benchmark.reports.document import Document
from benchmark.reports.leaderboard import text as leaderboard
from benchmark.runs.probe import CURVE_ROWS
from benchmark.speed import measurements
from benchmark.studies.claims import claims
from benchmark.studies.study import studies
from benchmark.utils.files import canonical_sha256
from benchmark.utils.paths import RECIPES, shown
from benchmark.verify import data, place, quality, ranks, recipe
from benchmark.verify.data import OpenData

MALFORMED = (ArithmeticError, LookupError, TypeError, ValueError)
"""Errors of a check or a table that meets content it cannot handle."""


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
    yield from (Finding(path, "table", fault) for path, fault in tables(archive))


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
    lies_in = Place.of(path)
    results = lies_in.results if lies_in else path.parent
    for rung, faults in (
        ("place", place.faults(record, path, recipe_folder)),
        ("recipe", recipe.recipe(record, recipe_folder)),
        ("scores", quality.test_scores(record, path)),
        ("curve", quality.measured(record)),
        ("curve", quality.curve(record)),
        ("spectra", ranks.ranks(record)),
        ("spectra", ranks.curve(record, CURVE_ROWS)),
        ("spectra", ranks.tables(record)),
        ("model", recipe.model(record)),
        ("cost", quality.cost(record)),
        ("tuning", recipe.tuned(record, results, recipe_folder)),
    ):
        yield from _findings(path, rung, faults)
    yield from _on_data(record, path, open_data)


def _on_data(record: Record, path: Path, open_data: OpenData) -> Iterator[Finding]:
    try:
        opened = open_data(record.dataset)
    except BenchmarkError as error:
        yield Finding(path, "data", str(error))
        return
    if opened.card is not None:
        yield from _findings(path, "data", data.card(record, opened.card))
    if opened.store is None:
        yield Finding(path, "data", f"not checked against its rows: {opened.why_not}", failed=False)
        return
    findings = list(_findings(path, "data", data.rows(record, path, opened.store)))
    yield from findings
    if findings:
        return
    versions = record.environment.versions
    if current().versions.items() <= versions.items():
        yield from _findings(path, "seed", data.untrained(record, opened.store))
    else:
        stated = ", ".join(f"{name} {version}" for name, version in versions.items())
        why = f"untrained spectra not checked: the record was made with {stated}"
        yield Finding(path, "seed", why, failed=False)


def _findings(path: Path, rung: str, faults: Iterable[str]) -> Iterator[Finding]:
    """The faults that a check yields; a check that fails itself is a fault of the record too."""
    try:
        yield from (Finding(path, rung, fault) for fault in faults)
    except BenchmarkError as error:
        yield Finding(path, rung, str(error))
    except MALFORMED as error:
        yield Finding(path, rung, f"malformed: {type(error).__name__}: {error}")


def _copies(records: dict[Path, Record]) -> Iterator[Finding]:
    """Find runs given out as two: only a run of the same model, steps, data and seed has the same
    scores. Runs that differ only in when they cut the learning rate and stop may end alike."""
    first: dict[str, tuple[Path, tuple[object, ...]]] = {}
    for path, record in records.items():
        train = record.recipe["train"].items()
        steps = {key: value for key, value in train if key not in Train.ending}
        trained = canonical_sha256({"model": record.recipe["model"], "train": steps})
        run = (trained, record.data.arrays, record.train_rows, record.seed)
        original, its_run = first.setdefault(record.digests.scores, (path, run))
        if its_run != run:
            yield Finding(path, "scores", f"its scores are those of {shown(original)}")


def tables(archive: Archive) -> Iterator[tuple[Path, str]]:
    """Generated files that are missing or not what the records and measurements give, and why."""
    makers: dict[str, Callable[[], Iterable[Document]]] = {
        "leaderboard": partial(leaderboard.documents, archive),
        "claims": partial(claims.documents, archive.results),
        "speed": partial(measurements.documents, archive),
        **{f"study tables {name}": partial(_of_study, name, archive) for name in studies.names()},
    }
    for command, make in makers.items():
        try:
            faults = [(each.path, each.fault) for each in make() if each.fault]
        except (BenchmarkError, *MALFORMED) as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"the files of `{command}` cannot be made of these records: {reason}"
            faults = [(archive.results, message)]
        yield from faults


def _of_study(name: str, archive: Archive) -> Iterator[Document]:
    study = studies.get(name)
    for dataset in study.datasets(archive.results):
        report = study.report(archive.results, dataset)
        yield from study.documents(archive.results, dataset, report)
