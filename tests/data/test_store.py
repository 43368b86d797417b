import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.card import SPLITS, Oracle
from benchmark.data.schema import Schema
from benchmark.data.store import StoreWriter, open_or_make
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
