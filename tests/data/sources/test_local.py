import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data.card import SplitRule
from benchmark.data.encoding.splits import assign
from benchmark.data.readers import text
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError
from tests.data.tables import (
    THREE_FILES,
    TRAIN,
    assert_same_arrays,
    encode_files,
    encode_texts,
    make_table,
    write_files,
)

LOG = np.log1p(np.float64([1.5, 0, 3])) * [1, 1, -1]


def test_rows_of_csv_files_by_hand(tmp_path):
    store = encode_texts(tmp_path, {})
    train, test = store.split("train"), store.split("test")
    assert train.label.tolist() == [1, 0, 1]
    assert train.sparse.tolist() == [[1], [2], [1]]
    np.testing.assert_array_equal(train.dense[:, 0], LOG.astype(np.float32))
    assert test.label.tolist() == [0, 1]
    assert test.sparse.tolist() == [[2], [3]]
    assert store.schema.cardinalities == (4,)


@pytest.mark.parametrize(
    ("name", "fault"), [("x" * 300, "cannot be read"), ("~x/y", "no home folder")]
)
def test_a_path_that_the_system_refuses_is_one_message(tmp_path, name, fault):
    with pytest.raises(BenchmarkError, match=fault):
        local.find_files(make_table(files=THREE_FILES | {"train": (name,)}), [tmp_path])


def test_missing_files_are_named(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "valid.csv").mkdir()
    message = f"there is no file {tmp_path}/valid.csv and no file {tmp_path}/test.csv"
    with pytest.raises(BenchmarkError, match=message):
        local.find_files(make_table(), [tmp_path / "elsewhere", tmp_path])


ROWS = st.lists(
    st.tuples(
        st.sampled_from("01"),
        st.sampled_from(["", "0.5", "-2", "7"]),
        st.sampled_from(["", "a", "bb", "c"]),
    ),
    min_size=1,
    max_size=30,
)


def text_of(rows) -> str:
    return "y,x,c\n1,0,a\n0,1,b\n" + "".join(",".join(row) + "\n" for row in rows)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, other=ROWS, block=st.integers(1, 300))
def test_blocks_and_test_rows_leave_no_trace_in_train(
    tmp_path_factory, monkeypatch, rows, other, block
):
    folder = tmp_path_factory.mktemp("table")
    whole = encode_texts(folder, {"train.csv": text_of(rows)}, dense_rule="log")
    with monkeypatch.context() as patch:
        patch.setattr(text, "BLOCK_BYTES", block)
        pieces = encode_files(folder, make_table())
    assert_same_arrays(whole, pieces)
    changed = encode_texts(folder, {"train.csv": text_of(rows), "test.csv": text_of(other)})
    assert_same_arrays(whole, changed, ("train", "valid"))
    assert changed.schema == whole.schema


@pytest.mark.parametrize("order", itertools.permutations("yxcd"))
def test_the_order_of_columns_in_the_file_is_irrelevant(tmp_path, order):
    table = pl.DataFrame(
        {"y": [1, 0, 1], "x": [1.5, None, -3], "c": ["a", "b", "a"], "d": ["u", "v", "w"]}
    )
    for name in ("train", "valid", "test"):
        table.select(order).write_csv(tmp_path / f"{name}.csv")
    train = encode_files(tmp_path, make_table(sparse=("c", "d"))).split("train")
    assert train.sparse.tolist() == [[1, 1], [2, 2], [1, 3]]
    np.testing.assert_array_equal(train.dense[:, 0], LOG.astype(np.float32))


def test_groups_are_numbered_over_all_splits(tmp_path):
    texts = {
        "train.csv": "y,x,c,u\n1,1,a,ann\n0,1,b,bob\n",
        "valid.csv": "y,x,c,u\n1,1,a,bob\n0,1,b,cid\n",
    }
    texts["test.csv"] = "y,x,c,u\n1,1,a,dan\n0,1,b,cid\n"
    store = encode_texts(tmp_path, texts, group="u")
    assert [store.split(split).group.tolist() for split in ("train", "valid", "test")] == [
        [0, 1],
        [1, 2],
        [3, 2],
    ]
    assert store.schema.group == "u"
    assert store.schema.sparse == ("c",)


def test_stratified_split_keeps_the_classes_ratio():
    labels = np.array([1] * 20 + [0] * 80, np.uint8)
    assigned = assign(labels, SplitRule(parts=(8, 1, 1), seed=3))
    assert np.bincount(assigned).tolist() == [80, 10, 10]
    assert np.bincount(assigned[labels == 1]).tolist() == [16, 2, 2]


def test_random_and_ordered_splits():
    labels = np.arange(10, dtype=np.uint8) % 2
    assert (
        assign(labels, SplitRule(method="ordered", parts=(3, 1, 1))).tolist()
        == [0] * 6 + [1] * 2 + [2] * 2
    )
    one, same, other = (assign(labels, SplitRule(method="random", seed=seed)) for seed in (1, 1, 2))
    assert np.bincount(one).tolist() == [8, 1, 1]
    assert one.tolist() == same.tolist() != other.tolist()


def test_seeded_splits_are_those_of_every_version():
    labels = np.array([0, 1] * 6, np.uint8)
    assert assign(labels, SplitRule(parts=(1, 1, 1), seed=0)).tolist() == [
        0,
        1,
        2,
        2,
        2,
        1,
        1,
        0,
        0,
        0,
        1,
        2,
    ]
    assert assign(labels, SplitRule(method="random", parts=(1, 1, 1), seed=0)).tolist() == [
        0,
        2,
        2,
        0,
        1,
        2,
        1,
        0,
        1,
        2,
        0,
        1,
    ]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 1), max_size=60), st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 5)
)
def test_every_row_goes_to_one_split_of_about_its_share(labels, parts, seed):
    for method in ("stratified", "random", "ordered"):
        assigned = assign(
            np.array(labels, np.uint8), SplitRule(method=method, parts=parts, seed=seed)
        )
        shares = np.bincount(assigned, minlength=3)[:3] - len(labels) * np.array(parts) / sum(parts)
        assert np.abs(shares).max() <= 2


def test_one_file_with_a_rule_equals_three_files_cut_by_hand(tmp_path, monkeypatch):
    rows = [f"{i % 2},{i},{'ab'[i % 3 == 0]}\n" for i in range(40)]
    rule = SplitRule(seed=7)
    assigned = assign(np.arange(40, dtype=np.uint8) % 2, rule)
    cut = {
        f"{split}.csv": (
            "y,x,c\n"
            + "".join(row for row, part in zip(rows, assigned, strict=True) if part == code)
        )
        for code, split in enumerate(("train", "valid", "test"))
    }
    three = encode_texts(tmp_path / "three", cut)
    monkeypatch.setattr(text, "BLOCK_BYTES", 50)
    one = encode_texts(
        tmp_path / "one",
        {"all.csv": "y,x,c\n" + "".join(rows)},
        files={"all": ("all.csv",)},
        split=rule,
    )
    assert_same_arrays(three, one)
    assert one.schema == three.schema


def test_md5_is_computed_once_for_an_unchanged_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SMALL_BYTES", 3)
    write_files(tmp_path, {"train.csv": "abc", "valid.csv": "abd"})
    paths = local.by_label(local.find_files(make_table(), [tmp_path]))
    memory = tmp_path / "cache" / "md5.json"
    sums = local.md5_sums(paths, memory)
    assert sums["train"] == "900150983cd24fb0d6963f7d28e17f72"
    read: list[Path] = []
    compute = local.md5
    monkeypatch.setattr(local, "md5", lambda path: read.append(path) or compute(path))
    assert local.md5_sums(paths, memory) == sums
    assert read == []
    before = paths["train"].stat().st_mtime_ns
    paths["train"].write_text("abd")
    os.utime(paths["train"], ns=(before, before))
    assert local.md5_sums(paths, memory) == sums | {"train": sums["valid"]}
    assert read == [paths["train"]]
    monkeypatch.setattr(local, "SMALL_BYTES", 4)
    assert local.md5_sums(paths, memory) == sums | {"train": sums["valid"]}
    assert len(read) == 3
    memory.write_text("{broken")
    assert local.md5_sums(paths, memory)["train"] == sums["valid"]


def test_hash_seeds_and_threads_leave_no_trace(tmp_path):
    rows = "".join(f"{i % 2},{i * 0.1},{'abcdefgh'[i * i % 7]}\n" for i in range(3000))
    write_files(tmp_path, {"train.csv": "y,x,c\n" + rows})
    code = (
        "import sys; from pathlib import Path; from tests.data.tables import encode_files,"
        " make_table\nfrom benchmark.data.readers import text; text.BLOCK_BYTES ="
        " 500\nprint(encode_files(Path(sys.argv[1]),"
        " make_table(dense_rule='standard')).fingerprint)"
    )
    outputs = set()
    for k in (1, 2):
        environment = os.environ | {"PYTHONHASHSEED": str(k), "POLARS_MAX_THREADS": str(k)}
        command = [sys.executable, "-c", code, str(tmp_path)]
        root = Path(__file__).parents[3]
        outputs.add(
            subprocess.run(
                command, cwd=root, env=environment, check=True, capture_output=True
            ).stdout
        )
    assert len(outputs) == 1
    assert b"arrays=" in outputs.pop()
