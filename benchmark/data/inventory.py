"""Encoded stores and downloaded files on this machine: their sizes, checks and removal."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmark.data import catalog
from benchmark.data.card import Card
from benchmark.data.encoding.table import RawEncoder
from benchmark.data.npy import data_sha256
from benchmark.data.sources import download, local
from benchmark.data.store import MANIFEST, Store
from benchmark.errors import BenchmarkError
from benchmark.utils.files import locked


def store_folders(card: Card) -> list[Path]:
    """The complete stores of a data set."""
    manifests = (catalog.cache_folder() / card.id).glob(f"[!.]*/{MANIFEST}")
    return sorted(path.parent for path in manifests)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
    for examine in (encoding, partial(catalog.check_expected, card, store.fingerprint)):
        try:
            examine()
        except BenchmarkError as error:
            yield str(error)
    yield from catalog.differences(card, store.fingerprint)


def check_sources(
    found: catalog.FoundCard, data_root: Path | None
) -> Iterator[tuple[Path, str, str]]:
    """Yield (file, md5 computed anew, md5 of the card) for the files in `data_root`, else for those
    beside the card or downloaded."""
    card = found.card
    if card.table is None:
        return
    root = data_root or found.folder
    folders = [root / card.id, root] if root else []
    if card.hub is not None:
        folders.append(catalog.download_folder(card.hub) / download.FILES)
    for split, expected in card.expected.items():
        names = card.table.files.get(split, ())
        places = [folder / name for folder in folders for name in names]
        paths = [path for place in places for path in local.parts_of(place)]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None and expected.md5:
            yield path, local.md5(path), expected.md5


def remove(card: Card) -> int:
    """Delete the stores and downloaded files of a data set and return their number of bytes.

    Data sets of one repository on the hub share the downloads. Raises BenchmarkError while another
    process makes them."""
    folders = [catalog.cache_folder() / card.id]
    if card.hub is not None:
        folders.append(catalog.download_folder(card.hub))
    freed = 0
    for folder in filter(Path.is_dir, folders):
        freed += size(folder)
        try:
            with ExitStack() as locks:
                for path in sorted(folder.glob(".*lock")):
                    locks.enter_context(locked(path, partial(_refuse, folder)))
                shutil.rmtree(folder)
        except OSError as error:
            raise BenchmarkError(f"{folder} cannot be removed: {error.strerror or error}") from None
    return freed


def _refuse(folder: Path) -> None:
    raise BenchmarkError(f"another process is making {folder}; nothing of it is removed")
