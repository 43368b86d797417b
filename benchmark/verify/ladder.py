"""The ladder of checks of a record, each derived from something other than the record itself."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records import manifest
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.records.record import load as load_record
from benchmark.reported import Reports
from benchmark.reports.document import Document
from benchmark.reports.leaderboard import text as leaderboard
from benchmark.reports.leaderboard.boards import Refused
from benchmark.runs.probe import CURVE_ROWS
from benchmark.speed import measurements
from benchmark.studies.claims import claims
from benchmark.studies.study import studies
from benchmark.utils.forms import shortened
from benchmark.verify import beside, data, place, quality, ranks, recipe
from benchmark.verify.case import Case, Finding, read
from benchmark.verify.data import OpenData

MALFORMED = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""Errors of a check or a table that meets content it cannot handle."""
MOST_PARAMETERS = 500_000_000
"""Of a model that is built again from its seed: 2 GB of weights."""

Watch = Callable[[int, int], object]
"""Told how many records are checked, and of how many."""


def unwatched(_done: int, _of: int) -> None:
    """Show nothing."""


def verify(
    results: Path,
    open_data: OpenData,
    recipe_folder: Path | None = None,
    *,
    watch: Watch = unwatched,
) -> Iterator[Finding]:
    """Find everything wrong with the records and generated files of a results folder.

    Example::

        open_data = opener(data_root=None, notify=print)
        for finding in verify(Path("results"), open_data):
            print(finding.path, finding.rung, finding.message)
    """
    archive = Archive(results)
    failed: set[Path] = set()
    paths = archive.all_paths()
    for finding in verify_files(paths, open_data, recipe_folder, watch=watch, load=archive.load):
        failed |= {finding.path} if finding.failed else set()
        yield finding
    try:
        yield from (Finding(path, "files", fault) for path, fault in manifest.faults(results))
    except BenchmarkError as error:
        yield Finding(results, "files", str(error))
    rows = refused(archive, sorted(failed.intersection(archive.paths())), recipe_folder)
    yield from (Finding(path, "table", fault) for path, fault in tables(archive, rows))


def verify_files(
    paths: Sequence[Path],
    open_data: OpenData,
    recipe_folder: Path | None = None,
    *,
    watch: Watch = unwatched,
    load: Callable[[Path], Record] = load_record,
) -> Iterator[Finding]:
    """Find everything wrong with these records, each alone and beside each other."""
    cases: list[Case] = []
    for path in paths:
        try:
            cases.append(read(path, load))
        except BenchmarkError as error:
            yield Finding(path, "form", str(error))
    for done, case in enumerate(cases, start=1):
        yield from verify_case(case, open_data, recipe_folder)
        watch(done, len(cases))
    named = set(paths)
    every = [*cases, *_ranked_beside(cases, named)]
    try:
        yield from (each for each in beside.findings(every, open_data) if each.path in named)
    except MALFORMED as error:
        yield _malformed(paths[0].parent, "scores", error)


def _ranked_beside(cases: Sequence[Case], named: Container[Path]) -> Iterator[Case]:
    """The other ranked records of the same data sets in the same results folders."""
    boards = {(case.place.results, case.record.dataset) for case in cases if case.place}
    for results, dataset in sorted(boards):
        for path in Archive(results).paths(dataset):
            if path not in named:
                with suppress(BenchmarkError):
                    yield read(path)


def verify_case(case: Case, open_data: OpenData, recipe_folder: Path | None) -> Iterator[Finding]:
    """Find everything wrong with one record, each fault once: several checks may meet one."""
    told = set()
    for finding in _of_case(case, open_data, recipe_folder):
        if finding.message not in told:
            told.add(finding.message)
            yield finding


def refused(
    archive: Archive, paths: Iterable[Path] | None = None, recipe_folder: Path | None = None
) -> list[Refused]:
    """The recipes of which a ranked record of an archive (one of `paths`, if given) fails a check
    that needs no data: no board shows any of their records. Some tens of milliseconds a record."""
    faults: dict[tuple[str, str], list[str]] = {}
    for path in archive.paths() if paths is None else paths:
        if fault := _first_fault(archive, path, recipe_folder):
            row = path.parents[1].name, path.parent.name
            faults.setdefault(row, []).append(f"{path.stem}: {fault}")
    return [Refused(*row, each[0], len(each)) for row, each in sorted(faults.items())]


def _first_fault(archive: Archive, path: Path, recipe_folder: Path | None) -> str:
    """One line; empty for a record that is as it should be."""
    try:
        finding = next(_alone(read(path, archive.load), recipe_folder), None)
    except BenchmarkError as error:
        return str(error).partition("\n")[0]
    return finding.message.partition("\n")[0] if finding else ""


def _of_case(case: Case, open_data: OpenData, recipe_folder: Path | None) -> Iterator[Finding]:
    alone = list(_alone(case, recipe_folder))
    yield from alone
    yield from _on_data(case, open_data, sound=not alone)


def _alone(case: Case, recipe_folder: Path | None) -> Iterator[Finding]:
    """What a record shows without its rows."""
    path, record = case.path, case.record
    results = case.place.results if case.place else path.parent
    for rung, faults in (
        ("place", place.faults(record, path, recipe_folder)),
        ("recipe", recipe.recipe(record, recipe_folder)),
        ("scores", quality.test_scores(record, case.scores)),
        ("scores", quality.oracle(record, case.scores)),
        ("scores", quality.warnings(record, case.scores)),
        ("curve", quality.curve(record)),
        ("spectra", ranks.ranks(record)),
        ("spectra", ranks.curve(record, CURVE_ROWS)),
        ("spectra", ranks.tables(record)),
        ("model", recipe.model(record)),
        ("cost", quality.cost(record)),
        ("tuning", recipe.tuned(record, results, recipe_folder)),
    ):
        yield from _findings(path, rung, faults)


def _on_data(case: Case, open_data: OpenData, *, sound: bool) -> Iterator[Finding]:
    """The untrained model is built again for a record alone that is `sound` but for its data: one
    that is not may ask for any size."""
    path, record = case.path, case.record
    try:
        opened = open_data(record.dataset)
    except BenchmarkError as error:
        yield Finding(path, "data", str(error))
        return
    if opened.card is not None:
        yield from _findings(path, "data", data.card(record, opened.card))
    if opened.store is None:
        why = f"not checked against its rows, nor its seed: {opened.why_not}"
        yield Finding(path, "data", why, failed=False)
        return
    if record.metrics.test.gauc is not None and case.scores.rows() is None:
        why = "a replay alone proves gAUC where scores are kept as counts"
        yield Finding(path, "data", why, failed=False)
    findings = list(_findings(path, "data", data.rows(record, case.scores, opened.store)))
    yield from findings
    if record.parameters.total > MOST_PARAMETERS:
        why = f"its seed is not checked, as the model has over {MOST_PARAMETERS:,} parameters"
        yield Finding(path, "seed", why, failed=False)
    elif sound and not findings:
        yield from _findings(path, "seed", data.untrained(record, opened.store))


def _findings(path: Path, rung: str, faults: Iterable[str]) -> Iterator[Finding]:
    """The faults that a check yields; a check that fails itself is a fault of the record too."""
    try:
        yield from (Finding(path, rung, shortened(fault)) for fault in faults)
    except BenchmarkError as error:
        yield Finding(path, rung, shortened(str(error)))
    except MALFORMED as error:
        yield _malformed(path, rung, error)


def _malformed(path: Path, rung: str, error: Exception) -> Finding:
    return Finding(path, rung, shortened(f"malformed: {type(error).__name__}: {error}"))


def tables(archive: Archive, rows: Sequence[Refused] = ()) -> Iterator[tuple[Path, str]]:
    """Generated files that are missing or not what the records and measurements give, and why;
    `rows` are those that no board shows."""
    reports = Reports(archive, rows)
    makers: dict[str, Callable[[], Iterable[Document]]] = {
        "leaderboard": lambda: leaderboard.documents(reports.boards, archive, rows),
        "claims": partial(_claims, reports),
        "report": partial(_page, reports),
        "speed": partial(measurements.documents, archive),
        **{f"study tables {name}": partial(_of_study, name, reports) for name in studies.names()},
    }
    for command, make in makers.items():
        try:
            faults = [(each.path, each.fault) for each in make() if each.fault]
        except (BenchmarkError, *MALFORMED) as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"the files of `{command}` cannot be made of these records: {reason}"
            faults = [(archive.results, message)]
        yield from faults


def _claims(reports: Reports) -> Iterable[Document]:
    results = reports.archive.results
    return claims.documents(reports.claims, results) if claims.kept_in(results) else ()


def _page(reports: Reports) -> Iterator[Document]:
    """The page, in a results folder that has one; what makes it takes long to import."""
    if reports.archive.page().is_file():
        from benchmark import page

        yield page.document(reports)


def _of_study(name: str, reports: Reports) -> Iterator[Document]:
    study, archive = studies.get(name), reports.archive
    for dataset in study.datasets(archive):
        yield from study.documents(archive, dataset, reports.of_study(name, dataset))
