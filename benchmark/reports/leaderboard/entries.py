"""Load what the leaderboard ranks: records, test logits and the cost of tuning."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from benchmark.errors import BenchmarkError
from benchmark.measure.significance import ClassScores
from benchmark.records import scores
from benchmark.records.archive import Archive, Runs
from benchmark.records.record import Record, scores_path
from benchmark.records.tuning import tuning_cost


@dataclass(frozen=True)
class Entry:
    """The runs of one recipe, data and numerics version, by seed."""

    runs: Runs
    logits: dict[int, ClassScores]
    """Test logits by seed; without a run whose logits are not kept row by row, or whose file cannot
    be read, which `verify` reports."""
    trials: int | None
    """Finished trials and hours of the tuning study; None without one that can be read."""
    hours: float | None


def entries(records: Iterable[Record], archive: Archive) -> list[Entry]:
    """The entries of ranked records, in an order that does not depend on that of the records."""
    ordered = sorted(records, key=lambda run: (*_identity(run), run.seed))
    return [_entry(list(runs), archive) for _, runs in groupby(ordered, _identity)]


def _identity(run: Record) -> tuple[str, str, str, str, int]:
    return run.dataset, run.name or "", run.recipe_digest, run.data.arrays, run.numerics


def _entry(runs: Runs, archive: Archive) -> Entry:
    trials = hours = None
    if (study := runs[0].tuned) is not None:
        with suppress(BenchmarkError):
            trials, hours = tuning_cost(archive.results, study)
    logits: dict[int, ClassScores] = {}
    for run in runs:
        path = scores_path(archive.path(run.dataset, run.name or "", run.seed))
        with suppress(BenchmarkError):
            if (by_class := scores.by_class(scores.load(path))) is not None:
                logits[run.seed] = by_class
    return Entry(runs, logits, trials, hours)
