import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.data import npy
from benchmark.data.card import SPLITS, Oracle
from benchmark.data.schema import Schema
from benchmark.data.store import Store, StoreWriter, open_or_make
from benchmark.errors import BenchmarkError
from tests.data.tables import SCHEMA, append_rows, ignore, make_store


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process that runs `code` with the names of this module's helpers in scope."""
    setting = """
        import os, resource, signal, sys, time
        from pathlib import Path
        from benchmark.data.store import open_or_make
        from benchmark.errors import BenchmarkError
        from tests.data.tables import SCHEMA, append_rows, ignore, make_store
    """
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(setting) + textwrap.dedent(code),
            *map(str, arguments),
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def visible_and_hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_rows_come_back_as_memory_maps_in_the_promised_types(tmp_path):
    store = make_store(tmp_path / "s", rows=5)
    train = store.split("train")
    assert all(isinstance(array, np.memmap) for array in (train.dense, train.sparse, train.label))
    assert [array.dtype.str for array in (train.dense, train.sparse, train.label)] == [
        "<f4",
        "<i4",
        "|u1",
    ]
    assert train.dense.tolist() == [[0.0], [0.5], [1.0], [1.5], [2.0]]
    assert train.sparse.tolist() == [[0, 0], [1, 1], [2, 2], [3, 0], [0, 1]]
    assert train.label.tolist() == [0, 1, 0, 1, 0]
    assert train.group is None
    assert store.schema == SCHEMA
    assert visible_and_hidden(tmp_path) == ["s"]


def test_the_fingerprint_counts_and_hashes_the_data(tmp_path):
    fingerprint = make_store(tmp_path / "s", rows=5).fingerprint
    x = np.array([0, 0.5, 1, 1.5, 2], "<f4").tobytes()
    ids = np.array([0, 0, 1, 1, 2, 2, 3, 0, 0, 1], "<i4").tobytes()
    sums = [hashlib.sha256(data).hexdigest() for data in (x, ids, bytes([0, 1, 0, 1, 0]))]
    assert fingerprint.arrays == hashlib.sha256("".join(sums * 3).encode()).hexdigest()
    assert fingerprint.rows == dict.fromkeys(SPLITS, 5)
    assert fingerprint.positives == dict.fromkeys(SPLITS, 2)
    assert fingerprint.cardinalities == (4, 3)
    assert fingerprint.sources == {"made": "1"}


def test_the_size_of_the_appended_pieces_leaves_no_trace(tmp_path):
    whole, pieces = (
        make_store(tmp_path / "a", rows=100),
        make_store(tmp_path / "b", rows=100, chunk=7),
    )
    assert whole.fingerprint == pieces.fingerprint


def test_groups_and_the_oracle_are_kept_and_a_table_may_have_no_dense_column(tmp_path):
    schema = Schema(dense=(), sparse=("c",), cardinalities=(3,), group="u")

    def make(writer: StoreWriter) -> None:
        for split in SPLITS:
            ids, group = np.array([[1], [2]], np.int32), np.array([7, 9], np.int32)
            writer.append(
                split, np.empty((2, 0), np.float32), ids, np.array([0, 1], np.uint8), group
            )
        writer.publish(schema, {}, Oracle(auc=0.8, logloss=0.5))

    store = open_or_make(tmp_path / "s", make, ignore)
    assert store.schema == schema
    assert store.oracle == Oracle(auc=0.8, logloss=0.5)
    assert store.split("test").group.tolist() == [7, 9]
    assert store.split("test").dense.shape == (2, 0)


def test_a_finished_store_is_found_again(tmp_path):
    first_store = make_store(tmp_path / "s")
    assert (
        open_or_make(tmp_path / "s", lambda writer: pytest.fail("made twice"), ignore)
        == first_store
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "the valid split is empty"),
        ([0, 0], "all 2 labels of the valid split are 0"),
        ([1, 1, 1], "all 3 labels of the valid split are 1"),
    ],
)
def test_a_split_without_both_classes_is_refused_before_publishing(tmp_path, labels, message):
    def make(writer: StoreWriter) -> None:
        append_rows(writer, "train", 4)
        append_rows(writer, "test", 4)
        n = len(labels)
        writer.append(
            "valid",
            np.ones((n, 1), np.float32),
            np.ones((n, 2), np.int32),
            np.array(labels, np.uint8),
        )
        writer.publish(SCHEMA, {})

    with pytest.raises(BenchmarkError, match=message):
        open_or_make(tmp_path / "s", make, ignore)
    assert visible_and_hidden(tmp_path) == []


@pytest.mark.parametrize(
    ("dense", "sparse", "label", "message"),
    [
        ([[1.0]], [[1, 3]], [0], "sparse ids of train contradict"),
        ([[1.0]], [[-1, 1]], [0], "sparse ids of train contradict"),
        ([[1.0, 2.0]], [[1, 1]], [0], "train.dense.npy"),
        ([[1.0]], [[1]], [0], "train.sparse.npy"),
        ([[np.nan]], [[1, 1]], [0], "not finite"),
        ([[1.0]], [[1, 1]], [2], "not 0 or 1"),
        ([[1.0], [1.0]], [[1, 1]], [1], "row counts differ"),
    ],
)
def test_arrays_that_contradict_the_schema_or_each_other_are_refused(
    tmp_path, dense, sparse, label, message
):
    def make(writer: StoreWriter) -> None:
        for split in SPLITS:
            append_rows(writer, split, 4)
        writer.append(
            "train",
            np.array(dense, np.float32),
            np.array(sparse, np.int32),
            np.array(label, np.uint8),
        )
        writer.publish(SCHEMA, {})

    with pytest.raises(ValueError, match=message):
        open_or_make(tmp_path / "s", make, ignore)
    assert visible_and_hidden(tmp_path) == []


@pytest.mark.parametrize(
    "failure", [BenchmarkError("broken row"), KeyboardInterrupt(), MemoryError()]
)
def test_whatever_ends_the_making_leaves_no_folder_and_the_next_run_works(tmp_path, failure):
    def make(writer: StoreWriter) -> None:
        append_rows(writer, "train", 4)
        raise failure

    with pytest.raises(type(failure)):
        open_or_make(tmp_path / "s", make, ignore)
    assert visible_and_hidden(tmp_path) == []
    assert make_store(tmp_path / "s").fingerprint.rows["train"] == 10


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
