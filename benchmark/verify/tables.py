"""Whether what is made of records is still what they give."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records.record import Record
from benchmark.reports import document
from benchmark.reports.document import Document
from benchmark.reports.leaderboard import files as leaderboard
from benchmark.speed import measurements
from benchmark.studies.claims import claims
from benchmark.studies.study import Study, studies

Fault = tuple[Path, str]


def tables(records: Sequence[Record], results: Path) -> Iterator[Fault]:
    """Files that are missing or other than what `records`, the ranked ones, and those beside them
    give."""
    yield from _made("leaderboard", results, lambda: leaderboard.files(records, results))
    yield from _documents("claims", results, lambda: claims.documents(results))
    for study in map(studies.get, studies.names()):
        for dataset in study.datasets(results):
            make = partial(_of_study, study, results, dataset)
            yield from _documents(f"study tables {study.name}", results, make)
    yield from _speed(results)


def _of_study(study: Study, results: Path, dataset: str) -> Sequence[Document]:
    return study.documents(results, dataset, study.report(results, dataset))


def _documents(
    command: str, results: Path, make: Callable[[], Sequence[Document]]
) -> Iterator[Fault]:
    try:
        documents = make()
    except (BenchmarkError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield (
            results,
            (
                f"the files of `{command}` cannot be made of these records: {type(error).__name__}:"
                f" {error}"
            ),
        )
        return
    yield from ((each.path, each.fault) for each in documents if not each.current)


def _made(command: str, results: Path, make: Callable[[], Mapping[Path, str]]) -> Iterator[Fault]:
    try:
        contents = make()
    except (BenchmarkError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield (
            results,
            (
                f"the files of `{command}` cannot be made of these records: {type(error).__name__}:"
                f" {error}"
            ),
        )
        return
    for path in document.differing(contents):
        yield path, f"is missing, or not what the records give; run `python -m benchmark {command}`"


def _speed(results: Path) -> Iterator[Fault]:
    try:
        unlike = list(measurements.stale_tables(results))
    except BenchmarkError as error:
        yield results / "speed", str(error)
        return
    for path in unlike:
        yield (
            path,
            "is not what the files beside it give; run its `speed` command again with --keep",
        )
