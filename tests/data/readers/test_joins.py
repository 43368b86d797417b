"""Columns of side files in the rows of a table."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.readers import text
from benchmark.data.sources import local
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from tests.data.tables import assert_same_arrays, encode_texts, ignore

CARD = """
id = "mine"
title = "My clicks"

[table]
format = "csv"
files = { train = "train.csv", valid = "valid.csv", test = "test.csv" }
label = "y"
dense = ["x"]
sparse = ["c"]

[[table.join]]
file = "users.csv"
on = "u"

[[table.join]]
file = "items.tsv"
on = ["item", "id"]
separator = "\\t"
columns = ["c"]
"""
TEXTS = {
    "train.csv": "y,u,item\n1,7,i\n0,8,j\n1,9,i\n",
    "valid.csv": "y,u,item\n0,4,j\n1,6,k\n",
    "users.csv": "u,x,item_of,y2\n9,-3,q,q\n8,,q,q\n7,1.5,q,q\n6,2,q,q\n4,0,q,q\n,5,q,q\n,5,q,q\n",
    "items.tsv": "x\tid\tc\n0\ti\ta\n0\tj\tb\n0\tk\tz\n",
}
"""Joined, they are the rows of tests.data.tables."""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    for name, content in (TEXTS | {"test.csv": TEXTS["valid.csv"], "card.toml": CARD}).items():
        (tmp_path / name).write_text(content)
    return tmp_path


def open_card(folder: Path, old: str = "", new: str = "") -> Store:
    (folder / "card.toml").write_text(CARD.replace(old, new))
    return catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)[1]


@pytest.mark.parametrize("block", [3, text.BLOCK_BYTES])
def test_the_columns_of_side_files_are_those_of_the_row(folder, monkeypatch, block):
    monkeypatch.setattr(text, "BLOCK_BYTES", block)
    store = open_card(folder)
    assert_same_arrays(encode_texts(folder / "plain", {}), store)
    assert store.fingerprint.sources == {
        path.name: local.md5(path) for path in folder.iterdir() if path.suffix in (".csv", ".tsv")
    }


def test_another_side_file_makes_another_store(folder):
    before = open_card(folder)
    (folder / "users.csv").write_text(TEXTS["users.csv"].replace("1.5", "2.5"))
    after = open_card(folder)
    assert after.folder != before.folder
    assert after.split("train").dense[0] == np.float32(np.log1p(2.5))


def test_a_key_without_a_row_gives_missing_values(folder):
    (folder / "users.csv").write_text("u,x\n7,1.5\n")
    (folder / "items.tsv").write_text("id\tc\nj\tb\n")
    train = open_card(folder).split("train")
    assert train.dense[:, 0].tolist() == [np.float32(np.log1p(1.5)), 0, 0]
    assert train.sparse[:, 0].tolist() == [2, 1, 2]
    assert train.label.tolist() == [1, 0, 1]


def test_side_files_may_be_parquet_packed_parts_or_lack_a_header(folder):
    plain = open_card(folder)
    users = pl.read_csv(folder / "users.csv").filter(pl.col("u").is_not_null())
    (folder / "users").mkdir()
    for at, part in enumerate(users.iter_slices(2)):
        part.write_parquet(folder / "users" / f"part-{at}.parquet")
    (folder / "items.tsv").unlink()
    bare = TEXTS["items.tsv"].split("\n", 1)[1]
    (folder / "items.tsv.gz").write_bytes(gzip.compress(bare.encode()))
    text = CARD.replace('"users.csv"', '"users"\nformat = "parquet"')
    (folder / "card.toml").write_text(text + 'header = ["x", "id", "c"]\n')
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)
    assert_same_arrays(plain, store)


def test_the_key_of_a_join_may_come_from_an_earlier_one(folder):
    plain = open_card(folder)
    (folder / "users.csv").write_text("u,x,thing\n9,-3,i\n8,,j\n7,1.5,i\n6,2,k\n4,0,j\n")
    assert_same_arrays(plain, open_card(folder, '["item", "id"]', '["thing", "id"]'))


def test_raw_rows_are_joined_as_the_training_rows_were(folder):
    store = open_card(folder)
    (folder / "users.csv").unlink()
    (folder / "new.csv").write_text("item,u\ni,7\nj,8\ni,9\nnone,none\n")
    encoder = RawEncoder(store.encoding_folder)
    [(dense, sparse)] = encoder.read(folder / "new.csv", ignore)
    train = store.split("train")
    np.testing.assert_array_equal(dense[:3], train.dense)
    np.testing.assert_array_equal(sparse[:3], train.sparse)
    assert (dense[3].tolist(), sparse[3].tolist()) == ([0], [3])
    (store.encoding_folder / "join1.parquet").write_bytes(b"")
    with pytest.raises(BenchmarkError, match=r"join1\.parquet was altered"):
        RawEncoder(store.encoding_folder)


def test_more_joins_than_two_by_one_key(folder):
    plain, more = open_card(folder), CARD.replace('sparse = ["c"]', 'sparse = ["c", "a", "b"]')
    for name in "ab":
        (folder / f"{name}.csv").write_text(f"u,{name}\n7,{name}7\n8,{name}8\n")
        more += f'[[table.join]]\nfile = "{name}.csv"\non = "u"\n'
    (folder / "card.toml").write_text(more)
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)
    train = store.split("train")
    np.testing.assert_array_equal(train.sparse[:, 0], plain.split("train").sparse[:, 0])
    assert train.sparse[:, 1].tolist() == train.sparse[:, 2].tolist() == [1, 2, 3]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_key_that_is_a_missing_word_has_no_row(folder, form):
    rows = {"y": [1, 0, 1], "u": [7, -1, 9], "item": ["i", "j", "i"]}
    users = pl.DataFrame({"u": [7, -1, 9], "x": [1.5, 5, 2]})
    text = CARD.replace('"csv"', f'"{form}"').replace(".csv", f".{form}")
    text = text.replace('"\\t"', '"\\t"\nformat = "csv"').replace(
        "label", "missing = ['-1']\nlabel"
    )
    for name in ("train", "valid", "test"):
        getattr(pl.DataFrame(rows), f"write_{form}")(folder / f"{name}.{form}")
    getattr(users, f"write_{form}")(folder / f"users.{form}")
    (folder / "card.toml").write_text(text)
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)
    expected = np.log1p(np.array([1.5, 0, 2])).astype(np.float32)
    assert store.split("train").dense[:, 0].tolist() == expected.tolist()


def test_rows_of_libffm_may_all_lack_the_key(folder):
    for name in ("train", "valid", "test"):
        (folder / f"{name}.csv").write_text("1 u:7:1 item:i:1\n0 u:8:1 item:j:1\n")
    text = CARD.replace('"csv"', '"libffm"').replace('on = "u"', 'on = "u"\nseparator = ","')
    (folder / "card.toml").write_text(text)
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)
    (folder / "new.txt").write_text("item:j:1\n")
    [(dense, sparse)] = RawEncoder(store.encoding_folder).read(folder / "new.txt", ignore)
    assert (dense.tolist(), sparse.tolist()) == ([[0]], [[2]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("users.csv", "u,x\n7,1\n8,2\n7,1\n", "users.csv: the key '7' in column 'u' is there more"),
        ("users.csv", "user,x\n7,1\n", "users.csv has no column 'u'; it has: user, x"),
        ("users.csv", "u,age\n7,1\n", "train.csv has no column 'x'; it has: y, u, item, c"),
        ("users.csv", "u,x,item\n7,1,i\n", "train.csv and .*users.csv both have 'item'; leave it"),
        ("users.csv", "u,x,c\n7,1,i\n", "users.csv and .*items.tsv both have 'c'; leave it"),
        ("users.csv", "u,x\n", "users.csv holds no rows"),
        ("users.csv", "u,x\n7,old\n8,1\n9,1\n", "train.csv, line 2, column 'x': 'old'"),
        ("items.tsv", "id\td\ni\ta\n", "items.tsv has no column 'c'; it has: id, d"),
        ("train.csv", "y,item\n1,i\n", "train.csv has no column 'u', the key of .*users.csv; it"),
    ],
)
def test_a_join_that_the_files_do_not_fit_names_file_and_column(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(BenchmarkError, match=message):
        open_card(folder)


def test_a_side_file_that_is_not_there_is_named(folder):
    (folder / "users.csv").unlink()
    with pytest.raises(BenchmarkError, match=f"there is no file {folder}/users.csv; put it"):
        open_card(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('on = "u"', "", "key 'table.join.0.on' is missing"),
        ('"u"', '["u", "v", "w"]', "table.join.0.on: .* at most 2 items"),
        ('"u"', "[]", "table.join.0.on: .* at least 1 item"),
        ('on = "u"', 'on = "u"\ncolumn = ["x"]', "'table.join.0.column'; did you mean 'columns'"),
        ('"\\t"', '""', "table.join.1.separator: the separator is one"),
        ('on = "u"', 'on = "u"\nformat = "libsvm"', "table.join.0.format: .*'csv' or 'parquet'"),
    ],
)
def test_a_wrong_join_in_a_card_is_one_message(folder, old, new, message):
    with pytest.raises(UsageError, match=message):
        open_card(folder, old, new)
