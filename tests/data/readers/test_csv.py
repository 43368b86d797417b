"""Header lines and separators as people write them."""

import time

import polars as pl
import pytest

from benchmark.data.card import Join
from benchmark.data.readers import csv, rows
from benchmark.data.readers import text as lines
from benchmark.data.readers.inputs import of_file
from benchmark.data.readers.joins import read_sides
from benchmark.errors import BenchmarkError
from tests.data.tables import OTHER, TRAIN, assert_same_arrays, encode_texts, make_table


def columns_of(folder, header: str, **changes) -> list[str]:
    (folder / "rows.csv").write_bytes(header.encode())
    return csv.columns(folder / "rows.csv", make_table(**changes))


def read(path, table, columns) -> pl.DataFrame:
    """The rows of a file as `predict` reads them."""
    return pl.concat(block.frame() for block in rows.blocks([of_file(path, table)], table, columns))


@pytest.mark.parametrize(
    "header",
    [" y , x,\tc", '"y", "x"," c "', "y,x,c,,", "y,x,c,note,note", "\ufeffy,x,c", "y,x ,c\r"],
)
def test_ways_to_write_a_header(tmp_path, header):
    plain = encode_texts(tmp_path / "plain", {})
    extra = "," * (header.count(",") - 2)
    written = "\n".join([header, *(row + extra for row in TRAIN.splitlines()[1:])])
    assert_same_arrays(plain, encode_texts(tmp_path / "other", {"train.csv": written}))


def test_a_name_of_the_card_keeps_its_blanks(tmp_path):
    assert columns_of(tmp_path, "y, x ,c\n", dense=(" x ",)) == ["y", " x ", "c"]


@pytest.mark.parametrize("header", ["y,x,x,c", "y,x, x,c", 'y,x,"x",c'])
def test_a_used_name_occurs_once(tmp_path, header):
    with pytest.raises(BenchmarkError, match=r"rows\.csv: the header names 'x' more than once"):
        columns_of(tmp_path, header + "\n")


def test_a_header_of_many_names_takes_no_quadratic_time(tmp_path):
    names = [f"feature_{i}" for i in range(40_000)]
    (tmp_path / "rows.csv").write_text(",".join(["y", *names]) + "\n" + "0," * 40_000 + "0\n")
    began = time.process_time()
    table = make_table(dense=(), sparse=tuple(names))
    path = tmp_path / "rows.csv"
    rows.require_columns([of_file(path, table)], table, table.columns)
    frame = read(path, table, ["y", "feature_39999"])
    assert frame.rows() == [(0, "0")]
    assert time.process_time() - began < 10


HEADERLESS = {"header": ("y", "x", "c")}


@pytest.mark.parametrize(
    "header", ["y,x,c", " y , x,c", '"y","x","c"', "c,y,x", "Y,X,C", "more,c,x,y"]
)
def test_a_header_where_the_card_has_one_is_refused_in_training_files(tmp_path, header):
    message = r"train\.csv, line 1: it repeats the header of the card; leave the line out"
    if header == "Y,X,C":
        message = r"train\.csv has no column 'y', 'x', 'c'; it has: Y, X, C; write 'Y' in the card"
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": header + "\n1,1,a\n0,1,b\n"}, **HEADERLESS)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("y,x,c\n1,2,a\n0,3,b\n", [(2.0, "a"), (3.0, "b")]),
        ('"c", x ,more\na,2,?\nb,3,?\n', [(2.0, "a"), (3.0, "b")]),
        ("1,2,a\n0,3,b\n", [(2.0, "a"), (3.0, "b")]),
        ("2,a\n3,b\n", [(2.0, "a"), (3.0, "b")]),
    ],
    ids=["header", "another-order", "none", "no-label"],
)
def test_rows_to_score_may_have_a_header_and_lack_the_label(tmp_path, written, expected):
    (tmp_path / "rows.csv").write_text(written)
    frame = read(tmp_path / "rows.csv", make_table(**HEADERLESS), ["x", "c"])
    assert frame.rows() == expected


def test_numbers_that_are_names_may_be_a_row(tmp_path):
    table = make_table(header=("y", "1", "2"), dense=(), sparse=("1", "2"))
    (tmp_path / "rows.csv").write_text("0,1,2\n1,1,3\n")
    assert read(tmp_path / "rows.csv", table, ["1", "2"]).rows() == [("1", "2"), ("1", "3")]
    (tmp_path / "rows.csv").write_text("y,2,1\n0,1,2\n")
    assert read(tmp_path / "rows.csv", table, ["1", "2"]).rows() == [("2", "1")]


@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
@pytest.mark.parametrize("written", ["x,c\n1,a\nx,c\n2,b\n", "x,c\n1,a\n2,b\nx,c\n"])
def test_a_header_between_rows_is_no_row(tmp_path, monkeypatch, written, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    (tmp_path / "rows.csv").write_text(written)
    line = written.splitlines().index("x,c", 1) + 1
    with pytest.raises(BenchmarkError, match=rf"rows\.csv, line {line}: it repeats the header"):
        read(tmp_path / "rows.csv", make_table(dense=(), sparse=("c",)), ["c"])


def test_a_column_alone_holds_a_missing_value_in_quotes(tmp_path):
    table = make_table(dense=(), sparse=("c",))
    (tmp_path / "rows.csv").write_text('c\na\n""\nc\n')
    assert read(tmp_path / "rows.csv", table, ["c"]).rows() == [("a",), ("",), ("c",)]
    (tmp_path / "rows.csv").write_text("c\na\n\nb\n")
    with pytest.raises(BenchmarkError, match=r"rows\.csv, line 3: 0 fields instead of 1"):
        read(tmp_path / "rows.csv", table, ["c"])


@pytest.mark.parametrize("separator", ["::", "|~|", "\t|\t", ", ", "é|", "\x1f\x1e"])
@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_separators_of_several_characters(tmp_path, monkeypatch, separator, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    plain = encode_texts(tmp_path / "plain", {})
    train, other = TRAIN.replace(",", separator), OTHER.replace(",", separator)
    texts = {"train.csv": train.replace("\n", "\r\n"), "valid.csv": other, "test.csv": other}
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, separator=separator))


def test_what_is_no_separator_is_text(tmp_path):
    table = make_table(separator="::", dense=(), sparse=("c", "d"))
    (tmp_path / "rows.csv").write_text('y::c::d\n1::"a:b::c"\x01\n0:::e::\n')
    assert read(tmp_path / "rows.csv", table, ["c", "d"]).rows() == [
        ('"a:b', 'c"\x01'),
        (":e", None),
    ]


@pytest.mark.parametrize(
    ("row", "fields"), [("1::2", 2), ("1::2::a::b", 4), ("1:2:a", 1), ("1,2,a", 1)]
)
def test_a_row_of_another_length_is_named_at_any_separator(tmp_path, row, fields):
    texts = {name: TRAIN.replace(",", "::") for name in ("train.csv", "valid.csv", "test.csv")}
    texts["train.csv"] += row + "\n"
    with pytest.raises(BenchmarkError, match=rf"train\.csv, line 5: {fields} fields? instead of 3"):
        encode_texts(tmp_path, texts, separator="::")


@pytest.mark.parametrize("text", ["a,30\nb,40\n", "u,age\na,30\nb,40\n", " age,u\n30,a\n40,b\n"])
def test_a_side_file_may_repeat_the_header_of_its_card(tmp_path, text):
    (tmp_path / "users.csv").write_text(text)
    join = Join(file="users.csv", on=("c", "u"), header=("u", "age"))
    table, files = make_table(dense=("age",), join=(join,)), {"join[0]": [tmp_path / "users.csv"]}
    [side] = read_sides(table, files, of_file)
    assert side.rows.rows() == [("a", "30"), ("b", "40")]
