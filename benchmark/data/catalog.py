"""Names of data sets: the built-in cards, a person's own card, and the way from either to an
encoded store."""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs
from filelock import FileLock

from benchmark import registry
from benchmark.data.card import Card, Hub, TableSpec
from benchmark.data.encoding import table as table_encoding
from benchmark.data.encoding.encode import ENCODING_VERSION
from benchmark.data.sources import download, local, synthetic
from benchmark.data.store import Fingerprint, Store, StoreWriter, open_or_make
from benchmark.errors import BenchmarkError, MissingData, UsageError
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

UNVERIFIED = " (unverified)"
CARDS = Path(__file__).with_name("cards")


@dataclass(frozen=True)
class FoundCard:
    """A card, and the folder its relative file paths start from; None for a built-in card."""

    card: Card
    folder: Path | None = None


def card_names() -> list[str]:
    """The ids of the built-in cards."""
    return sorted(_built_in())


def find_card(name_or_path: str) -> FoundCard:
    """A built-in card by id, or a person's own by the path of its TOML file.

    Raises UsageError for an unknown id, and for a file that is no card, naming file, key and
    allowed keys."""
    if name_or_path in _built_in():
        return FoundCard(_built_in()[name_or_path])
    path = Path(name_or_path).expanduser()
    if path.suffix != ".toml" and not path.is_file():
        raise registry.unknown("data set", name_or_path, _built_in())
    card = toml.validate(Card, toml.read(path), str(path))
    if card.table is None:
        raise UsageError(f"{path}: key 'table' is missing")
    if card.id in _built_in():
        raise UsageError(f"{path}: id: '{card.id}' is a built-in data set; choose another id")
    return FoundCard(card, path.parent)


def cache_folder() -> Path:
    """Where encoded stores lie: BENCHMARK_CACHE, else the user's cache folder."""
    chosen = os.environ.get("BENCHMARK_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("ctr-benchmark")


def open_data(
    name_or_path: str,
    *,
    data_root: Path | None,
    notify: Notify,
    allow_unverified: bool = False,
    fetch: bool = True,
) -> tuple[FoundCard, Store]:
    """A data set's card and its store, encoded now unless that was done before.

    `data_root` (else BENCHMARK_DATA_ROOT) holds the files of built-in cards, in a folder named by
    the id or directly; without it, files that a card names on the hub are downloaded if `fetch`.
    Files that are not the card's are taken with `allow_unverified`, and where that has been done
    before; the fingerprint says so. Raises UsageError for a wrong name or card, MissingData for
    missing files, BenchmarkError for files that contradict the card."""
    found = find_card(name_or_path)
    card, table = found.card, found.card.table
    if table is None:
        store = _open_generated(card, notify)
    else:
        paths = _local_files(found, table, data_root, verified=not allow_unverified)
        if paths is None and (folder := _published_store(card, table)).exists():
            store = Store.open(folder)
        else:
            paths = paths or _downloaded(card, notify, fetch=fetch)
            store = _open_table(card, table, paths, notify, allow_unverified=allow_unverified)
    check_expected(card, store.fingerprint)
    return found, store


def is_unverified(fingerprint: Fingerprint) -> bool:
    """Whether a store was made of files that are not its card's."""
    return any(sum_.endswith(UNVERIFIED) for sum_ in fingerprint.sources.values())


def check_expected(card: Card, fingerprint: Fingerprint) -> None:
    """Raises BenchmarkError for rows or positives that are not the card's."""
    if is_unverified(fingerprint):
        return
    for split, expected in card.expected.items():
        for fact, wanted in (("rows", expected.rows), ("positives", expected.positives)):
            found = getattr(fingerprint, fact)[split]
            if wanted not in (None, found):
                raise BenchmarkError(
                    f"{card.id}: {found:,} {fact} in {split}, but its card expects {wanted:,}"
                )


def published_difference(card: Card, fingerprint: Fingerprint) -> str | None:
    """What to say where the vocabulary has another size than the published one (see
    Card.published_rows)."""
    rows = sum(fingerprint.cardinalities) + len(fingerprint.dense)
    if card.published_rows in (None, rows) or is_unverified(fingerprint):
        return None
    return f"{card.id}: {rows:,} embedding rows, but {card.published_rows:,} are published"


def download_folder(hub: Hub) -> Path:
    """Where the files of a repository on the hub lie: cards of one repository share them."""
    return cache_folder() / ".downloads" / hub.repo.replace("/", "--")


def _open_generated(card: Card, notify: Notify) -> Store:
    key = {"encoding": ENCODING_VERSION, "generator": card.generator}
    return open_or_make(
        _store_folder(card, key), lambda writer: synthetic.write(card, writer, notify), notify
    )


def _open_table(
    card: Card, table: TableSpec, paths: local.Paths, notify: Notify, *, allow_unverified: bool
) -> Store:
    sums = local.md5_sums(paths, _md5_memory())
    wanted = _card_sums(card)
    altered = [split for split in paths if sums[split] != wanted.get(split, sums[split])]
    folder = _store_folder(card, _key(table, sums) | ({"unverified": altered} if altered else {}))
    if altered:
        split = altered[0]
        said = (
            f"{paths[split]}: md5 {sums[split]}, but the card of {card.id} expects {wanted[split]}"
        )
        if not allow_unverified and not folder.exists():
            raise BenchmarkError(f"{said}; `data prepare` takes such files with --allow-unverified")
        notify(f"{said}; records of these data will say that they are unverified")

    def make(writer: StoreWriter) -> None:
        notify(f"encoding {card.id}; it is kept for the next time")
        table_encoding.write(table, paths, _source_names(paths, sums, altered), writer, notify)

    store = open_or_make(folder, make, notify)
    if difference := published_difference(card, store.fingerprint):
        notify(f"warning: {difference}")
    return store


def _local_files(
    found: FoundCard, table: TableSpec, data_root: Path | None, *, verified: bool
) -> local.Paths | None:
    """The files that are on this machine, unpacked if they lie in a zip; None where the store made
    of the card's
    files is to be opened, or they are to be downloaded."""
    card, hub = found.card, found.card.hub
    if found.folder is not None:
        folders = [found.folder]
    elif hub is not None and not (data_root or os.environ.get("BENCHMARK_DATA_ROOT")):
        return None
    else:
        folders = _root_folders(card, table, data_root)
    try:
        return local.find_files(table, folders)
    except MissingData as error:
        if hub is None:
            raise
        if archives := [folder / hub.file for folder in folders if (folder / hub.file).is_file()]:
            return _unpacked(card, hub, archives[0], verified=verified)
        if found.folder is not None or _published_store(card, table).exists():
            return None
        raise MissingData(
            f"{error}, put {hub.file} there, or leave the data root out to download it"
        ) from None


def _unpacked(card: Card, hub: Hub, archive: Path, *, verified: bool) -> local.Paths:
    folder = download_folder(hub) / local.md5_sums({"zip": archive}, _md5_memory())["zip"]
    with _locked(folder.parent):
        return _files_in(folder, card) or _remembered(
            download.unpack(archive, download.members(card, verified=verified), folder)
        )


def _downloaded(card: Card, notify: Notify, *, fetch: bool) -> local.Paths:
    assert card.hub is not None
    folder = download_folder(card.hub)
    if not fetch:
        raise MissingData(
            f"{card.id} is not here; `python -m benchmark data prepare {card.id}` downloads it"
        )
    with _locked(folder):
        paths = _files_in(folder / download.FILES, card)
        return paths or _remembered(download.obtain(card, card.hub, folder, notify))


def _files_in(folder: Path, card: Card) -> local.Paths | None:
    paths = {split: folder / member.name for split, member in download.members(card).items()}
    if all(path.is_file() for path in paths.values()):
        return paths
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _remembered(files: Mapping[str, tuple[Path, str]]) -> local.Paths:
    local.remember(dict(files.values()), _md5_memory())
    return {split: path for split, (path, _) in files.items()}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise BenchmarkError(
            f"cannot write in {folder}: {error.strerror or error}; make room or access there, or"
            " name another folder with BENCHMARK_CACHE"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _card_sums(card: Card) -> dict[str, str]:
    return {split: expected.md5 for split, expected in card.expected.items() if expected.md5}


def _md5_memory() -> Path:
    return cache_folder() / "md5.json"


def _key(table: TableSpec, sums: Mapping[str, str]) -> dict[str, object]:
    # without defaults, so that a new field of Table leaves the stores of older cards where they are
    rules = table.model_dump(mode="json", exclude_defaults=True)
    return {"encoding": ENCODING_VERSION, "table": rules, "md5": dict(sums)}


def _published_store(card: Card, table: TableSpec) -> Path:
    """Where the store made of the files that the card describes lies, if there is one."""
    return _store_folder(card, _key(table, _card_sums(card)))


def _store_folder(card: Card, key: Mapping[str, object]) -> Path:
    return cache_folder() / card.id / canonical_sha256(key)[:16]


def _source_names(
    paths: local.Paths, sums: Mapping[str, str], altered: Collection[str]
) -> dict[str, str]:
    """md5 by file name; by split and file name where two files share theirs. No folder of this
    machine is in it."""
    names = {key: path.name.removesuffix(".gz") for key, path in paths.items()}
    distinct = len(set(names.values())) == len(names)
    marked = {key: sums[key] + (UNVERIFIED if key in altered else "") for key in paths}
    return {name if distinct else f"{key}/{name}": marked[key] for key, name in names.items()}


def _root_folders(card: Card, table: TableSpec, data_root: Path | None) -> list[Path]:
    chosen = data_root or os.environ.get("BENCHMARK_DATA_ROOT")
    if not chosen:
        needed = ", ".join(" or ".join(names) for names in table.files.named.values())
        raise MissingData(
            f"{card.id} is not downloaded: it needs {needed} ({card.source}); name their folder"
            " with --data-root or BENCHMARK_DATA_ROOT"
        )
    root = Path(chosen).expanduser()
    if not root.is_dir():
        raise MissingData(f"there is no data folder {root}")
    return [root / card.id, *([root / card.hub.name] if card.hub else []), root]


@cache
def _built_in() -> dict[str, Card]:
    tables = [
        toml.validate(Card, toml.read(path), path.name) for path in sorted(CARDS.glob("*.toml"))
    ]
    cards = {card.id: card for card in (*tables, *synthetic.CARDS)}
    if len(cards) != len(tables) + len(synthetic.CARDS):
        raise ValueError("two built-in cards share an id")
    return cards
