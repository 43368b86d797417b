"""Check that the generated files are what the records give."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.reports.document import Document
from benchmark.reports.leaderboard import text as leaderboard
from benchmark.speed import measurements
from benchmark.studies import study
from benchmark.studies.claims import claims
from benchmark.studies.scaling import report as scaling


def _claims(archive: Archive) -> Iterable[Document]:
    for path, text in claims.files(archive.results).items():
        yield Document(path, text, "python -m benchmark claims")


def _scaling(archive: Archive) -> Iterable[Document]:
    for dataset in scaling.datasets(archive.results):
        yield from scaling.documents(archive.results, dataset)


DOCUMENTS: dict[str, Callable[[Archive], Iterable[Document]]] = {
    "leaderboard": leaderboard.documents,
    "claims": _claims,
    "scale tables": _scaling,
    "speed": measurements.documents,
}
"""By command, the files it makes."""


def tables(archive: Archive) -> Iterator[tuple[Path, str]]:
    """Files that are missing or not what the records and measurements give, and why."""
    for command, documents in DOCUMENTS.items():
        try:
            faults = [(each.path, each.fault) for each in documents(archive) if not each.current]
        except (BenchmarkError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"the files of `{command}` cannot be made of these records: {reason}"
            faults = [(archive.results, message)]
        yield from faults
    for path in study.unlike(archive.results):
        yield path, "is not what its study's records give; run the study's command again"
