"""Whether what is made of records is still what they give."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records.record import Record
from benchmark.reports import document
from benchmark.reports.leaderboard import files as leaderboard
from benchmark.speed import measurements
from benchmark.studies import study
from benchmark.studies.claims import claims
from benchmark.studies.scaling import report as scaling

Fault = tuple[Path, str]


def tables(records: Sequence[Record], results: Path) -> Iterator[Fault]:
    """Files that are missing or other than what `records`, the ranked ones, and those beside them
    give."""
    yield from _made("leaderboard", results, lambda: leaderboard.files(records, results))
    yield from _made("claims", results, lambda: claims.files(results))
    for path in study.unlike(results):
        yield path, "is not what its study's records give; run the study's command again"
    yield from _scaling(results)
    yield from _speed(results)


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


def _scaling(results: Path) -> Iterator[Fault]:
    try:
        for dataset in scaling.datasets(results):
            for document in scaling.documents(results, dataset):
                if not document.current:
                    yield document.path, document.fault
    except (BenchmarkError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        yield (
            results,
            (
                "the files of `scale tables` cannot be made of these records:"
                f" {type(error).__name__}: {error}"
            ),
        )


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
