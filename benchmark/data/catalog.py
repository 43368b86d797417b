"""Names of data sets: the built-in cards, a person's own card, and the way from either to an encoded store."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from benchmark import registry, toml
from benchmark.data import local, synthetic
from benchmark.data.card import Card, Table
from benchmark.data.encode import ENCODING_VERSION
from benchmark.data.store import Fingerprint, Store, StoreWriter, canonical_sha256, open_or_make
from benchmark.errors import BenchmarkError, MissingData, UsageError

Notify = Callable[[str], None]
CARDS = Path(__file__).with_name("cards")


@dataclass(frozen=True)
class Found:
    """A card, and the folder its relative file paths start from; None for a built-in card."""

    card: Card
    folder: Path | None = None


def card_names() -> list[str]:
    """The ids of the built-in cards."""
    return sorted(_built_in())


def find_card(name_or_path: str) -> Found:
    """A built-in card by id, or a person's own by the path of its TOML file.

    Raises UsageError for an unknown id, and for a file that is no card, naming file, key and allowed keys."""
    if name_or_path in _built_in():
        return Found(_built_in()[name_or_path])
    path = Path(name_or_path).expanduser()
    if path.suffix != ".toml" and not path.is_file():
        raise registry.unknown("data set", name_or_path, _built_in())
    card = toml.validate(Card, toml.read(path), str(path))
    if card.table is None:
        raise UsageError(f"{path}: key 'table' is missing")
    if card.id in _built_in():
        raise UsageError(f"{path}: id: '{card.id}' is a built-in data set; choose another id")
    return Found(card, path.parent)


def cache_folder() -> Path:
    """Where encoded stores lie: BENCHMARK_CACHE, else the user's cache folder."""
    chosen = os.environ.get("BENCHMARK_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("ctr-benchmark")


def open_data(name_or_path: str, *, data_root: Path | None, notify: Notify) -> tuple[Found, Store]:
    """A data set's card and its store, encoded now unless that was done before.

    `data_root` (else BENCHMARK_DATA_ROOT) holds the files of built-in cards, in a folder named by the id or directly.
    Raises UsageError for a wrong name or card, MissingData for missing files, BenchmarkError for files that contradict
    the card."""
    found = find_card(name_or_path)
    card, table = found.card, found.card.table
    store = _open_generated(card, notify) if table is None else _open_table(found, table, data_root, notify)
    _check_expected(card, store.fingerprint)
    return found, store


def _open_generated(card: Card, notify: Notify) -> Store:
    key = {"encoding": ENCODING_VERSION, "generator": card.generator}
    return open_or_make(_store_folder(card, key), lambda writer: synthetic.write(card, writer, notify), notify)


def _open_table(found: Found, table: Table, data_root: Path | None, notify: Notify) -> Store:
    card = found.card
    folders = [found.folder] if found.folder is not None else _root_folders(card, table, data_root)
    paths = local.find_files(table, folders)
    sums = local.md5_sums(paths, cache_folder() / "md5.json")
    for split, expected in card.expected.items():
        if expected.md5 not in (None, sums.get(split, expected.md5)):
            raise BenchmarkError(f"{paths[split]}: md5 {sums[split]}, but the card of {card.id} expects {expected.md5}")
    # without defaults, so that a new field of Table leaves the stores of older cards where they are
    rules = table.model_dump(mode="json", exclude_defaults=True)
    key = {"encoding": ENCODING_VERSION, "table": rules, "md5": sums}
    sources = _source_names(paths, sums)

    def make(writer: StoreWriter) -> None:
        notify(f"encoding {card.id}; it is kept for the next time")
        local.write(table, paths, sources, writer, notify)

    return open_or_make(_store_folder(card, key), make, notify)


def _store_folder(card: Card, key: Mapping[str, object]) -> Path:
    return cache_folder() / card.id / canonical_sha256(key)[:16]


def _source_names(paths: local.Paths, sums: Mapping[str, str]) -> dict[str, str]:
    """md5 by file name; by split and file name where two files share theirs. No folder of this machine is in it."""
    distinct = len({path.name for path in paths.values()}) == len(paths)
    return {path.name if distinct else f"{key}/{path.name}": sums[key] for key, path in paths.items()}


def _root_folders(card: Card, table: Table, data_root: Path | None) -> list[Path]:
    chosen = data_root or os.environ.get("BENCHMARK_DATA_ROOT")
    if not chosen:
        needed = ", ".join(" or ".join(names) for names in table.files.named.values())
        raise MissingData(
            f"{card.id} is not downloaded: it needs {needed} ({card.source}); name their folder with --data-root or "
            "BENCHMARK_DATA_ROOT"
        )
    root = Path(chosen).expanduser()
    if not root.is_dir():
        raise MissingData(f"there is no data folder {root}")
    return [root / card.id, root]


def _check_expected(card: Card, fingerprint: Fingerprint) -> None:
    for split, expected in card.expected.items():
        for fact, wanted in (("rows", expected.rows), ("positives", expected.positives)):
            found = getattr(fingerprint, fact)[split]
            if wanted not in (None, found):
                raise BenchmarkError(f"{card.id}: {found:,} {fact} in {split}, but its card expects {wanted:,}")


@cache
def _built_in() -> dict[str, Card]:
    tables = [toml.validate(Card, toml.read(path), path.name) for path in sorted(CARDS.glob("*.toml"))]
    cards = {card.id: card for card in (*tables, *synthetic.CARDS)}
    if len(cards) != len(tables) + len(synthetic.CARDS):
        raise ValueError("two built-in cards share an id")
    return cards
