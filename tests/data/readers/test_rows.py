import gzip

import polars as pl
import pytest

from benchmark.data.card import Files
from benchmark.data.readers import rows
from benchmark.data.readers import text as lines
from benchmark.errors import BenchmarkError
from tests.data.tables import (
    OTHER,
    TRAIN,
    assert_same_arrays,
    encode_files,
    encode_texts,
    make_table,
    write_files,
)

PACKED = Files(train="train.csv.gz", valid="valid.csv", test="test.csv")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + TRAIN.replace("\n", "\r\n").encode(),
        TRAIN.rstrip("\n"),
        TRAIN + "\n\r\n\n",
        '"y","x","c"\n"1","1.5","a"\n"0","","b"\n"1","-3","a"\n',
        'y,x,c\r\n1,1.5,"a"\r\n0,"",b\r\n"1",-3,a\r\n',
        "c,y,more,x\na,1,7,1.5\nb,0,,\na,1,8,-3.0\n",
        'y,x,c,note\n1,1.5,a,"one, two"\n0,,b,"say ""x"""\n1,-3,a,\n',
        "y,x,c\n1.0,+1.5,a\n0,nan,b\n1,-3e0,a\n",
    ],
    ids=[
        "BOM-CRLF",
        "no-last-newline",
        "empty-lines",
        "quoted",
        "quoted-CRLF",
        "columns",
        "quoted-commas",
        "numbers",
    ],
)
def test_ways_to_write_the_same_table(tmp_path, text):
    plain = encode_texts(tmp_path / "plain", {})
    assert_same_arrays(plain, encode_texts(tmp_path / "other", {"train.csv": text}))


def test_categories_are_the_text_of_the_file(tmp_path):
    store = encode_texts(tmp_path, {"train.csv": "y,x,c\n1,1,7\n0,1,007\n0,1,7.0\n0,1,7\n0,1, 7\n"})
    assert store.split("train").sparse[:, 0].tolist() == [1, 3, 4, 1, 2]


def test_each_file_may_order_its_columns_and_have_more(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {"valid.csv": "c,note,x,y\nb,?,0,0\nz,,2,1\n"}
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts))


def test_numbers_may_have_blanks_around_them(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    assert_same_arrays(
        plain,
        encode_texts(tmp_path / "other", {"train.csv": "y,x,c\n 1,\t1.5 ,a\n0 ,  ,b\n1,-3 ,a\n"}),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TRAIN + "1,1," + "a" * 90 + "\n",
            "train.csv: a line is longer than 0 MiB; is this a text file",
        ),
        (
            "y,x,c\n1,1,a\n" + "\n" * 90 + "0,0,b\n",
            "train.csv, line 3: more than 0 MiB of empty lines",
        ),
    ],
)
def test_lines_without_end_are_refused_before_they_fill_the_memory(
    tmp_path, monkeypatch, text, message
):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 8)
    monkeypatch.setattr(lines, "LINE_BYTES", 60)
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text})


def test_a_header_of_many_columns_is_shortened_in_the_message(tmp_path):
    with pytest.raises(
        BenchmarkError, match=r"has no column 'c'; it has: .* \.\.\.; correct"
    ) as refused:
        encode_texts(
            tmp_path,
            {"train.csv": ",".join(["y", "x", *(f"column {i}" for i in range(10_000))]) + "\n"},
        )
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_files_without_a_header_take_the_names_from_the_card(tmp_path, monkeypatch, mark, block):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {
        name: mark + text.split("\n", 1)[1].encode()
        for name, text in (("train.csv", TRAIN), ("valid.csv", OTHER))
    }
    texts["test.csv"] = texts["valid.csv"]
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, header=("y", "x", "c")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRAIN, "train.csv, line 1, column 'y': 'y', expected 0 or 1"),
        ("1,1,a\n0,1,b\n1,1\n", "train.csv, line 3: 2 fields instead of 3"),
        ("1,1,a,\n0,1,b\n", "train.csv, line 1: 4 fields instead of 3"),
        ("1,1\n0,1,b,c\n", "train.csv, line 1: 2 fields instead of 3"),
        ("1,1,a\n0,1,b\n1,oops,a\n", "train.csv, line 3, column 'x': 'oops'"),
    ],
)
def test_broken_files_without_a_header_name_file_and_line(tmp_path, text, message):
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": text}, header=("y", "x", "c"))


@pytest.mark.parametrize("separator", ["\t", ";", "|", " "])
def test_other_separators(tmp_path, separator):
    plain = encode_texts(tmp_path / "plain", {})
    texts = {
        name: text.replace(",", separator)
        for name, text in (("train.csv", TRAIN), ("valid.csv", OTHER))
    }
    texts["test.csv"] = texts["valid.csv"]
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, separator=separator))


def test_a_gzipped_file_is_read_as_it_is(tmp_path):
    plain = encode_texts(tmp_path / "plain", {})
    packed = encode_texts(
        tmp_path / "other", {"train.csv.gz": gzip.compress(TRAIN.encode())}, files=PACKED
    )
    assert_same_arrays(plain, packed)


def test_parquet_holds_numbers_as_numbers_and_categories_of_any_type(tmp_path):
    plain = encode_texts(
        tmp_path / "csv",
        {
            "train.csv": "y,x,c,d\n1,1.5,7,true\n0,,,false\n1,-3,12,true\n",
            "valid.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n",
        }
        | {"test.csv": "y,x,c,d\n0,0,12,\n1,2,5,true\n"},
        sparse=("c", "d"),
    )
    folder = tmp_path / "parquet"
    folder.mkdir()
    train = pl.DataFrame(
        {
            "d": [True, False, True],
            "c": [7, None, 12],
            "y": [1, 0, 1],
            "x": [1.5, float("nan"), -3.0],
        }
    )
    other = pl.DataFrame(
        {
            "x": [0, 2],
            "y": [False, True],
            "c": ["12", "5"],
            "d": [None, "true"],
            "unused": [[1], [2]],
        }
    )
    for split, frame in (("train", train), ("valid", other), ("test", other)):
        frame.write_parquet(folder / f"{split}.parquet")
    files = Files(train="train.parquet", valid="valid.parquet", test="test.parquet")
    store = encode_files(folder, make_table(format="parquet", files=files, sparse=("c", "d")))
    assert_same_arrays(plain, store)


def test_libsvm_names_columns_by_index(tmp_path):
    plain = encode_texts(tmp_path / "csv", {})
    texts = {
        "train.csv": "1 2:1.5 10:a # first\n0 10:b 3:9\n1\t10:a  2:-3\n",
        "valid.csv": "0 2:0 10:b\n1 2:2 10:z\n",
        "test.csv": "0 2:0 10:b\n1 2:2 10:z\n",
    }
    store = encode_texts(tmp_path / "svm", texts, format="libsvm", dense=("2",), sparse=("10",))
    assert_same_arrays(plain, store)


CSV_FAULTS = {
    "y,x,c\n1,1,a\n0,oops,b\n": (
        "train.csv, line 3, column 'x': 'oops', expected a finite float32 number"
    ),
    "y,x,c\n1,1,a\n0,inf,b\n": "line 3, column 'x': 'inf'",
    "y,x,c\n1,1e39,a\n0,0,b\n": "line 2, column 'x': '1e39'",
    "y,x,c\n1,1,a\n0,0,b\n2,0,b\n": "train.csv, line 4, column 'y': '2', expected 0 or 1",
    "y,x,c\n1,1,a\n,0,b\n": "line 3, column 'y': missing, expected 0 or 1",
    "y,x,c\n1,1,a\nyes,0,b\n": "line 3, column 'y': 'yes'",
    "y,x,c\n1,1,a\n0,0\n": "train.csv, line 3: 2 fields instead of 3",
    "y,x,c\n1,1,a,4\n0,0,b\n": "train.csv, line 2: 4 fields instead of 3",
    'y,x,c\n1,1,"a,b"\n0,0,"b,c",4\n': "line 3: 4 fields",
    'y,x,c\n1,"a,b"\n0,0,b\n': "line 2: 2 fields",
    "y,x,c\n1,1,a\n\n0,0,b\n": "line 3: 1 fields",
    "y,x,c\r\n1,1,a\r\n\r\n\r\n0,0,b\r\n": "line 3: 1 fields",
    "y,x,c\n1,1,a\n0,0": (
        "line 3: 2 fields instead of 3; the line is cut off, or a separator in it needs quotes"
    ),
    "y,x,c\n1,1\n0,0,a,b\n": "line 2: 2 fields",
    'y,x,c\n1,1,a\n0,0,"b': "line 3: not valid csv",
    b"y,x,c\n1,1,a\n0,0,caf\xc3": (
        r"line 3: not UTF-8 \(byte 0xc3\): cut off, damaged or in another encoding"
    ),
    b"y,x,c\n1,1,a\xe2\x82\n0,0,b\n": "line 2: not UTF-8",
    "y,x,c\n1,1,a\n0,0,b\0\n": "line 3: a NUL byte: damaged or in another encoding",
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
    "y;x;c\n1;1;a\n": "no column 'y', 'x', 'c'; it has: y;x;c",
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
        ("1 2:1 10:a\n\n0 10:a\n", "line 2, column 'y': missing"),
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


def test_a_file_that_is_no_parquet_or_no_gzip_is_named(tmp_path):
    write_files(tmp_path, {"train.csv.gz": "y,x,c\n"})
    with pytest.raises(BenchmarkError, match=r"train\.csv is no readable parquet file"):
        encode_files(tmp_path, make_table(format="parquet"))
    with pytest.raises(
        BenchmarkError,
        match=r"train\.csv\.gz is no whole gzip file: Not a gzipped file.*fetch it again",
    ):
        encode_files(tmp_path, make_table(files=PACKED))


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
    monkeypatch.setattr(rows, "CHUNK_ROWS", 5)
    assert_same_arrays(whole, encode_files(tmp_path, table))
