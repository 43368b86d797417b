"""Rows that cannot be read are named by file and line."""

import gzip

import polars as pl
import pytest

from benchmark.data.readers import inputs
from benchmark.data.readers import text as lines
from benchmark.errors import BenchmarkError
from tests.data.readers.test_rows import PACKED
from tests.data.tables import (
    TRAIN,
    assert_same_arrays,
    encode_files,
    encode_texts,
    make_table,
)

CSV_FAULTS = {
    "y,x,c\n1,1,a\n0,oops,b\n": (
        "train.csv, line 3, column 'x': 'oops', expected a finite float32 number"
    ),
    "y,x,c\n1,1,a\n0,inf,b\n": "line 3, column 'x': 'inf'",
    "y,x,c\n1,1e39,a\n0,0,b\n": "line 2, column 'x': '1e39'",
    "y,x,c\n1,1,a\n0,0,b\n2,0,b\n": "train.csv, line 4, column 'y': '2', expected 0 or 1",
    "y,x,c\n1,1,a\n,0,b\n": "line 3, column 'y': missing, expected 0 or 1",
    "y,x,c\n1,1,a\nyes,0,b\n": "line 3, column 'y': 'yes'",
    f"y,x,c\n1,{'9' * 5000},a\n": r"line 2, column 'x': '9{50}.{0,900}$",
    "y,x,c\n1,1,a\n0,0\n": "train.csv, line 3: 2 fields instead of 3",
    "y,x,c\n1,1,a,4\n0,0,b\n": "train.csv, line 2: 4 fields instead of 3",
    'y,x,c\n1,1,"a,b"\n0,0,"b,c",4\n': "line 3: 4 fields",
    'y,x,c\n1,"a,b"\n0,0,b\n': "line 2: 2 fields",
    "y,x,c\n1,1,a\n\n0,0,b\n": "line 3: 1 field instead of 3",
    "y,x,c\r\n1,1,a\r\n\r\n\r\n0,0,b\r\n": "line 3: 1 field",
    'y,x,c\n"1",1,"a\n\n': "line 2: not valid csv",
    "\n\ny,x,c\n1,1,a\n": "has no column 'y', 'x', 'c'",
    "y,x,c\n1,1,a\ny,x,c\n0,0,b\n": "line 3: it repeats the header; remove the line",
    "y,x,c\n1,1,a\n0,0": (
        "line 3: 2 fields instead of 3; the line is cut off, or a separator in it needs quotes"
    ),
    "y,x,c\n1,1\n0,0,a,b\n": "line 2: 2 fields",
    'y,x,c\n1,1,a\n0,0,"b': "line 3: not valid csv",
    b"y,x,c\n1,1,a\n0,0,caf\xc3": (
        r"line 3: not UTF-8 \(byte 0xc3\): cut off, damaged, or in another encoding: name it"
    ),
    b"y,x,c\n1,1,a\xe2\x82\n0,0,b\n": "line 2: not UTF-8",
    "y,x,c\n1,1,a\n0,0,b\0\n": "line 3: a NUL byte: damaged, or in another encoding",
    "y,x,c\n1,1,a\n0,0,b\rc\n": (
        "line 3: a carriage return within the line; lines end with LF or CRLF"
    ),
    "y,x,c\r1,1,a\r0,0,b\r": "line 1: a carriage return within the line",
    "y,x,c\n1,1,a\n0.5,0,b\n": "line 3, column 'y': '0.5', expected 0 or 1",
    'y,x,c\n1,1,"a\n0,0,b\n': "line 2: not valid csv",
    'y,x,c\n1,1,"a\nb"\n0,0,b\n': "line 2: not valid csv: (a quoted field|unexpected end)",
    'y,x,c\n1,1,"a"b\n0,0,b\n': "line 2: not valid csv",
    b"y,x,c\n1,1,a\n0,0,\xff\n": r"train.csv, line 3: not UTF-8 \(byte 0xff\)",
    b"y,x,\xe9\n1,1,a\n": "train.csv, line 1: not UTF-8",
    "y,x,x,c\n": "train.csv: the header names 'x' more than once",
    "y,x\n1,1\n": "train.csv has no column 'c'; it has: y, x; correct the card or the file",
    "y;x;c\n1;1;a\n": 'it has: y;x;c; say separator = ";" in the card',
    "": "train.csv is empty",
    "\n\n": "train.csv is empty",
    "y,x,c\n": "the train split is empty",
    "y,x,c\n1,1,a\n1,2,b\n": "all 2 labels of the train split are 1",
}


@pytest.mark.parametrize(("text", "message"), CSV_FAULTS.items())
@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_broken_csv_names_file_and_line(tmp_path, monkeypatch, text, message, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text})
    assert not list(tmp_path.glob("*store*[!k]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2:1 10:a\n0 2:x 10:b\n", "line 2, column '2': 'x', expected a finite"),
        ("1 2:1 10:a\n-1 2:1 10:b\n", "line 2, column 'y': '-1', expected 0 or 1"),
        ("1 2:1 10:a\n\n0 10:a\n", "line 2: no label and no pair; remove the line"),
        ("1 2:1 10:a\n \t\n0 10:a\n", "line 2: no label and no pair"),
        ("1 2:1 10:a\n0 7 10:b\n", "line 2: '7' is not index:value"),
        ("1 2:1 10:a\n0 2: 10:b\n", "line 2: '2:' is not index:value"),
        ("1 2:1 10:a\n0 10:b 10:c\n", "line 2: index 10 occurs twice"),
        ("1 2:1 3:a\n0 3:b\n", "has no column '10'; it has: y, 2, 3"),
    ],
)
def test_broken_libsvm_names_file_and_line(tmp_path, text, message):
    other = "0 2:0 10:b\n1 2:2 10:z\n"
    with pytest.raises(BenchmarkError, match="train.csv.*" + message):
        encode_texts(
            tmp_path,
            {"train.csv": text, "valid.csv": other, "test.csv": other},
            format="libsvm",
            dense=("2",),
            sparse=("10",),
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [1.0, float("inf")]}, "row 2, column 'x': inf, expected a finite"),
        ({"y": [1, 2]}, "row 2, column 'y': 2, expected 0 or 1"),
        (
            {"x": [[1.0], [2.0]]},
            r"column 'x' has the type List\(Float64\), which cannot be encoded",
        ),
        ({"c": [b"a", b"b"]}, "column 'c' has the type Binary"),
    ],
)
def test_broken_parquet_names_file_and_row(tmp_path, changes, message):
    good = {"y": [1, 0], "x": [1.0, 2.0], "c": ["a", "b"]}
    for name, columns in (("train", good | changes), ("valid", good), ("test", good)):
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.csv")
    with pytest.raises(BenchmarkError, match=f"train.csv.*{message}"):
        encode_files(tmp_path, make_table(format="parquet"))


@pytest.mark.parametrize("kept", [10, 30, -9, -1])
def test_a_gzipped_file_that_was_cut_off_is_named(tmp_path, kept):
    packed = gzip.compress(TRAIN.encode())
    with pytest.raises(
        BenchmarkError,
        match=r"train\.csv\.gz is no whole gzip file: .*ended before.*fetch it again",
    ):
        encode_texts(tmp_path, {"train.csv.gz": packed[:kept]}, files=PACKED)


@pytest.mark.parametrize("place", [12, -6])
def test_a_gzipped_file_that_was_altered_is_named(tmp_path, place):
    packed = bytearray(gzip.compress(TRAIN.encode()))
    packed[place] ^= 0xFF
    with pytest.raises(
        BenchmarkError, match=r"train\.csv\.gz is no whole gzip file: .*fetch it again"
    ):
        encode_texts(tmp_path, {"train.csv.gz": bytes(packed)}, files=PACKED)


def test_parquet_chunks_leave_no_trace(tmp_path, monkeypatch):
    frame = pl.DataFrame({"y": [1, 0] * 9, "x": range(18), "c": list("abcabcaab") * 2})
    for name in ("train", "valid", "test"):
        frame.write_parquet(tmp_path / f"{name}.csv")
    table = make_table(format="parquet")
    whole = encode_files(tmp_path, table)
    monkeypatch.setattr(inputs, "CHUNK_ROWS", 5)
    assert_same_arrays(whole, encode_files(tmp_path, table))
