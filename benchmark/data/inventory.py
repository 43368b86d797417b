"""Encoded stores and downloaded files on this machine: their sizes, checks and removal."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.data import catalog, expectations
from benchmark.data.card import Card
from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.npy import data_sha256
from benchmark.data.sources import download, local
from benchmark.data.store import MANIFEST, Store
from benchmark.errors import BenchmarkError
from benchmark.utils.files import locked
from benchmark.utils.held import alone


@dataclass(frozen=True)
class Holdings:
    """What of a data set is on this machine: its complete stores, its files by key (an absent one
    has the path where it belongs), the zip of its files, and the folders that were searched."""

    stores: list[Path]
    files: local.Found
    archive: Path | None
    folders: list[Path]

    @property
    def present(self) -> list[Path]:
        """The files that are here."""
        return [path for parts in self.files.values() for path in parts if path.is_file()]

    @property
    def words(self) -> str:
        """What is here, e.g. `prepared`, `files`, `2 of 3 files` or `zip`; empty for nothing."""
        wanted, present = sum(map(len, self.files.values())), len(self.present)
        if self.stores:
            return "prepared"
        if not present:
            return "zip" if self.archive else ""
        return "files" if present == wanted else f"{present} of {wanted} files"

    @property
    def bytes(self) -> int:
        """The size of the stores, else of the files, else of the zip."""
        archive = [self.archive] if self.archive else []
        return sum(map(size, self.stores or self.present or archive))


def holdings(found: catalog.FoundCard, data_root: Path | None) -> Holdings:
    """Look for a data set where `catalog.open_data` does: beside a user's own card, else in
    `data_root` or BENCHMARK_DATA_ROOT, and among the downloads. Raises MissingData for a data root
    that does not exist."""
    card, table = found.card, found.card.table
    downloads = [catalog.download_folder(card.archive) / download.FILES] if card.archive else []
    folders = [*catalog.data_folders(found, data_root), *downloads]
    files = local.look_for(table, folders) if table and folders else {}
    archives = [folder / card.archive.file for folder in folders] if card.archive else []
    archive = next((path for path in archives if path.is_file()), None)
    return Holdings(store_folders(card), files, archive, folders)


def store_folders(card: Card) -> list[Path]:
    """The complete stores of a data set."""
    manifests = (catalog.cache_folder() / card.id).glob(f"[!.]*/{MANIFEST}")
    return sorted(path.parent for path in manifests)


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())


def check(card: Card, folder: Path) -> Iterator[str]:
    """Yield the faults of a store: the SHA-256 of every array, computed anew, the encoding of raw
    rows, and the card's expectations. Arrays of the right SHA-256 have the ids, rows and positives
    that were checked when they were written."""
    try:
        store = Store.open(folder)
    except BenchmarkError as error:
        yield str(error)
        return
    for key, facts in json.loads((folder / MANIFEST).read_bytes())["arrays"].items():
        if data_sha256(folder / f"{key}.npy") != facts["sha256"]:
            yield f"{folder}: {key}.npy was altered (its SHA-256 differs)"
    encoding = partial(RawEncoder, store.encoding_folder)
    for examine in (encoding, partial(expectations.check, card, store.fingerprint)):
        try:
            examine()
        except BenchmarkError as error:
            yield str(error)
    yield from expectations.differences(card, store.fingerprint)


def check_sources(
    found: catalog.FoundCard, data_root: Path | None
) -> Iterator[tuple[Path, str, str]]:
    """Yield (file, md5 computed anew, md5 of the card) for the files on this machine. Raises
    MissingData for a data root that does not exist."""
    files = holdings(found, data_root).files
    for split, expected in found.card.expected.items():
        path, *_ = files.get(split) or [None]
        if path is not None and path.is_file() and expected.md5:
            yield path, local.md5(path), expected.md5


def remove(card: Card) -> int:
    """Delete the stores and downloaded files of a data set and return their number of bytes.

    Data sets of one repository on the hub share the downloads. Raises BenchmarkError while another
    process makes or reads them; nothing is deleted then."""
    folders = [catalog.cache_folder() / card.id]
    if card.archive is not None:
        folders.append(catalog.download_folder(card.archive))
    freed = 0
    with ExitStack() as locks:
        for store in store_folders(card):
            locks.enter_context(alone(store))
        for folder in filter(Path.is_dir, folders):
            freed += size(folder)
            try:
                for path in sorted(folder.glob(".*lock")):
                    locks.enter_context(locked(path, partial(_refuse, folder)))
                shutil.rmtree(folder)
            except OSError as error:
                why = error.strerror or error
                raise BenchmarkError(f"{folder} cannot be removed: {why}") from None
    return freed


def _refuse(folder: Path) -> None:
    raise BenchmarkError(f"another process is making {folder}; nothing of it is removed")
