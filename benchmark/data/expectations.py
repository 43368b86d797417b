"""What a card expects of the encoded rows."""

from collections.abc import Iterator

from benchmark.data.card import Card
from benchmark.data.store import Fingerprint
from benchmark.errors import BenchmarkError


def check(card: Card, fingerprint: Fingerprint) -> None:
    """Raise BenchmarkError for rows or positives that differ from the card."""
    for split, expected in card.expected.items():
        for fact in ("rows", "positives"):
            number, actual = getattr(expected, fact), getattr(fingerprint, fact)[split]
            if number not in (None, actual):
                fault = f"{actual:,} {fact} in {split}, but its card expects {number:,}"
                raise BenchmarkError(f"{card.id}: {fault}")


def differences(card: Card, fingerprint: Fingerprint) -> Iterator[str]:
    """Yield what is not as published, or not as the card has it: the size of the vocabulary, and
    the rows."""
    rows = sum(fingerprint.cardinalities) + len(fingerprint.dense)
    if card.published_rows not in (None, rows):
        yield f"{card.id}: {rows:,} embedding rows, but {card.published_rows:,} are published"
    if card.arrays not in (None, fingerprint.arrays):
        found = f"the encoded rows have the SHA-256 {fingerprint.arrays}"
        fault = f"but its card expects {card.arrays}: the files are not those behind its records"
        yield f"{card.id}: {found}, {fault}"
