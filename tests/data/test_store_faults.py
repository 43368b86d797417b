"""Stores that are damaged, cannot be written, or are made by two processes."""

import json
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.data import npy
from benchmark.data.card import SPLITS
from benchmark.data.store import Store, open_or_make
from benchmark.errors import BenchmarkError
from tests.data.tables import SCHEMA, append_rows, ignore, make_store
from tests.data.test_store import start, visible_and_hidden


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def reshape(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"(10, 2)", b"(20, 1)"))


def rename_column(path: Path) -> None:
    path.write_text(path.read_text().replace('"d"', '"e"'))


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("train.dense.npy", truncate, "has 167 bytes, not 168"),
        ("test.sparse.npy", flip_byte, "altered"),
        ("valid.sparse.npy", reshape, r"holds <i4 \[20, 1\], not <i4 \[10, 2\]"),
        ("valid.label.npy", Path.unlink, "is missing"),
        ("train.label.npy", lambda path: path.write_bytes(b"x" * 138), "cannot be read"),
        ("manifest.json", Path.unlink, "cannot be read"),
        ("manifest.json", truncate, "is not a whole manifest"),
        ("manifest.json", lambda path: path.write_text("[]"), "is not a whole manifest"),
        ("manifest.json", rename_column, "was altered"),
    ],
)
def test_a_damaged_store_names_the_file_and_the_folder_to_delete(tmp_path, name, harm, message):
    folder = make_store(tmp_path / "s").folder
    harm(folder / name)
    with pytest.raises(BenchmarkError, match=message) as caught:
        make_store(tmp_path / "s")
    assert str(folder / name) in str(caught.value)
    assert f"delete the folder {folder}" in str(caught.value)
    shutil.rmtree(folder)
    assert make_store(tmp_path / "s").folder == folder


def test_a_copied_store_is_hashed_once_and_then_taken_as_unchanged(tmp_path):
    store = make_store(tmp_path / "s")
    copy = tmp_path / "copy"
    shutil.copytree(store.folder, copy, copy_function=shutil.copy)
    expected = json.loads((copy / "manifest.json").read_text())["arrays"]["train.dense"]["mtime_ns"]
    assert (copy / "train.dense.npy").stat().st_mtime_ns != expected
    assert Store.open(copy).fingerprint == store.fingerprint
    assert (copy / "train.dense.npy").stat().st_mtime_ns == expected


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        BenchmarkError,
        match=r"cannot write the encoded data in .*: (File exists|Not a directory); .*CACHE",
    ):
        make_store(tmp_path / "file" / "s")


def test_a_full_disk_leaves_nothing_and_says_where(tmp_path):
    process = start(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            make_store(Path(sys.argv[1]), rows=100_000)
        except BenchmarkError as error:
            print(error)
        """,
        tmp_path / "s",
    )
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert output.startswith(
        f"cannot write the encoded data in {tmp_path}: File too large; make room"
    )
    assert visible_and_hidden(tmp_path) == []


def test_a_killed_run_is_cleaned_up_by_the_next(tmp_path):
    process = start(
        """
        def make(writer):
            append_rows(writer, "train", 1000)
            os.kill(os.getpid(), signal.SIGKILL)
        open_or_make(Path(sys.argv[1]), make, ignore)
        """,
        tmp_path / "s",
    )
    process.communicate(timeout=600)
    assert process.returncode == -signal.SIGKILL
    assert visible_and_hidden(tmp_path) == [".s.partial"]
    assert make_store(tmp_path / "s").fingerprint.rows["train"] == 10
    assert visible_and_hidden(tmp_path) == ["s"]


def test_of_two_processes_one_works_and_the_other_waits_and_reuses(tmp_path):
    first = start(
        """
        def make(writer):
            print("making", flush=True)
            while not Path(sys.argv[2]).exists():
                time.sleep(0.01)
            for split in ("train", "valid", "test"):
                append_rows(writer, split, 10)
            writer.publish(SCHEMA, {})
        open_or_make(Path(sys.argv[1]), make, print)
        """,
        tmp_path / "s",
        tmp_path / "go",
    )
    assert first.stdout.readline() == "making\n"
    second = start(
        """
        def make(writer):
            print("making")
        store = open_or_make(Path(sys.argv[1]), make, lambda text: print(text, flush=True))
        print(store.fingerprint.rows["train"])
        """,
        tmp_path / "s",
    )
    assert (
        second.stdout.readline() == f"another process is making {tmp_path / 's'}; waiting for it\n"
    )
    time.sleep(0.1)
    assert second.poll() is None
    (tmp_path / "go").touch()
    assert first.communicate(timeout=600) == ("", "")
    assert second.communicate(timeout=600) == ("10\n", "")


def test_ids_are_replaced_chunk_by_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(npy, "_CHUNK_BYTES", 24)  # three rows of two ids

    def make(writer):
        for split in SPLITS:
            append_rows(writer, split, 10, chunk=4)
        with ThreadPoolExecutor(2) as pool:
            writer.replace_ids(
                [np.array([3, 1, 2, 0], np.int32), np.array([2, 2, 1], np.int32)], pool
            )
        writer.publish(SCHEMA, {})

    store = open_or_make(tmp_path / "store", make, ignore)
    assert store.split("train").sparse.tolist() == [
        [[3, 1, 2, 0][i % 4], [2, 2, 1][i % 3]] for i in range(10)
    ]
    assert store.split("train").dense[:, 0].tolist() == [i / 2 for i in range(10)]
    os.utime(tmp_path / "store" / "train.sparse.npy")
    assert Store.open(tmp_path / "store").fingerprint == store.fingerprint


@pytest.mark.parametrize("short", [0, 1])
def test_ids_without_a_final_one_are_refused(tmp_path, short):
    final = [np.array([3, 1, 2, 0], np.int32), np.array([2, 2, 1], np.int32)]
    final[short] = final[short][:-1]

    def make(writer):
        for split in SPLITS:
            append_rows(writer, split, 10, chunk=4)
        with ThreadPoolExecutor(2) as pool:
            writer.replace_ids(final, pool)

    with pytest.raises(ValueError, match="sparse ids of train have no final ones"):
        open_or_make(tmp_path / "store", make, ignore)
