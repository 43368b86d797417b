import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from benchmark.data import catalog
from benchmark.data.card import SplitRule, TableSpec
from benchmark.errors import BenchmarkError
from tests.data.tables import (
    THREE_FILES,
    assert_same_arrays,
    encode_files,
    ignore,
    write_files,
)

DENSE = [f"I{i}" for i in range(1, 14)]
CATEGORIES = [f"C{i}" for i in range(1, 27)]
AVAZU_HEADER = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,device_ip,"
    "device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)
AVAZU = AVAZU_HEADER.split(",")


def table_of(name: str) -> TableSpec:
    table = catalog.find_card(name).card.table
    assert table is not None
    return table


def in_three_files(name: str) -> TableSpec:
    """The built-in table with its rows in train.csv, valid.csv and test.csv."""
    return table_of(name).model_copy(update={"files": THREE_FILES, "split": None})


def criteo_rows(*rows: tuple[int, str, str, str, str]) -> str:
    """Lines of train.txt from label, I1, I2, C1 and C2; all else is blank."""
    return "".join(
        "\t".join([str(y), i1, i2, *[""] * 11, c1, c2, *[""] * 24]) + "\n"
        for y, i1, i2, c1, c2 in rows
    )


def avazu_rows(*rows: tuple[int, str, str, str]) -> str:
    """train.csv from click, hour, C1 and device_ip; the id counts and all else is 0."""
    lines = [AVAZU]
    for number, (click, hour, c1, ip) in enumerate(rows):
        given = {"id": str(number), "click": str(click), "hour": hour, "C1": c1, "device_ip": ip}
        lines.append([given.get(name, "0") for name in AVAZU])
    return "".join(",".join(line) + "\n" for line in lines)


def test_criteo_rows_by_hand(tmp_path):
    train = criteo_rows(
        (1, "0", "-1", "68fd1e64", "b"),
        (0, "1", "", "68fd1e64", "a"),
        (1, "", "2", "05db9164", "a"),
        (0, "3", "-3", "05db9164", "b"),
        (1, "1382", "0", "", "rare"),
        (0, "7", "0", "", ""),
    )
    test = criteo_rows((0, "2", "-2", "05db9164", "new"), (1, "", "", "68fd1e6", "a"))
    write_files(tmp_path, {"train.csv": train, "valid.csv": test, "test.csv": test})
    store = encode_files(tmp_path, in_three_files("criteo_kaggle"))
    assert store.schema.dense == tuple(DENSE)
    assert store.schema.sparse == tuple(CATEGORIES)
    # C1: 05db9164 before 68fd1e64, a tie; C2: a before b, a tie, and `rare` occurs once; all others
    # are missing
    assert store.schema.cardinalities == (4, 4, *[2] * 24)
    assert store.split("train").sparse[:, :2].tolist() == [
        [2, 2],
        [2, 1],
        [1, 1],
        [1, 2],
        [3, 3],
        [3, 3],
    ]
    assert store.split("test").sparse[:, :2].tolist() == [[1, 3], [3, 1]]
    assert (store.split("train").sparse[:, 2:] == 1).all()
    log = math.log
    expected = [
        [0, -log(2)],
        [log(2), 0],
        [0, log(3)],
        [log(4), -log(4)],
        [log(1383), 0],
        [log(8), 0],
    ]
    np.testing.assert_allclose(store.split("train").dense[:, :2], expected, rtol=1e-7)
    np.testing.assert_allclose(
        store.split("test").dense[:, :2], [[log(3), -log(3)], [0, 0]], rtol=1e-7
    )
    assert not store.split("train").dense[:, 2:].any()


def test_avazu_rows_by_hand(tmp_path):
    train = avazu_rows(
        (1, "14102100", "1005", "a"),  # Tuesday
        (0, "14102123", "1005", "b"),
        (1, "14102500", "1002", "c"),  # Saturday
        (0, "14102500", "1005", "a"),
        (1, "14102600", "1002", "d"),  # Sunday
        (0, "14102723", "1001", "e"),  # Monday
    )
    test = avazu_rows((0, "14102600", "1001", "a"), (1, "14102722", "1005", "b"))
    write_files(tmp_path, {"train.csv": train, "valid.csv": test, "test.csv": test})
    store = encode_files(tmp_path, in_three_files("avazu_kaggle"))
    assert store.schema.dense == ()
    assert store.schema.sparse == ("hour", "weekday", "weekend", *AVAZU[3:])
    fields = [
        store.schema.sparse.index(name)
        for name in ("hour", "weekday", "weekend", "C1", "device_ip")
    ]
    # hour 00 x 4, 23 x 2; weekday 2 and 6 x 2, 0 and 1 once; weekend 0 and 1 x 3; C1 1005 x 3, 1002
    # x 2; ip a x 2
    assert [store.schema.cardinalities[j] for j in fields] == [4, 4, 4, 4, 3]
    assert {store.schema.cardinalities[j] for j in range(24) if j not in fields} == {3}
    assert store.split("train").sparse[:, fields].tolist() == [
        [1, 1, 1, 1, 1],
        [2, 1, 1, 1, 2],
        [1, 2, 2, 2, 2],
        [1, 2, 2, 1, 1],
        [1, 3, 2, 2, 2],
        [2, 3, 1, 3, 2],
    ]
    assert store.split("test").sparse[:, fields].tolist() == [[1, 3, 2, 3, 1], [3, 3, 1, 1, 2]]


@pytest.mark.parametrize("name", ["criteo_kaggle", "avazu_kaggle"])
def test_the_cards_state_their_split_and_terms(name):
    card = catalog.find_card(name).card
    assert card.table.split == SplitRule(method="stratified", parts=(8, 1, 1), seed=2018)
    assert card.table.min_count == 2
    assert card.embedding_dim == 16
    assert card.title.endswith("split by this suite")
    assert card.caveat.startswith("this suite's own split")
    assert (
        card.terms
        == {"criteo_kaggle": "CC BY-NC-SA 4.0", "avazu_kaggle": "the Kaggle competition's rules"}[
            name
        ]
    )


CRITEO_FILE = criteo_rows(*[(i % 2, str(i), "", "ab"[i % 2], str(i % 3)) for i in range(40)])
AVAZU_FILE = avazu_rows(*[(i % 2, f"141021{i % 5:02}", "1005", str(i % 3)) for i in range(40)])


@pytest.mark.parametrize(
    ("name", "text", "plain", "packed"),
    [
        ("criteo_kaggle", CRITEO_FILE, "train.txt", "criteo_kaggle/train.txt.gz"),
        ("avazu_kaggle", AVAZU_FILE, "avazu_kaggle/train.csv", "train.csv.gz"),
        ("avazu_kaggle", AVAZU_FILE, "train.csv", "avazu_kaggle/train.gz"),
    ],
)
def test_a_packed_file_in_either_folder_equals_the_plain_one(
    tmp_path, monkeypatch, name, text, plain, packed
):
    stores = []
    for root, path, content in (
        ("a", plain, text.encode()),
        ("b", packed, gzip.compress(text.encode())),
    ):
        (tmp_path / root / path).parent.mkdir(parents=True)
        (tmp_path / root / path).write_bytes(content)
        monkeypatch.setenv("BENCHMARK_DATA_ROOT", str(tmp_path / root))
        monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / root / "cache"))
        stores.append(catalog.open_data(name, data_root=None, notify=ignore)[1])
        assert list(stores[-1].fingerprint.sources) == [Path(path).name.removesuffix(".gz")]
    assert stores[0].fingerprint.rows == {"train": 32, "valid": 4, "test": 4}
    assert stores[0].fingerprint.positives == {"train": 16, "valid": 2, "test": 2}
    assert_same_arrays(*stores)


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        (
            "criteo_kaggle",
            "train.txt",
            CRITEO_FILE + "0\t1\n",
            r"train\.txt, line 41: 2 fields instead of 40",
        ),
        ("criteo_kaggle", "train.txt", AVAZU_FILE, r"train\.txt, line 1: 1 field instead of 40"),
        (
            "avazu_kaggle",
            "train.csv",
            AVAZU_FILE + "9" + ",1" * 23 + "\n",
            "line 42, column 'hour': '1', expected a time",
        ),
        (
            "avazu_kaggle",
            "train.gz",
            gzip.compress(AVAZU_FILE.encode())[:-20],
            r"train\.gz is no whole gzip file: .*; fetch",
        ),
        (
            "avazu_kaggle",
            "other.csv",
            "",
            r"no file .*/avazu_kaggle/train\.csv; put it there, packed as \.gz if you like",
        ),
    ],
)
def test_a_broken_or_missing_file_is_one_clear_error(
    tmp_path, monkeypatch, name, file, content, message
):
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BenchmarkError, match=message):
        catalog.open_data(name, data_root=tmp_path, notify=ignore)
