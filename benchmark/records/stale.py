"""What makes a record one of yesterday: numerics, recipe or data are not today's."""

from collections.abc import Iterator
from dataclasses import asdict

from benchmark.data.store import Fingerprint
from benchmark.records.record import NUMERICS, Record


def numerics(record: Record) -> Iterator[str]:
    if record.numerics != NUMERICS:
        yield f"made with numerics {record.numerics}, today's is {NUMERICS}"


def recipe(record: Record, digest: str) -> Iterator[str]:
    """`digest` is that of the recipe as it stands."""
    if record.recipe_digest != digest:
        yield f"the recipe's digest is {digest[:12]} now, the record's is {record.recipe_digest[:12]}"


def data(record: Record, today: Fingerprint) -> Iterator[str]:
    if today != record.data:
        names = [name for name, value in asdict(today).items() if asdict(record.data)[name] != value]
        yield f"the data differ from today's in {', '.join(names)}"
