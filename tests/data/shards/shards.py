"""Stores made by shards and in one go, and their comparison."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.data import catalog
from benchmark.data.readers import inputs, parquet, text
from benchmark.data.shards.exchange import Shard
from benchmark.data.shards.prepare import open_shard
from benchmark.data.store import MANIFEST, Store
from benchmark.errors import BenchmarkError
from tests.data.tables import ignore

MOST_ROUNDS = 4
"""Of calls that do not wait: each step needs all shards of the step before."""


def small_blocks(patch: pytest.MonkeyPatch) -> None:
    """Cut rows into many blocks of a few rows."""
    patch.setattr(text, "BLOCK_BYTES", 100)
    patch.setattr(parquet, "BATCH_ROWS", 3)
    patch.setattr(inputs, "CHUNK_ROWS", 3)


def in_one_go(card: str, patch: pytest.MonkeyPatch, cache: Path) -> Store:
    patch.setenv("BENCHMARK_CACHE", str(cache))
    return catalog.open_data(card, data_root=None, notify=ignore)[1]


def one_call(card: str, shard: str) -> Store | None:
    """The store after a call that does not wait; None if shards are missing."""
    options = {"data_root": None, "wait": 0, "notify": ignore}
    try:
        return open_shard(card, Shard.parse(shard), **options)[1]
    except BenchmarkError as error:
        if "still waiting for shards" in str(error):
            return None
        raise


def in_shards(
    card: str, patch: pytest.MonkeyPatch, cache: Path, count: int, order: Sequence[int] = ()
) -> Store:
    """The store made by shards that are called in turn, in an order, until it is there."""
    patch.setenv("BENCHMARK_CACHE", str(cache))
    for _ in range(MOST_ROUNDS):
        for number in order or range(1, count + 1):
            if store := one_call(card, f"{number}/{count}"):
                return store
    raise AssertionError("the shards made no store")


def assert_same_store(one: Store, other: Store) -> None:
    """Assert that all files are alike but for times, and that nothing else was left."""
    assert one.fingerprint == other.fingerprint
    contents = [_content(store.folder) for store in (one, other)]
    assert contents[0] == contents[1]
    left = [path.name for path in other.folder.parent.iterdir() if path != other.folder]
    assert all(name.startswith(".") and name.endswith(".lock") for name in left)


def _content(folder: Path) -> dict[str, object]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    content: dict[str, object] = {name: path.read_bytes() for name, path in files.items()}
    manifest = json.loads(files[MANIFEST].read_bytes())
    del manifest["digest"]
    for facts in manifest["arrays"].values():
        del facts["mtime_ns"]
    return content | {MANIFEST: manifest}
