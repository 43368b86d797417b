"""Whether records are of today's numerics, recipe and data, and comparable with each other."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import dotted
from benchmark.records.archive import Runs
from benchmark.records.record import NUMERICS, Record


def numerics(record: Record) -> Iterator[str]:
    if record.numerics != NUMERICS:
        yield f"made with numerics {record.numerics}, today's is {NUMERICS}"


def recipe(record: Record, digest: str) -> Iterator[str]:
    """`digest` is that of today's recipe."""
    if record.recipe_digest != digest:
        stated = record.recipe_digest[:12]
        yield f"the recipe's digest is {digest[:12]} now, the record's is {stated}"


def data(record: Record, today: Fingerprint) -> Iterator[str]:
    stated = asdict(record.data)
    names = [name for name, value in asdict(today).items() if stated[name] != value]
    if names:
        yield f"the data differ from today's in {', '.join(names)}"


def stale(faults: Iterable[str]) -> Iterator[str]:
    """The faults as `verify` reports them."""
    yield from (f"stale: {fault}; run it again" for fault in faults)


def require_alike(runs: Mapping[str, Runs], varied: Collection[str]) -> None:
    """Raises BenchmarkError where records differ in more than their seed and the settings `varied`
    by dotted key."""
    bases = [
        (f"{name}/seed-{run.seed}", _basis(run, varied))
        for name, each in runs.items()
        for run in each
    ]
    for name, basis in bases[1:]:
        first, own = bases[0]
        keys = sorted(key for key in basis.keys() | own.keys() if basis.get(key) != own.get(key))
        if keys:
            raise BenchmarkError(
                f"the records {first} and {name} differ in {', '.join(keys)}, so they are no one"
                " study: run the older ones again, or remove them"
            )


def _basis(run: Record, varied: Collection[str]) -> dict[str, Any]:
    kept = {key: value for key, value in dotted(run.recipe).items() if key not in varied}
    return kept | {"data": run.data.arrays, "numerics": run.numerics}


def require_comparable(sides: Mapping[str, Runs]) -> None:
    """Raises BenchmarkError where the records of one name differ in more than their seed, or those
    of two names in data or numerics."""
    for name, runs in sides.items():
        require_alike({name: runs}, ())
    bases = {name: (runs[0].data.arrays, runs[0].numerics) for name, runs in sides.items() if runs}
    if len(set(bases.values())) > 1:
        listed = "; ".join(
            f"{name}: data {data[:12]}, numerics {numerics}"
            for name, (data, numerics) in bases.items()
        )
        raise BenchmarkError(
            f"the records are of different data or numerics, run the older ones again ({listed})"
        )
