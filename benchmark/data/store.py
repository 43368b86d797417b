"""The encoded data set on disk: memory-mapped arrays and a manifest, in a folder that is renamed
into place when it is complete.

<folder>/manifest.json   <folder>/<split>.{dense,sparse,label[,group]}.npy   <folder>/encoding/
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from operator import not_
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from benchmark.data.card import SPLITS, Oracle
from benchmark.data.npy import NpyFacts, NpyFile, damage
from benchmark.data.schema import Schema, Split
from benchmark.errors import BenchmarkError
from benchmark.utils import forms
from benchmark.utils.arrays import Dense, Ids, Integers, Labels
from benchmark.utils.files import canonical_sha256, locked, partial_folder, sync
from benchmark.utils.held import hold
from benchmark.utils.types import Notify

MANIFEST = "manifest.json"
ENCODING = "encoding"
VERSION = 1
ROOM = "make room or access there, or name another folder with BENCHMARK_CACHE"


@dataclass(frozen=True)
class Fingerprint:
    """What a record keeps of its data; `arrays` is the SHA-256 of those of all arrays, joined, and
    `warnings` say what is odd about the rows."""

    sources: dict[str, str]
    rows: dict[str, int]
    positives: dict[str, int]
    dense: tuple[str, ...]
    sparse: tuple[str, ...]
    cardinalities: tuple[int, ...]
    arrays: str
    warnings: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()


@dataclass(frozen=True)
class _Manifest:
    __pydantic_config__ = ConfigDict(extra="forbid")

    version: int
    schema: Schema
    sources: dict[str, str]
    rows: dict[str, int]
    positives: dict[str, int]
    oracle: Oracle | None
    arrays: dict[str, NpyFacts]
    warnings: tuple[str, ...] = ()


@contextmanager
def cache_errors(action: str) -> Iterator[None]:
    """Raise OSErrors as BenchmarkErrors that say which `action` failed and how to make room."""
    try:
        yield
    except OSError as error:
        raise BenchmarkError(f"{action}: {error.strerror or error}; {ROOM}") from error


class StoreWriter:
    """Append rows to a hidden partial folder; `publish` renames it to `folder`. Arrays are written,
    not mapped, so that a full disk raises an error and not a signal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = partial_folder(folder)
        self._files: dict[str, NpyFile] = {}
        self._rows = dict.fromkeys(SPLITS, 0)
        self._positives = dict.fromkeys(SPLITS, 0)
        self._id_bounds: dict[str, Integers] = {}
        self.encoding_folder = self._partial / ENCODING
        with cache_errors(_action(folder)):
            self._partial.mkdir(parents=True)

    def append(
        self,
        split: str,
        dense: Dense,
        sparse: Ids,
        label: Labels,
        group: Ids | None = None,
        *,
        final_ids: bool = True,
    ) -> None:
        """Add rows to a split: dense [n, n_dense], sparse [n, n_sparse], label [n], group [n].

        Ids that are not final must pass `replace_ids`. Raises ValueError for arrays that do not
        match, BenchmarkError if they cannot be written."""
        arrays: dict[str, NDArray[Any]] = {"dense": dense, "sparse": sparse, "label": label}
        if group is not None:
            arrays["group"] = group
        counts = {name: len(array) for name, array in arrays.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f"row counts differ: {counts}")
        if not len(label):
            return
        if label.max() > 1:
            raise ValueError(f"a label is {label.max()}, not 0 or 1")
        if not np.isfinite(dense).all():
            raise ValueError("a dense value is not finite")
        bounds = np.stack([sparse.min(axis=0), sparse.max(axis=0)]).astype(np.int64)
        low, high = self._id_bounds.get(split, bounds)
        self._id_bounds[split] = np.stack([np.minimum(low, bounds[0]), np.maximum(high, bounds[1])])
        with cache_errors(_action(self.folder)):
            for name, array in arrays.items():
                key = f"{split}.{name}"
                if key not in self._files:
                    path = self._partial / f"{key}.npy"
                    self._files[key] = NpyFile(path, array.dtype, array.shape[1:])
                self._files[key].append(array, final=final_ids or name != "sparse")
        self._rows[split] += len(label)
        self._positives[split] += int(label.sum(dtype=np.int64))

    def replace_ids(self, final: Sequence[Ids], pool: ThreadPoolExecutor) -> None:
        """Replace every id i of field j that was appended by final[j][i]. Raises ValueError for an
        id without a final one, BenchmarkError if the arrays cannot be rewritten."""
        sizes = np.array([len(ids) for ids in final])
        for split, (least, most) in self._id_bounds.items():
            if (least < 0).any() or (most >= sizes).any():
                raise ValueError(f"sparse ids of {split} have no final ones")
        bounds = np.array([[ids.min() for ids in final], [ids.max() for ids in final]], np.int64)

        def replace_in_place(ids: Ids) -> None:
            for j, column in enumerate(ids.T):
                final[j].take(column, out=column, mode="clip")  # all are within bounds

        with cache_errors(_action(self.folder)):
            for split in self._id_bounds:
                self._files[f"{split}.sparse"].rewrite(replace_in_place, pool)
                self._id_bounds[split] = bounds

    def publish(
        self,
        schema: Schema,
        sources: dict[str, str],
        oracle: Oracle | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        """Complete the arrays, write the manifest, with warnings about the rows, and rename the
        folder into place.

        Raises BenchmarkError for a split that is empty or has one class, ValueError for arrays that
        contradict the schema."""
        for split in SPLITS:
            self._check(split, schema)
        with cache_errors(_action(self.folder)):
            content = {
                "version": VERSION,
                "schema": asdict(schema),
                "sources": sources,
                "rows": self._rows,
                "positives": self._positives,
                "oracle": oracle and oracle.model_dump(),
                "arrays": {key: asdict(self._files[key].finish()) for key in _keys(schema)},
            }
            if warnings:
                content["warnings"] = list(warnings)
            manifest = content | {"digest": canonical_sha256(content)}
            (self._partial / MANIFEST).write_text(json.dumps(manifest, indent=1))
            sync(self._partial / MANIFEST)
            self._partial.rename(self.folder)
            sync(self.folder.parent)

    def abandon(self) -> None:
        """Close the files and remove the partial folder."""
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _check(self, split: str, schema: Schema) -> None:
        rows, positives, name = self._rows[split], self._positives[split], self.folder.parent.name
        if positives in (0, rows):
            labels = f"all {rows} labels of the {split} split are {int(positives > 0)}"
            fault = labels if rows else f"the {split} split is empty"
            raise BenchmarkError(f"{name}: {fault}; every split needs rows of both classes")
        low, high = self._id_bounds[split]
        same_fields = len(low) == len(schema.sparse)
        if not same_fields or (low < 0).any() or (high >= np.array(schema.cardinalities)).any():
            raise ValueError(f"sparse ids of {split} contradict the schema's cardinalities")
        if self._files[f"{split}.dense"].row_shape != (len(schema.dense),):
            raise ValueError(f"dense columns of {split} contradict the schema")


@dataclass(frozen=True)
class Store:
    """A complete store: its schema, fingerprint and arrays; `closed` splits may not be read.
    Example::

        _, store = open_data("synthetic_tiny", data_root=None, notify=print)
        store.fingerprint.rows             # {"train": 40000, "valid": 8000, "test": 8000}
        store.split("train").sparse        # memory map, int32 [40000, 26]
    """

    folder: Path
    schema: Schema
    fingerprint: Fingerprint
    oracle: Oracle | None
    closed: frozenset[str] = frozenset()

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Open a store, which other processes cannot remove until this one ends. Raises
        BenchmarkError for a manifest or array that is missing, truncated or altered."""
        manifest = _read_manifest(folder)
        hold(folder)
        schema, sums = manifest.schema, ""
        for key in _keys(schema):
            path, facts = folder / f"{key}.npy", manifest.arrays.get(key)
            if facts is None:
                raise _damaged(folder / MANIFEST, f"names no {path.name}")
            if why := damage(path, facts):
                raise _damaged(path, why)
            sums += facts.sha256
        parts = manifest.sources, manifest.rows, manifest.positives
        columns = schema.dense, schema.sparse, schema.cardinalities
        arrays = hashlib.sha256(sums.encode()).hexdigest()
        fingerprint = Fingerprint(*parts, *columns, arrays, manifest.warnings)
        return cls(folder, schema, fingerprint, manifest.oracle)

    @property
    def encoding_folder(self) -> Path:
        return self.folder / ENCODING

    def without(self, split: str) -> "Store":
        return replace(self, closed=self.closed | {split})

    def split(self, name: str) -> Split:
        """The memory-mapped arrays of a split. Raises BenchmarkError if it is closed."""
        if name in self.closed:
            raise BenchmarkError(f"the {name} split of {self.folder.parent.name} is closed")
        paths = {part: self.folder / f"{name}.{part}.npy" for part in _parts(self.schema)}
        return Split(**{part: np.load(path, mmap_mode="r") for part, path in paths.items()})


def open_or_make(folder: Path, make: Callable[[StoreWriter], None], notify: Notify) -> Store:
    """Open the store in `folder`; if it is missing, one process makes it and others wait for it.
    Raises BenchmarkError if the folder cannot be written or holds a damaged store."""
    if not folder.exists():
        lock = folder.with_name(f".{folder.name}.lock")
        waiting = f"another process is making {folder}; waiting for it"
        with cache_errors(_action(folder)), locked(lock, lambda: notify(waiting)):
            if not folder.exists():
                # of a process that was killed
                shutil.rmtree(partial_folder(folder), ignore_errors=True)
                writer = StoreWriter(folder)
                try:
                    make(writer)
                except BaseException:
                    writer.abandon()
                    raise
    return Store.open(folder)


def _action(folder: Path) -> str:
    return f"cannot write the encoded data in {folder.parent}"


def _parts(schema: Schema) -> list[str]:
    return ["dense", "sparse", "label", *(["group"] if schema.group is not None else [])]


def _keys(schema: Schema) -> list[str]:
    return [f"{split}.{part}" for split in SPLITS for part in _parts(schema)]


def _damaged(path: Path, why: str) -> BenchmarkError:
    return BenchmarkError(f"{path} {why}; delete the folder {path.parent}, it will be made again")


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    try:
        content = forms.parse(dict[str, Any], path)
        if content.pop("digest", None) != canonical_sha256(content):
            raise _damaged(path, "was altered (its digest differs)")
        if content.get("version") != VERSION:
            raise _damaged(path, f"has version {content.get('version')}, not {VERSION}")
        return forms.checked(_Manifest, json.dumps(content))
    except forms.Malformed as fault:
        raise _damaged(path, f"is not a whole manifest: {fault}") from None
