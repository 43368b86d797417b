import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import registry
from benchmark.data.shards.exchange import PartWriter, Shard
from benchmark.data.shards.prepare import open_shard
from benchmark.data.store import StoreWriter
from tests.data.hub import write_stream_card
from tests.data.shards.shards import (
    assert_same_store,
    in_one_go,
    in_shards,
    one_call,
    small_blocks,
)
from tests.data.shards.tables import COLUMNS, FILES, KINDS, table, write_table

TOKENS = st.sampled_from(["", "a", "b", "é", "a long token of many bytes", "another long token"])
ROWS = st.lists(st.tuples(TOKENS, TOKENS, st.integers(0, 3), st.integers(-4, 40)), max_size=10)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=3)
@given(
    parts=st.tuples(ROWS, ROWS, ROWS),
    order=st.integers(1, 5).flatmap(lambda count: st.permutations(range(1, count + 1))),
)
def test_any_number_of_shards_in_any_order_make_the_store_of_one_go(kind, parts, order):
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, frames = Path(name), [table(rows) for rows in parts]

        def sharded(files):
            return {"all": pl.concat(frames).lazy()}

        patch.setattr(registry.sources, "_items", registry.sources._items | {"sharded": sharded})
        small_blocks(patch)
        path = write_table(folder, *KINDS[kind], frames)
        whole = in_one_go(path, patch, folder / "one")
        made = in_shards(path, patch, folder / "several", len(order), order)
        assert_same_store(whole, made)


def test_shards_of_files_on_a_hub(tmp_path, stream_hub, monkeypatch):
    small_blocks(monkeypatch)
    text = table([("a", "b", i, 2 * i) for i in range(9)]).write_csv()
    stream_hub.files = {f"we/Rows/{name}.csv": text.encode() for name in "abc"}
    names = 'train = "a.csv", valid = "b.csv", test = "c.csv"'
    path = str(write_stream_card(tmp_path, names))
    whole = in_one_go(path, monkeypatch, tmp_path / "one")
    assert_same_store(whole, in_shards(path, monkeypatch, tmp_path / "shards", 2))


def test_three_processes_at_once_make_the_store_of_one_go(tmp_path, monkeypatch):
    rows = [("a" * (i % 11), f"token {i % 1000}", i % 3, i % 50) for i in range(70_000)]
    frames = [table(rows), table(rows[:500]), table(rows[500:900])]
    text = f'{FILES}\n{COLUMNS}\nmin_count = 2\ngroup = "c"'
    path = write_table(tmp_path, "parquet", text, frames)
    environment = os.environ | {"BENCHMARK_CACHE": str(tmp_path / "shards")}
    command = [sys.executable, "-m", "benchmark", "data", "prepare", path, "--wait", "1"]
    processes = [
        subprocess.Popen([*command, "--shard", f"{i}/3"], env=environment, stdout=subprocess.PIPE)
        for i in (1, 2, 3)
    ]
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert b"mine is ready: 70,012 / 512 / 412 rows" in out
    whole = in_one_go(path, monkeypatch, tmp_path / "one")
    assert_same_store(whole, in_shards(path, monkeypatch, tmp_path / "shards", 3))


def test_shards_wait_for_each_other_and_two_runs_of_one_do_no_harm(card, tmp_path, monkeypatch):
    told: list[str] = []

    def call(shard: str):
        options = {"data_root": None, "wait": 60, "notify": told.append}
        return open_shard(card, Shard.parse(shard), **options)[1]

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(call, ["1/2", "1/2", "2/2", "2/2"]))
    assert any("waiting for" in line for line in told)
    whole = in_one_go(card, monkeypatch, tmp_path / "one")
    for store in stores:
        assert_same_store(whole, store)


class Killed(BaseException):
    pass


def test_shards_that_are_killed_anywhere_go_on(card, tmp_path, monkeypatch):
    """Calls are killed while they write each file, and before and after the store is there."""
    write, publish, killed = PartWriter._write, StoreWriter.publish, dict[str, Path]()
    lock = Lock()

    def kill_once(point: str, folder: Path) -> None:
        with lock:  # of the threads that write blocks, one is the first
            if point in killed or (tmp_path / "left").exists():
                return
            killed[point] = folder
            shutil.copytree(folder, tmp_path / "left")
        raise Killed

    def write_half(writer: PartWriter, name: str, data: bytes) -> None:
        (writer.folder / name).write_bytes(bytes(data)[: len(data) // 2])
        kill_once(f"{writer.folder} {name}", writer.folder)
        write(writer, name, data)

    def publish_late(writer: StoreWriter, *arguments, **options) -> None:
        kill_once("join", writer.encoding_folder.parent)
        publish(writer, *arguments, **options)
        raise Killed

    monkeypatch.setattr(PartWriter, "_write", write_half)
    monkeypatch.setattr(StoreWriter, "publish", publish_late)
    store, calls = None, cycle(["1/2", "2/2"])
    while store is None:
        try:
            store = one_call(card, next(calls))
        except Killed:
            if (left := tmp_path / "left").exists():  # as a killed process leaves it
                left.rename([*killed.values()][-1])
    assert len(killed) > 40
    monkeypatch.setattr(StoreWriter, "publish", publish)
    assert_same_store(in_one_go(card, monkeypatch, tmp_path / "one"), store)
