"""Whether records are whole, of today's numerics, recipe and data, and comparable."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import dotted
from benchmark.records import measured, record, scores
from benchmark.records.archive import Runs
from benchmark.records.record import NUMERICS, Record, arrays_path
from benchmark.records.scores import KeptScores
from benchmark.utils.paths import shown


def numerics(record: Record) -> Iterator[str]:
    if record.numerics != NUMERICS:
        yield f"made with numerics {record.numerics}, today's is {NUMERICS}"


def recipe(record: Record, digest: str) -> Iterator[str]:
    """`digest` is that of today's recipe."""
    if record.recipe_digest != digest:
        yield f"the recipe's digest is {digest[:12]} now, not {record.recipe_digest[:12]}"


def data(record: Record, today: Fingerprint) -> Iterator[str]:
    stated = asdict(record.data)
    names = [name for name, value in asdict(today).items() if stated[name] != value]
    if names:
        yield f"the data differ from today's in {', '.join(names)}"


def whole(path: Path) -> Record:
    """Load a record. Raises BenchmarkError if it or what lies beside it is missing or altered."""
    made = record.load(path)
    for fault in altered(made, scores.load(arrays_path(path))):
        raise BenchmarkError(f"{shown(path)}: {fault}; run it again")
    return made


def altered(record: Record, kept: KeptScores) -> Iterator[str]:
    """Yield what lies beside a record and has another digest than it states."""
    if scores.digest(kept.best) != record.digests.scores:
        yield "the digest of the scores of metrics.test differs"
    if (kept.best_logloss and scores.digest(kept.best_logloss)) != record.digests.scores_logloss:
        yield "the digest of the scores of metrics.test_logloss differs"
    if measured.digest(record.measured) != record.digests.measured:
        yield "the digest of the spectra and curves differs"


def run(
    record: Record, digest: str, today: Fingerprint, seed: int, rows: int | None
) -> Iterator[str]:
    """What makes it the record of another run than that of a recipe's `digest` on today's data."""
    yield from numerics(record)
    yield from recipe(record, digest)
    yield from data(record, today)
    if (record.seed, record.train_rows) != (seed, rows):
        limit = "" if record.train_rows is None else f" and {record.train_rows} rows"
        yield f"it is of seed {record.seed}{limit}"


def stale(faults: Iterable[str]) -> Iterator[str]:
    """The faults as `verify` reports them."""
    yield from (f"stale: {fault}; run it again" for fault in faults)


def require_alike(runs: Mapping[str, Runs], varied: Collection[str]) -> None:
    """Raises BenchmarkError where records differ in more than seed and the keys `varied`."""
    records = [(f"{name}/seed-{run.seed}", run) for name, each in runs.items() for run in each]
    bases = [
        dotted(run.recipe)
        | {"data": run.data.arrays, "numerics": run.numerics, "processes": run.shared_by}
        for _, run in records
    ]
    for (name, _), basis in zip(records, bases, strict=True):
        first, own = records[0][0], bases[0]
        unlike = {key for key in basis.keys() | own.keys() if basis.get(key) != own.get(key)}
        if keys := ", ".join(sorted(unlike.difference(varied))):
            raise BenchmarkError(
                f"the records {first} and {name} differ in {keys}, so they are no one study: run"
                " the older ones again, or remove them"
            )


def require_comparable(sides: Mapping[str, Runs]) -> None:
    """Raises BenchmarkError where the records of one name differ in more than their seed, or those
    of two names in data or numerics."""
    for name, runs in sides.items():
        require_alike({name: runs}, ())
    bases = {name: (runs[0].data.arrays, runs[0].numerics) for name, runs in sides.items() if runs}
    if len(set(bases.values())) > 1:
        each = (f"{name}: data {arrays[:12]}, numerics {n}" for name, (arrays, n) in bases.items())
        raise BenchmarkError(
            "the records are of different data or numerics, run the older ones again"
            f" ({'; '.join(each)})"
        )
