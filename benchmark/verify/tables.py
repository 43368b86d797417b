"""Check that the generated files are what the records give."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.reports.document import Document
from benchmark.reports.leaderboard import text as leaderboard
from benchmark.speed import measurements
from benchmark.studies.claims import claims
from benchmark.studies.study import Study, studies

Make = Callable[[Archive], Iterable[Document]]

DOCUMENTS: dict[str, Make] = {
    "leaderboard": leaderboard.documents,
    "claims": lambda archive: claims.documents(archive.results),
    "speed": measurements.documents,
}
"""By command, the files it makes; those of studies come from the registry."""


def tables(archive: Archive) -> Iterator[tuple[Path, str]]:
    """Files that are missing or not what the records and measurements give, and why."""
    makers = dict(DOCUMENTS)
    for study in map(studies.get, studies.names()):
        makers[f"study tables {study.name}"] = partial(_of_study, study)
    for command, make in makers.items():
        try:
            faults = [(each.path, each.fault) for each in make(archive) if not each.current]
        except (BenchmarkError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"the files of `{command}` cannot be made of these records: {reason}"
            faults = [(archive.results, message)]
        yield from faults


def _of_study(study: Study, archive: Archive) -> Iterator[Document]:
    for dataset in study.datasets(archive.results):
        report = study.report(archive.results, dataset)
        yield from study.documents(archive.results, dataset, report)
