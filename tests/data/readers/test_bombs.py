"""Small files that stand for far too much: one line, soon, and no memory to speak of."""

import gzip

import polars as pl
import pytest

from benchmark.data.card import TableSpec
from benchmark.data.readers import content, csv, inputs, libsvm, rows
from benchmark.errors import BenchmarkError

COLUMNS = {"label": "y", "dense": ("x",), "sparse": ("c",)}
FILES = {"train": ("a",), "valid": ("b",), "test": ("c",)}


def read(path, form: str = "csv", **table: object) -> int:
    table = TableSpec(format=form, files=FILES, **COLUMNS, **table)
    part = inputs.of_file(path, table)
    rows.require_columns([part], table, table.columns)
    return sum(block.frame().height for block in rows.blocks([part], table, table.columns))


def test_a_gzip_file_that_grows_too_much(tmp_path, monkeypatch):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"y,x,c\n" + b"1,2,a\n" * 200_000))
    assert read(path) == 200_000
    monkeypatch.setattr(content, "SMALL_BYTES", 1 << 20)
    with pytest.raises(BenchmarkError, match=r"a.csv.gz: it unpacks to more than 200 times its si"):
        read(path)
    path.write_bytes(gzip.compress(b"y,x,c\n" + b"1,2,a\n" * 200_000, compresslevel=0))
    assert read(path) == 200_000


def test_a_parquet_file_with_too_many_rows_for_its_size(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    same = {"y": [0, 1], "x": [1.0, 1.0], "c": ["a", "a"]}
    pl.DataFrame({name: values * 100_000 for name, values in same.items()}).write_parquet(path)
    assert read(path, "parquet") == 200_000
    monkeypatch.setattr(content, "SMALL_BYTES", 1 << 20)
    with pytest.raises(BenchmarkError, match=r"a.parquet: it unpacks to more than 200 times"):
        read(path, "parquet")


def test_a_panic_of_polars_is_one_line(tmp_path):
    def broken(*_: object) -> None:
        raise pl.exceptions.PanicException("called `unwrap()` on `None`\nmore")

    table = TableSpec(format="parquet", files=FILES, **COLUMNS)
    for schema, frames in ((broken, broken), (lambda: {}, broken)):
        part = inputs.of_frames(schema, frames, "a.parquet", table)
        with pytest.raises(BenchmarkError, match=r"^a.parquet cannot be read.* on `None`$"):
            part.columns()
            list(part.read(["y"]))


def test_many_columns(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    names = ",".join(f"u{i}" for i in range(7))
    path.write_text(f"{names},y,x,c\n" + "5,5,5,5,5,5,5,1,2,a\n5,5,5,5,5,5,5,0,2,b\n")
    monkeypatch.setattr(csv, "MOST_FIELDS", 10)
    for wide in (10, 9):
        monkeypatch.setattr(csv, "_WIDE", wide)
        assert read(path) == 2
    path.write_text(f"{path.read_text()}5,5,5,5,5,5,5,1,2,a,5\n5,5,5,5,5,5,5,1,2\n")
    with pytest.raises(BenchmarkError, match="line 4: 11 fields instead of 10"):
        read(path)
    monkeypatch.setattr(csv, "MOST_FIELDS", 9)
    with pytest.raises(BenchmarkError, match=r"a.csv, line 1: 10 columns; at most 9$"):
        read(path)
    monkeypatch.setattr(libsvm, "MOST_FIELDS", 2)
    path.write_text("1 1:1 2:1\n0 1:1 2:1 3:1\n")
    table = TableSpec(format="libsvm", files=FILES, label="label", sparse=("1",))
    with pytest.raises(BenchmarkError, match="line 2: 3 pairs; at most 2"):
        inputs.of_file(path, table).columns()


@pytest.mark.parametrize(
    ("form", "table", "text"),
    [
        ("csv", {}, "y,x,c\n1,{},a\n"),
        ("csv", {}, "y,x,c\n{},1,a\n"),
        ("libsvm", {"label": "label", "dense": (), "sparse": ("1",)}, "1 {}\n"),
        ("libsvm", {"label": "label", "dense": (), "sparse": ("1",)}, "1 1:2 1:{}\n"),
    ],
)
def test_a_long_value_is_quoted_in_short(tmp_path, monkeypatch, form, table, text):
    path = tmp_path / "a.txt"
    path.write_text(text.format("z" * 100_000))
    spec = TableSpec(format=form, files=FILES, **COLUMNS | table)
    part = inputs.of_file(path, spec)
    with pytest.raises(BenchmarkError, match=r"line \d") as error:
        for block in rows.blocks([part], spec, spec.columns):
            block.frame()
    assert len(str(error.value)) < 600


def test_utf_16_without_a_mark_names_the_key(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"y,x,c\n1,2,a\n")
    with pytest.raises(BenchmarkError, match=r"BOM; correct the key `encoding` of the card"):
        read(path, encoding="utf-16")
