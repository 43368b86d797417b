"""What is kept of the data sets on this machine: the encoded stores and the downloaded files."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from benchmark.data import catalog
from benchmark.data.card import Card
from benchmark.data.encoding.raw_encoder import RawEncoder
from benchmark.data.sources import download, local
from benchmark.data.store import MANIFEST, Store
from benchmark.errors import BenchmarkError

_BLOCK_ROWS = 1 << 18


def store_folders(card: Card) -> list[Path]:
    """The finished encoded stores of a data set."""
    return sorted(
        path.parent for path in (catalog.cache_folder() / card.id).glob(f"[!.]*/{MANIFEST}")
    )


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def check(card: Card, folder: Path) -> Iterator[str]:
    """The faults of a store, everything computed anew: the SHA-256 of every array, the rows,
    positives and ids, and what the card expects of them. Raises BenchmarkError where the manifest
    itself is damaged."""
    store = Store.open(folder)
    facts = json.loads((folder / MANIFEST).read_bytes())["arrays"]
    for split in store.fingerprint.rows:
        arrays = store.split(split)
        for part in ("dense", "sparse", "label", "group"):
            array = getattr(arrays, part)
            if array is not None and _sha256(array) != facts[f"{split}.{part}"]["sha256"]:
                yield f"{folder}: {split}.{part}.npy was altered (its SHA-256 differs)"
        if (len(arrays), arrays.positives) != (
            store.fingerprint.rows[split],
            store.fingerprint.positives[split],
        ):
            yield f"{folder}: the rows or positives of {split} are not those of the manifest"
        limits = np.array(store.schema.cardinalities)
        for block in _blocks(arrays.sparse):
            if (block < 0).any() or (block >= limits).any():
                yield f"{folder}: an id of {split} lies outside its vocabulary"
                break
    try:
        RawEncoder(store.encoding_folder)
    except BenchmarkError as error:
        yield str(error)
    try:
        catalog.check_expected(card, store.fingerprint)
    except BenchmarkError as error:
        yield str(error)
    if difference := catalog.published_difference(card, store.fingerprint):
        yield difference


def check_sources(
    found: catalog.FoundCard, data_root: Path | None
) -> Iterator[tuple[Path, str, str]]:
    """(file, md5 computed anew, md5 that the card states) of the files in `data_root`, else of
    those beside the card or downloaded."""
    card = found.card
    if card.table is None:
        return
    folder = data_root or found.folder
    folders = [folder / card.id, folder] if folder else []
    if card.hub is not None:
        folders.append(catalog.download_folder(card.hub) / download.FILES)
    for split, expected in card.expected.items():
        names = card.table.files.named.get(split, ())
        present = [
            folder / name for folder in folders for name in names if (folder / name).is_file()
        ]
        if present and expected.md5:
            yield present[0], local.md5(present[0]), expected.md5


def remove(card: Card) -> int:
    """Deletes the encoded stores and the downloaded files of a data set and returns their bytes;
    data sets of the same repository on the hub share the latter. Raises BenchmarkError while
    another process makes them."""
    folders = [
        catalog.cache_folder() / card.id,
        *([catalog.download_folder(card.hub)] if card.hub else []),
    ]
    present = [folder for folder in folders if folder.is_dir()]
    freed = sum(size(folder) for folder in present)
    for folder in present:
        locks = [FileLock(path) for path in sorted(folder.glob(".*lock"))]
        try:
            for lock in locks:
                lock.acquire(timeout=0)
            shutil.rmtree(folder)
        except Timeout:
            raise BenchmarkError(
                f"another process is making {folder}; nothing of it is removed"
            ) from None
        except OSError as error:
            raise BenchmarkError(f"{folder} cannot be removed: {error.strerror or error}") from None
        finally:
            for lock in locks:
                lock.release()
    return freed


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(array), _BLOCK_ROWS):
        yield array[first : first + _BLOCK_ROWS]


def _sha256(array: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for block in _blocks(array):
        digest.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
