"""The encoded data set on disk: memory-mapped arrays and a manifest, published by renaming a
finished folder.

<folder>/manifest.json   <folder>/<split>.{dense,sparse,label[,group]}.npy   <folder>/encoding/
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, Oracle
from benchmark.data.npy import NpyFile, damage
from benchmark.data.schema import Schema, Split
from benchmark.errors import BenchmarkError
from benchmark.utils.files import canonical_sha256, sync_folder
from benchmark.utils.types import Notify

MANIFEST = "manifest.json"
ENCODING = "encoding"
VERSION = 1


@dataclass(frozen=True)
class Fingerprint:
    """What a record keeps of its data; `arrays` is the SHA-256 over the SHA-256 of every array in
    fixed order."""

    sources: dict[str, str]
    rows: dict[str, int]
    positives: dict[str, int]
    dense: tuple[str, ...]
    sparse: tuple[str, ...]
    cardinalities: tuple[int, ...]
    arrays: str


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BenchmarkError(
            f"cannot write the encoded data in {folder}: {error.strerror or error}; "
            "make room or access there, or name another folder with BENCHMARK_CACHE"
        ) from error


class StoreWriter:
    """Appends rows to a hidden partial folder beside `folder`; `publish` makes it the store. Arrays
    are plain writes, never a memory map, so that a full disk is an error and not a signal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = partial_folder(folder)
        self._files: dict[str, NpyFile] = {}
        self._rows = dict.fromkeys(SPLITS, 0)
        self._positives = dict.fromkeys(SPLITS, 0)
        self._id_bounds: dict[str, NDArray[np.int64]] = {}
        self.encoding_folder = self._partial / ENCODING
        with _writing(folder.parent):
            self._partial.mkdir(parents=True)

    def append(
        self,
        split: str,
        dense: NDArray[np.float32],
        sparse: NDArray[np.int32],
        label: NDArray[np.uint8],
        group: NDArray[np.int32] | None = None,
        *,
        final_ids: bool = True,
    ) -> None:
        """Adds rows to a split: dense [n, n_dense], sparse [n, n_sparse], label [n], group [n] or
        None. Ids that are not final are to be exchanged by `replace_ids`.

        Raises ValueError for arrays that do not belong together, BenchmarkError if they cannot be
        written."""
        arrays: dict[str, NDArray[Any]] = {"dense": dense, "sparse": sparse, "label": label}
        if group is not None:
            arrays["group"] = group
        if len({len(array) for array in arrays.values()}) != 1:
            raise ValueError(
                f"row counts differ: { {name: len(array) for name, array in arrays.items()} }"
            )
        if not len(label):
            return
        if label.max() > 1:
            raise ValueError(f"a label is {label.max()}, not 0 or 1")
        if not np.isfinite(dense).all():
            raise ValueError("a dense value is not finite")
        bounds = np.stack([sparse.min(axis=0), sparse.max(axis=0)]).astype(np.int64)
        last = self._id_bounds.get(split, bounds)
        self._id_bounds[split] = np.stack(
            [np.minimum(last[0], bounds[0]), np.maximum(last[1], bounds[1])]
        )
        with _writing(self.folder.parent):
            for name, array in arrays.items():
                key = f"{split}.{name}"
                if key not in self._files:
                    self._files[key] = NpyFile(
                        self._partial / f"{key}.npy", array.dtype, array.shape[1:]
                    )
                self._files[key].append(array, final=final_ids or name != "sparse")
        self._rows[split] += len(label)
        self._positives[split] += int(label.sum(dtype=np.int64))

    def replace_ids(self, final: Sequence[NDArray[np.int32]], pool: ThreadPoolExecutor) -> None:
        """Exchanges every id i of field j that was appended for final[j][i].

        Raises ValueError for an id that has no final one, BenchmarkError if the arrays cannot be
        rewritten."""
        known = np.array([len(ids) for ids in final])
        for split, (least, most) in self._id_bounds.items():
            if (least < 0).any() or (most >= known).any():
                raise ValueError(f"sparse ids of {split} have no final ones")
        low, high = [ids.min() for ids in final], [ids.max() for ids in final]
        with _writing(self.folder.parent):
            for split in self._id_bounds:
                self._files[f"{split}.sparse"].rewrite(partial(_exchange, final), pool)
                self._id_bounds[split] = np.array([low, high], np.int64)

    def publish(
        self, schema: Schema, sources: dict[str, str], oracle: Oracle | None = None
    ) -> None:
        """Completes the arrays, writes the manifest and renames the folder into place.

        Raises BenchmarkError for a split that is empty or has one class, ValueError for arrays that
        contradict the schema."""
        for split in SPLITS:
            self._check(split, schema)
        with _writing(self.folder.parent):
            arrays = {key: self._files[key].finish() for key in _keys(schema)}
            content = {
                "version": VERSION,
                "schema": asdict(schema),
                "sources": sources,
                "rows": self._rows,
                "positives": self._positives,
                "oracle": oracle and oracle.model_dump(),
                "arrays": arrays,
            }
            with (self._partial / MANIFEST).open("x") as file:
                json.dump(content | {"digest": canonical_sha256(content)}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            self._partial.rename(self.folder)
            sync_folder(self.folder.parent)

    def abandon(self) -> None:
        """Closes the files and removes the partial folder."""
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _check(self, split: str, schema: Schema) -> None:
        rows, positives, name = self._rows[split], self._positives[split], self.folder.parent.name
        if not rows:
            raise BenchmarkError(
                f"{name}: the {split} split is empty; every split needs rows of both classes"
            )
        if positives in (0, rows):
            only = int(positives > 0)
            raise BenchmarkError(
                f"{name}: all {rows} labels of the {split} split are {only}; every split needs both"
                " classes"
            )
        low, high = self._id_bounds[split]
        if (
            len(low) != len(schema.sparse)
            or (low < 0).any()
            or (high >= np.array(schema.cardinalities)).any()
        ):
            raise ValueError(f"sparse ids of {split} contradict the schema's cardinalities")
        if self._files[f"{split}.dense"].row_shape != (len(schema.dense),):
            raise ValueError(f"dense columns of {split} contradict the schema")


@dataclass(frozen=True)
class Store:
    """A finished folder: what it holds and where it came from."""

    folder: Path
    schema: Schema
    fingerprint: Fingerprint
    oracle: Oracle | None
    closed: frozenset[str] = frozenset()
    """Splits that are not to be seen."""

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Raises BenchmarkError for a manifest or array that is missing, truncated or altered."""
        manifest = _read_manifest(folder)
        fields = manifest["schema"]
        schema = Schema(
            dense=tuple(fields["dense"]),
            sparse=tuple(fields["sparse"]),
            cardinalities=tuple(fields["cardinalities"]),
            group=fields["group"],
        )
        keys = _keys(schema)
        for key in keys:
            path = folder / f"{key}.npy"
            if why := damage(path, manifest["arrays"][key]):
                raise _damaged(path, why)
        fingerprint = Fingerprint(
            sources=manifest["sources"],
            rows=manifest["rows"],
            positives=manifest["positives"],
            dense=schema.dense,
            sparse=schema.sparse,
            cardinalities=schema.cardinalities,
            arrays=hashlib.sha256(
                "".join(manifest["arrays"][key]["sha256"] for key in keys).encode()
            ).hexdigest(),
        )
        oracle = manifest["oracle"] and Oracle(**manifest["oracle"])
        return cls(folder, schema, fingerprint, oracle)

    @property
    def encoding_folder(self) -> Path:
        """What reads raw rows as these were read, see raw_encoder.py."""
        return self.folder / ENCODING

    def without(self, split: str) -> "Store":
        """The same store with a split closed."""
        return replace(self, closed=self.closed | {split})

    def split(self, name: str) -> Split:
        """The memory-mapped arrays of train, valid or test. Raises BenchmarkError for one that is
        closed."""
        if name in self.closed:
            raise BenchmarkError(f"the {name} split of {self.folder.parent.name} is closed")
        loaded = {
            part: np.load(self.folder / f"{name}.{part}.npy", mmap_mode="r")
            for part in _parts(self.schema)
        }
        return Split(**loaded)


def open_or_make(folder: Path, make: Callable[[StoreWriter], None], notify: Notify) -> Store:
    """Opens the finished `folder`; where there is none, one process makes it and the others wait
    for it and reuse it.

    Raises BenchmarkError if the folder cannot be written or holds a damaged store."""
    if not folder.exists():
        with _locked(folder, notify):
            if not folder.exists():
                shutil.rmtree(
                    partial_folder(folder), ignore_errors=True
                )  # of a run that was killed
                writer = StoreWriter(folder)
                try:
                    make(writer)
                except BaseException:
                    writer.abandon()
                    raise
    return Store.open(folder)


def _exchange(final: Sequence[NDArray[np.int32]], ids: NDArray[np.int32]) -> None:
    """In place, of ids whose bounds are known."""
    for j, column in enumerate(ids.T):
        final[j].take(column, out=column, mode="clip")


def partial_folder(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


@contextmanager
def _locked(folder: Path, notify: Notify) -> Iterator[None]:
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    with _writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            notify(f"another process is making {folder}; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _parts(schema: Schema) -> tuple[str, ...]:
    return (
        ("dense", "sparse", "label")
        if schema.group is None
        else ("dense", "sparse", "label", "group")
    )


def _keys(schema: Schema) -> list[str]:
    return [f"{split}.{part}" for split in SPLITS for part in _parts(schema)]


def _damaged(path: Path, why: str) -> BenchmarkError:
    return BenchmarkError(f"{path} {why}; delete the folder {path.parent}, it will be made again")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        digest = manifest.pop("digest")
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(path, "is not a whole manifest") from None
    if digest != canonical_sha256(manifest):
        raise _damaged(path, "was altered (its digest differs)")
    if manifest["version"] != VERSION:
        raise _damaged(path, f"has version {manifest['version']}, not {VERSION}")
    return manifest
