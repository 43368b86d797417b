"""libsvm and libffm rows, with and without labels."""

import polars as pl
import pytest

from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.readers import rows
from benchmark.data.readers import text as lines
from benchmark.data.readers.inputs import of_file
from benchmark.errors import BenchmarkError
from tests.data.tables import assert_same_arrays, encode_texts, ignore, make_table

SPLIT_FILES = ("train.csv", "valid.csv", "test.csv")
LIBSVM = {"format": "libsvm", "dense": ("2",), "sparse": ("10",)}
LIBFFM = {"format": "libffm", "dense": ("2",), "sparse": ("10",)}
LABELLED = "1 2:1.5 10:a # first\n0 10:b 3:9\n1\t10:a  2:-3\n"
UNLABELLED = "2:1.5 10:a # first\n10:b 3:9\n\t10:a  2:-3\n"


def score_rows(folder, text: str, **changes) -> list[tuple[float | None, str | None]]:
    """Columns 2 and 10 as `predict` reads them."""
    (folder / "rows.txt").write_text(text)
    table = make_table(**changes)
    inputs = [of_file(folder / "rows.txt", table)]
    return pl.concat(block.frame() for block in rows.blocks(inputs, table, ["2", "10"])).rows()


@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_rows_to_score_read_alike_with_and_without_label(tmp_path, monkeypatch, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    expected = [(1.5, "a"), (None, "b"), (-3.0, "a")]
    assert score_rows(tmp_path, LABELLED, **LIBSVM) == expected
    assert score_rows(tmp_path, UNLABELLED, **LIBSVM) == expected


@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LABELLED + "10:a\n", "line 4: the first word '10:a' is no label; put 0 or 1 before it"),
        (UNLABELLED + "0 10:a\n", "line 4: the first word '0' is a label, but the rows before"),
        (UNLABELLED + "0\n", "line 4: the first word '0' is a label"),
    ],
)
def test_labels_are_in_all_rows_or_none(tmp_path, monkeypatch, text, message, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    with pytest.raises(BenchmarkError, match=r"rows\.txt, " + message):
        score_rows(tmp_path, text, **LIBSVM)


@pytest.mark.parametrize("row", ["2:1 10:b", "qid:3 10:b", "1:0:1 10:b"])
def test_training_rows_need_a_label(tmp_path, row):
    message = rf"train\.csv, line 1: ('1:0:1'|the first word '{row.split()[0]}' is no label)"
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": row + "\n2:2 10:z\n"}, **LIBSVM)


@pytest.mark.parametrize("block", [8, lines.BLOCK_BYTES])
def test_a_line_of_comment_is_no_row_and_counts_as_a_line(tmp_path, monkeypatch, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    text = "# written by a tool\n#\n1 2:1.5 10:a\n  # half\n0 10:b\n# end\n"
    assert score_rows(tmp_path, text, **LIBSVM) == [(1.5, "a"), (None, "b")]
    message = r"rows\.txt, line 7, column '2': 'x'"
    with pytest.raises(BenchmarkError, match=message):
        score_rows(tmp_path, text + "0 2:x\n", **LIBSVM)


def test_rows_to_score_without_any_column_are_no_libsvm(tmp_path):
    plain = "1 2:1.5 10:7\n0 10:8\n"
    store = encode_texts(tmp_path / "a", dict.fromkeys(SPLIT_FILES, plain), **LIBSVM)
    (tmp_path / "rows.csv").write_text("label,user\n1,7\n")
    with pytest.raises(BenchmarkError, match="none of the columns 2, 10 occurs; is this a libsvm"):
        next(RawEncoder(store.encoding_folder).read(tmp_path / "rows.csv", ignore))


def test_libffm_fields_are_columns_of_indices_or_values(tmp_path):
    plain = {
        "train.csv": "1 2:1.5 10:7\n0 10:8\n1 10:7 2:-3\n",
        "valid.csv": "0 2:0 10:8\n1 2:2 10:z\n",
    }
    ffm = {
        "train.csv": "1 2:5:1.5 10:7:1 3:1:0.5\n0 3:1:1 10:8:1.0 3:2:1\n1 10:7:1e0 2:5:-3 # end\n",
        "valid.csv": "0 2:5:0 10:8:1\n1 2:5:2 10:z:1\n",
    }
    one = encode_texts(tmp_path / "svm", plain | {"test.csv": plain["valid.csv"]}, **LIBSVM)
    other = encode_texts(tmp_path / "ffm", ffm | {"test.csv": ffm["valid.csv"]}, **LIBFFM)
    assert_same_arrays(one, other)


def test_libffm_rows_to_score_read_alike_with_and_without_label(tmp_path):
    expected = [(1.5, "7"), (None, "8")]
    for label in ("", "0 "):
        text = f"{label}2:1:1.5 10:7:1\n{label}10:8:1\n"
        assert score_rows(tmp_path, text, **LIBFFM) == expected


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        (LIBFFM, "0 10:7:1 10:8:1", "field 10 occurs twice"),
        (LIBFFM, "0 10:7:0.5", "'10:7:0.5' is a category whose value is not 1; write 1, or name"),
        (LIBFFM, "0 10:7:x", "'10:7:x' is a category whose value is not 1"),
        (LIBFFM, "0 2:1:x", ", column '2': 'x', expected a finite float32 number"),
        (LIBFFM, "0 2:1:2:3", "'2:1:2:3' is not field:index:value$"),
        (LIBFFM, "0 2::1", "'2::1' is not field:index:value"),
        (LIBFFM, "0 2:9", "'2:9' is not field:index:value; say format = \"libsvm\" in the card"),
        (LIBFFM, "2:9", "'2:9' is not field:index:value; say format = \"libsvm\" in the card"),
        (LIBSVM, "0 2:1:1", "'2:1:1' is not index:value; say format = \"libffm\" in the card"),
        (LIBSVM, "2:1:1.5e-3", "'2:1:1.5e-3' is not index:value; say format = \"libffm\""),
        (LIBSVM, "0 2:1 2:1", "index 2 occurs twice"),
    ],
)
def test_broken_rows_name_line_and_format(tmp_path, table, row, message):
    with pytest.raises(BenchmarkError, match=r"rows\.txt, line 1:?,? ?" + message):
        score_rows(tmp_path, row + "\n", **table)


def test_a_libsvm_token_may_hold_colons(tmp_path):
    text = "0 2:1 10:http://a.org:80/b\n"
    assert score_rows(tmp_path, text, **LIBSVM) == [(1.0, "http://a.org:80/b")]
