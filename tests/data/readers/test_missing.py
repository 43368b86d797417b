"""Words that stand for a missing value."""

import polars as pl
import pytest

from benchmark.data.readers import rows
from benchmark.data.readers.inputs import of_file
from benchmark.errors import BenchmarkError
from tests.data.tables import assert_same_arrays, encode_texts, make_table

WORDS = ("NULL", "\\N", "NA", "None", "-1")
BLANK = "y,x,c\n1,1.5,a\n0,,b\n1,,\n0,,a\n1,,\n1,2,\n"
NAMED = 'y,x,c\n1,1.5,a\n0,NULL,b\n1,\\N,NULL\n0,-1.0,a\n1, NA ,None\n1,2,"NA"\n'


@pytest.mark.parametrize("rule", ["log", "standard"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_listed_words_are_as_nothing(tmp_path, rule, quote):
    plain = encode_texts(tmp_path / "plain", {"train.csv": BLANK}, dense_rule=rule)
    named = NAMED.replace('"NA"', f"{quote}NA{quote}")
    found = encode_texts(tmp_path / "named", {"train.csv": named}, missing=WORDS, dense_rule=rule)
    assert_same_arrays(plain, found)
    assert found.split("train").sparse[:, 0].tolist() == [1, 2, 3, 1, 3, 3]


def test_a_word_that_is_not_listed_is_a_category_or_an_error_that_names_the_key(tmp_path):
    table = {"train.csv": "y,x,c\n1,1,NULL\n0,1,nan\n1,1,NULL\n"}
    assert encode_texts(tmp_path, table).split("train").sparse[:, 0].tolist() == [1, 2, 1]
    message = r"line 2, column 'x': 'NULL', expected a finite float32 number, or a word .*`missing`"
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": "y,x,c\n1,NULL,a\n0,1,b\n"})


def test_a_derived_column_has_no_value_of_a_missing_word(tmp_path):
    table = {
        "sparse": ("day",),
        "dense": (),
        "derive": {"day": {"rule": "weekday", "of": "t"}},
    }
    text = "y,t\n1,14102100\n0,NULL\n1,14102100\n"
    texts = dict.fromkeys(("train.csv", "valid.csv", "test.csv"), text)
    store = encode_texts(tmp_path, texts, missing=["NULL"], **table)
    assert store.split("train").sparse[:, 0].tolist() == [1, 2, 1]


def test_words_are_missing_in_libsvm_and_libffm_too(tmp_path):
    for format, written in (("libsvm", "1 2:NULL 3:-1\n"), ("libffm", "1 2:9:NULL 3:-1:1\n")):
        (tmp_path / "rows.txt").write_text(written)
        table = make_table(format=format, dense=("2",), sparse=("3",), missing=WORDS)
        [block] = rows.blocks([of_file(tmp_path / "rows.txt", table)], table, ["2", "3"])
        assert block.frame().rows() == [(None, None)]


def test_words_are_missing_in_parquet_columns_of_any_type(tmp_path):
    columns = {"y": [True, False, True], "x": [1, -1, 3], "c": ["NULL", " NA", "a"]}
    frame = pl.DataFrame({**columns, "d": [-1, 2, None], "e": [-1.0, 0.5, None]})
    frame.write_parquet(tmp_path / "rows.parquet")
    table = make_table(format="parquet", sparse=("c", "d", "e"), missing=WORDS)
    [block] = rows.blocks([of_file(tmp_path / "rows.parquet", table)], table, table.columns)
    assert block.frame().rows() == [
        (1, 1.0, None, None, None),
        (0, None, None, "2", "0.5"),
        (1, 3.0, "a", None, None),
    ]
