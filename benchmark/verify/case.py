"""A record as it is checked, with the scores beside it, and what is found wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.records import arrays, measured, scores
from benchmark.records.archive import RANKED, Place
from benchmark.records.record import Record, arrays_path
from benchmark.records.record import load as load_record
from benchmark.records.scores import KeptScores
from benchmark.utils.paths import shown


@dataclass(frozen=True)
class Finding:
    """A fault, or (not `failed`) what stays unverified here."""

    path: Path
    rung: str
    message: str
    failed: bool = True


@dataclass(frozen=True)
class Case:
    """A record, its scores and the path of its JSON."""

    path: Path
    record: Record
    scores: KeptScores

    @cached_property
    def place(self) -> Place | None:
        return Place.of(self.path)

    @property
    def ranked(self) -> bool:
        return self.place is not None and self.place.study == RANKED


def read(path: Path, load: Callable[[Path], Record] = load_record) -> Case:
    """Raises BenchmarkError for what cannot be read, and for arrays that no record has."""
    case = Case(path, load(path), scores.load(arrays_path(path)))
    known = {*scores.pack(case.scores), *measured.pack(case.record.measured)}
    if unknown := sorted(arrays.names(arrays_path(path)) - known):
        names = ", ".join(unknown)
        raise BenchmarkError(f"{shown(arrays_path(path))}: holds no array of a record: {names}")
    return case
