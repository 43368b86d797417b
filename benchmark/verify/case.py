"""A record as it is checked: with the scores beside it."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records import arrays, measured, scores
from benchmark.records.record import Record, arrays_path, load
from benchmark.records.scores import KeptScores
from benchmark.utils.paths import shown


@dataclass(frozen=True)
class Case:
    """A record, its scores and the path of its JSON."""

    path: Path
    record: Record
    scores: KeptScores


def read(path: Path) -> Case:
    """Raises BenchmarkError for what cannot be read, and for arrays that no record has."""
    case = Case(path, load(path), scores.load(arrays_path(path)))
    known = {*scores.pack(case.scores), *measured.pack(case.record.measured)}
    if unknown := sorted(arrays.load(arrays_path(path)).keys() - known):
        names = ", ".join(unknown)
        raise BenchmarkError(f"{shown(arrays_path(path))}: holds no array of a record: {names}")
    return case
