"""Data sets by name: the built-in cards, a user's own card, and the encoded store of either."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NoReturn

import platformdirs

from benchmark import registry
from benchmark.data import expectations
from benchmark.data.card import Card, TableSpec
from benchmark.data.encoding import table as table_encoding
from benchmark.data.encoding.encode import ENCODING_VERSION
from benchmark.data.encoding.table import Raw
from benchmark.data.readers.inputs import Inputs, of_file
from benchmark.data.readers.joins import read_sides
from benchmark.data.repository import Hub
from benchmark.data.sources import download, local, registered, synthetic
from benchmark.data.sources import hub as remote
from benchmark.data.store import Store, StoreWriter, cache_errors, open_or_make
from benchmark.errors import BenchmarkError, MissingData, UsageError
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256, locked
from benchmark.utils.paths import expanded
from benchmark.utils.types import Notify

CARDS = Path(__file__).with_name("cards")
MD5_MEMORY = "md5.json"


@dataclass(frozen=True)
class FoundCard:
    """A card, its file, and whether it is one of the built-in ones."""

    card: Card
    path: Path
    built_in: bool

    @property
    def folder(self) -> Path | None:
        """The folder of the data files; a built-in card has none."""
        return None if self.built_in else self.path.parent


@cache
def _built_in() -> dict[str, FoundCard]:
    cards = {}
    for path in sorted(CARDS.glob("*.toml")):
        card = toml.validate(Card, toml.read(path), path.name)
        cards[path.stem] = FoundCard(card, path, built_in=True)
    return cards


def card_names() -> list[str]:
    """The ids of the built-in cards."""
    return sorted(_built_in())


def find_card(name_or_path: str) -> FoundCard:
    """Find a built-in card by id, or read a user's own by the path of its TOML file. Raises
    UsageError for an unknown id and for a malformed card, naming file, key and allowed keys."""
    if name_or_path in _built_in():
        return _built_in()[name_or_path]
    path = expanded(name_or_path)
    if path.suffix != ".toml" and not path.is_file():
        raise registry.unknown("data set", name_or_path, _built_in())
    card = toml.validate(Card, toml.read(path), str(path))
    if card.table is None:
        raise UsageError(f"{path}: key 'table' is missing")
    if card.id in _built_in():
        raise UsageError(f"{path}: id: '{card.id}' is a built-in data set; choose another id")
    return FoundCard(card, path, built_in=False)


def cache_folder() -> Path:
    """The folder of encoded stores: BENCHMARK_CACHE, else the user's cache folder. Raises
    BenchmarkError where the user has no home folder."""
    if chosen := os.environ.get("BENCHMARK_CACHE"):
        return expanded(chosen)
    try:
        return platformdirs.user_cache_path("ctr-benchmark")
    except RuntimeError:
        fault = "the user has no home folder for encoded data"
        raise BenchmarkError(f"{fault}; name a folder with BENCHMARK_CACHE") from None


def download_folder(hub: Hub) -> Path:
    """The folder of files of a repository on the hub, shared by its cards."""
    return cache_folder() / ".downloads" / hub.repo.replace("/", "--")


def open_data(
    name_or_path: str, *, data_root: Path | None, notify: Notify, fetch: bool = True
) -> tuple[FoundCard, Store]:
    """Open the store of a data set, encoding the data if that was not done before.

    `data_root` (else BENCHMARK_DATA_ROOT) holds the files of built-in cards, in a folder named by
    the id or directly. Without it, the hub's files of a card are downloaded if `fetch` is true.
    Raises UsageError for a wrong name or card, MissingData for missing files, BenchmarkError for
    files that contradict the card. Example::

        found, store = open_data("synthetic_tiny", data_root=None, notify=print)
        found.card.title               # "Planted clicks of Criteo's shape, 56,000 rows, ..."
        len(store.split("train"))      # 40000
    """
    found = find_card(name_or_path)
    card, table = found.card, found.card.table
    if table is None:
        folder = _store_folder(card, {"generator": card.generator})
        store = open_or_make(folder, lambda writer: synthetic.write(card, writer, notify), notify)
    else:
        plan = plan_of(found, table, data_root, notify, fetch)
        store = open_or_make(plan.folder, partial(plan.encode, notify), notify)
    return found, as_expected(card, store, notify)


def as_expected(card: Card, store: Store, notify: Notify) -> Store:
    """The store, after warnings about it. Raises BenchmarkError if it contradicts the card."""
    expectations.check(card, store.fingerprint)
    differences = expectations.differences(card, store.fingerprint)
    for warning in (*differences, *store.fingerprint.warnings):
        notify(f"warning: {warning}")
    return store


def raw_inputs(found: FoundCard, table: TableSpec, data_root: Path | None) -> Inputs:
    """The rows of a card's table before they are encoded. Raises what `open_data` does; a zip on
    the hub is not downloaded."""
    card = found.card
    if card.streamed is not None:
        return remote.HubTable.find(card, card.streamed, table, cache_folder()).inputs()
    here = _local_files(found, table, data_root) or _downloaded(card, lambda _: None, fetch=False)
    return _inputs(table, here)


@dataclass(frozen=True)
class Plan:
    """The folder of the store of a table, and what is encoded into it."""

    folder: Path
    table: TableSpec
    raw: Callable[[], Raw]

    def encode(self, notify: Notify, writer: StoreWriter) -> None:
        table_encoding.write(self.table, self.raw(), writer, notify)


def plan_of(
    found: FoundCard, table: TableSpec, data_root: Path | None, notify: Notify, fetch: bool
) -> Plan:
    """Find what the store of a table is made of, or the store itself; see `open_data`."""
    card = found.card
    folder = _table_store(card, table, _card_sums(card))
    if card.streamed is not None:
        return Plan(folder, table, partial(_streamed, card, table, notify, fetch))

    def of_files() -> Plan:
        here = _local_files(found, table, data_root) or _downloaded(card, notify, fetch=fetch)
        return _files_plan(card, table, here, notify)

    if card.archive is not None and folder.exists():
        return Plan(folder, table, lambda: of_files().raw())
    return of_files()


def _files_plan(card: Card, table: TableSpec, found: local.Found, notify: Notify) -> Plan:
    paths = local.by_label(found)
    sums, expected = local.md5_sums(paths, cache_folder() / MD5_MEMORY), _card_sums(card)
    if several := [split for split in expected if split in found and split not in sums]:
        fault = f"{several[0]} is several files, but the card of {card.id} expects one md5"
        raise BenchmarkError(f"{fault}; leave it out")
    for split, md5 in sums.items():
        if md5 != expected.get(split, md5):
            fault = f"md5 {md5}, but the card of {card.id} expects {expected[split]}"
            hint = "fetch the file again, or give these rows a card of their own with another id"
            raise BenchmarkError(f"{paths[split]}: {fault}; {hint}")

    def raw() -> Raw:
        notify(f"encoding {card.id}, once for all runs")
        sides = read_sides(table, found, of_file)
        return Raw(_inputs(table, found), _origin(card, paths, sums), sides)

    return Plan(_table_store(card, table, sums), table, raw)


def _inputs(table: TableSpec, found: local.Found) -> Inputs:
    """The rows of the files, or those that the table's source makes of them."""
    if table.source is not None:
        return registered.inputs(table.source, table, found)
    return {key: [of_file(path, table) for path in found[key]] for key in table.files}


def data_folders(found: FoundCard, data_root: Path | None) -> list[Path]:
    """The folders of files that a person has: beside their own card, else in `data_root` or
    BENCHMARK_DATA_ROOT, if any. Raises MissingData for a data root that does not exist."""
    if found.folder is not None:
        return [found.folder]
    if not (root := data_root or os.environ.get("BENCHMARK_DATA_ROOT")):
        return []
    folder, card = expanded(root), found.card
    if not folder.is_dir():
        raise MissingData(f"there is no data folder {folder}")
    named = (card.id, card.table and card.table.source, card.archive and card.archive.name)
    return [*(folder / name for name in named if name), folder]


def _local_files(found: FoundCard, table: TableSpec, data_root: Path | None) -> local.Found | None:
    """The files on this machine, unpacked from a zip if need be; None to download them."""
    card, hub = found.card, found.card.archive
    folders = data_folders(found, data_root)
    if not folders and hub is not None:
        return None
    if not folders:
        raise MissingData(f"{card.id} is not downloaded: {local.how_to_get(card, Path('data'))}")
    try:
        return local.find_files(table, folders)
    except MissingData as error:
        hint = f"{folders[-1]} was searched too; {local.how_to_get(card, folders[-1])}"
        if hub is None:
            raise MissingData(f"{error}; {hint}" if found.built_in else str(error)) from None
        archives = [folder / hub.file for folder in folders]
        if archive := next((path for path in archives if path.is_file()), None):
            return _unpacked(card, hub, partial(download.unpack, card, archive))
        if found.folder is not None:
            return None
        hint += ", or leave the data root out to download it"
        raise MissingData(f"{error}; {hint}") from None


def _downloaded(card: Card, notify: Notify, *, fetch: bool) -> local.Found:
    assert card.archive is not None
    obtain = partial(download.obtain, card, notify=notify)
    return _unpacked(card, card.archive, obtain if fetch else partial(_not_here, card))


def _streamed(card: Card, table: TableSpec, notify: Notify, fetch: bool) -> Raw:
    assert card.streamed is not None
    if not fetch:
        _not_here(card)
    return remote.rows(card, card.streamed, table, cache_folder(), notify)


def _not_here(card: Card, _: object = None) -> NoReturn:
    hint = f"`python -m benchmark data prepare {card.id}` downloads it"
    raise MissingData(f"{card.id} is not here; {hint}")


def _unpacked(card: Card, hub: Hub, make: Callable[[Path], Mapping[Path, str]]) -> local.Found:
    """The unpacked files of a card, whose folder `make` fills if any is missing."""
    folder = download_folder(hub) / download.FILES
    with cache_errors(f"cannot write in {folder.parent}"), locked(folder.parent / ".lock"):
        paths = {split: folder / name for split, name in download.file_names(card).items()}
        if not all(path.is_file() for path in paths.values()):
            shutil.rmtree(folder, ignore_errors=True)
            local.remember(make(folder), cache_folder() / MD5_MEMORY)
    return {split: (path,) for split, path in paths.items()}


def _card_sums(card: Card) -> dict[str, str]:
    return {split: expected.md5 for split, expected in card.expected.items() if expected.md5}


def _table_store(card: Card, table: TableSpec, sums: Mapping[str, str]) -> Path:
    """The folder of the store of files with these md5, or of a revision on the hub."""
    # without defaults, so that a new field of TableSpec keeps the folders of older cards
    rules = table.model_dump(mode="json", exclude_defaults=True)
    code = {} if table.source is None else {"code": registered.code(table.source)}
    hub = {} if card.streamed is None else {"hub": card.streamed.model_dump()}
    return _store_folder(card, {"table": rules, "md5": dict(sums), **code, **hub})


def _store_folder(card: Card, key: Mapping[str, object]) -> Path:
    digest = canonical_sha256({"encoding": ENCODING_VERSION, **key})
    return cache_folder() / card.id / digest[:16]


def _origin(card: Card, paths: Mapping[str, Path], sums: Mapping[str, str]) -> dict[str, str]:
    """What the fingerprint says of the files: the md5 of each. If a source makes the rows and the
    card pins these, only files that it pins too are named, as copies may differ in the others."""
    if card.arrays is None or card.table is None or card.table.source is None:
        return _source_names(paths, sums)
    pinned = {key: path for key, path in paths.items() if key in _card_sums(card)}
    return {"source": card.table.source} | _source_names(pinned, sums)


def _source_names(paths: Mapping[str, Path], sums: Mapping[str, str]) -> dict[str, str]:
    """md5 by file name, or by split and file name if files share a name; no folder is named."""
    names = {key: path.name.removesuffix(".gz") for key, path in paths.items()}
    distinct = len(set(names.values())) == len(names)
    return {name if distinct else f"{key}/{name}": sums[key] for key, name in names.items()}
