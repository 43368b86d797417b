"""Small tables of one label `y`, dense columns and sparse columns, as files and as stores."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmark.data.card import SPLITS, TableSpec
from benchmark.data.encoding import table as table_encoding
from benchmark.data.encoding.table import Raw
from benchmark.data.readers.inputs import of_file
from benchmark.data.schema import Schema
from benchmark.data.sources import local
from benchmark.data.store import Store, StoreWriter, open_or_make

THREE_FILES = {"train": ("train.csv",), "valid": ("valid.csv",), "test": ("test.csv",)}
TRAIN = "y,x,c\n1,1.5,a\n0,,b\n1,-3,a\n"
OTHER = "y,x,c\n0,0,b\n1,2,z\n"
SPLIT_FRAMES = {
    split: pl.read_csv(text.encode()).lazy()
    for split, text in (("train", TRAIN), ("valid", OTHER), ("test", OTHER))
}
"""The rows of the three files, as frames."""


def make_table(**changes: Any) -> TableSpec:
    """The table of `y,x,c` in three csv files, with the fields in `changes` put in its place."""
    fields: dict[str, Any] = {
        "format": "csv",
        "files": THREE_FILES,
        "label": "y",
        "dense": ("x",),
        "sparse": ("c",),
    }
    return TableSpec(**(fields | changes))


def write_files(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Writes {file name: content}; the three files of `THREE_FILES` are there in any case."""
    folder.mkdir(exist_ok=True)
    for name, text in (
        {"train.csv": TRAIN, "valid.csv": OTHER, "test.csv": OTHER} | dict(texts)
    ).items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def ignore(_: str) -> None:
    pass


def encode_files(folder: Path, table: TableSpec) -> Store:
    """The store of the table's files in `folder`, made in a new folder beside them."""
    found = local.find_files(table, [folder])
    inputs = {split: [of_file(path, table) for path in paths] for split, paths in found.items()}
    number = len(list(folder.glob("store*")))
    return open_or_make(
        folder / f"store{number}",
        lambda writer: table_encoding.write(table, Raw(inputs, {}), writer, ignore),
        ignore,
    )


def encode_texts(folder: Path, texts: Mapping[str, str | bytes], **changes: Any) -> Store:
    """The store of these files and of a table with these changes."""
    write_files(folder, texts)
    return encode_files(folder, make_table(**changes))


def real_data(name: str) -> Path:
    """The file or folder `name` of the real rows; skips the test where BENCHMARK_REAL_DATA does not
    hold it."""
    root = os.environ.get("BENCHMARK_REAL_DATA")
    if not root or not (path := Path(root) / name).exists():
        pytest.skip(f"BENCHMARK_REAL_DATA names no folder with {name}")
    return path


def assert_same_arrays(one: Store, other: Store, splits: tuple[str, ...] = SPLITS) -> None:
    for split in splits:
        a, b = one.split(split), other.split(split)
        np.testing.assert_array_equal(a.dense, b.dense, strict=True)
        np.testing.assert_array_equal(a.sparse, b.sparse, strict=True)
        np.testing.assert_array_equal(a.label, b.label, strict=True)


SCHEMA = Schema(dense=("x",), sparse=("c", "d"), cardinalities=(4, 3))


def append_rows(writer: StoreWriter, split: str, rows: int, chunk: int | None = None) -> None:
    """Row i: x = i / 2, c = i % 4, d = i % 3, label = i % 2; appended in chunks."""
    i = np.arange(rows)
    dense = (i / 2).astype(np.float32)[:, None]
    sparse = np.stack([i % 4, i % 3], axis=1).astype(np.int32)
    label = (i % 2).astype(np.uint8)
    for first in range(0, rows, chunk or rows):
        part = slice(first, first + (chunk or rows))
        writer.append(split, dense[part], sparse[part], label[part])


def make_store(folder: Path, rows: int = 10, chunk: int | None = None) -> Store:
    """A store of `SCHEMA` with `rows` rows in every split."""

    def make(writer: StoreWriter) -> None:
        for split in SPLITS:
            append_rows(writer, split, rows, chunk)
        writer.publish(SCHEMA, {"made": "1"})

    return open_or_make(folder, make, ignore)
