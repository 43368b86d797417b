"""Rules on the values of a column, and the labels, filters and splits that they state."""

import polars as pl
import pytest

from benchmark.data import catalog
from benchmark.data.card import RowFilter, SplitRule
from benchmark.data.rules import parse
from benchmark.errors import BenchmarkError, UsageError
from tests.data.cards import write_card
from tests.data.tables import TRAIN, assert_same_arrays, encode_texts

NUMBERS = [" 3", "+3.0", "2.5", "10", "", None, "nan", "x"]


@pytest.mark.parametrize(
    ("rule", "column", "expected"),
    [
        ("> 2.5", NUMBERS, "11010000"),
        ("<=3", NUMBERS, "11100000"),
        ("== 3", NUMBERS, "11000000"),
        ("!= 3", NUMBERS, "00110011"),
        (("3", "x"), NUMBERS, "11000001"),
        ("> -1", [0, -1, None, 5], "1001"),
        ("< 0.5", [0.5, float("nan"), 0.25], "001"),
        ("== true", [True, False, None], "100"),
        ("<= 2022-05-04", ["2022-05-04", "2022-05-05", None], "100"),
        ("== 9007199254740993", ["9007199254740993", "9007199254740992"], "10"),
        ("== a b", ["a b", "a", "ab"], "100"),
    ],
)
def test_rules_by_hand(rule, column, expected):
    holds = parse(rule).holds(pl.Series(column, strict=False))
    assert "".join(map(str, map(int, holds))) == expected


def test_a_date_is_compared_as_its_text_and_is_no_number():
    dates = pl.Series(["2022-05-04", "2022-05-05"]).str.to_date()
    assert parse("<= 2022-05-04").holds(dates).to_list() == [True, False]
    assert parse("<= 20220504").broken(dates).to_list() == [True, True]


@pytest.mark.parametrize("rule", ["3", "=> 3", "= 3", ">", "> = 3", "", "~ a", ()])
def test_a_rule_of_another_form_is_refused(rule):
    with pytest.raises(ValueError, match="write == != > >= < or <= and a value"):
        parse(rule)


RATINGS = "y,x,c\n5,1.5,a\n3,9,never\n1,,b\n4,-3,a\n"
"""The rows of TRAIN by the rule > 3 without the ratings of 3."""
OTHER = dict.fromkeys(("valid.csv", "test.csv"), "y,x,c\n1,0,b\n5,2,z\n")


def test_labels_by_a_threshold_and_rows_left_out(tmp_path):
    store = encode_texts(
        tmp_path / "a", {"train.csv": RATINGS} | OTHER, positive="> 3", drop="== 3"
    )
    assert_same_arrays(encode_texts(tmp_path / "b", {}), store)


@pytest.mark.parametrize(
    ("words", "positive"),
    [
        (("+1", "-1"), ("1",)),
        (("true", "false"), ("true",)),
        (("True", "False"), (True,)),
        (("yes", "no"), "== yes"),
        (("2", "0"), "!= 0"),
        (("1.0", "0"), (1,)),
    ],
)
def test_labels_by_their_values(tmp_path, words, positive):
    text = TRAIN.replace("\n1,", f"\n{words[0]},").replace("\n0,", f"\n{words[1]},")
    other = f"y,x,c\n{words[1]},0,b\n{words[0]},2,z\n"
    texts = {"train.csv": text, "valid.csv": other, "test.csv": other}
    store = encode_texts(tmp_path / "a", texts, positive=positive)
    assert_same_arrays(encode_texts(tmp_path / "b", {}), store)


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("-1,1,a\n", {}, r"""line 5.*'-1', expected 0 or 1; .*: positive = \["1"\], or "> 3\""""),
        (",1,a\n", {"positive": "> 3"}, r"line 5, column 'y': missing, expected a label \(> 3\)"),
        ("x,1,a\n", {"positive": "> 3"}, r"line 5, column 'y': 'x', expected a number \(> 3\)"),
        ("x,1,a\n", {"positive": ["1"], "drop": "> 7"}, r"'x', expected a number \(> 7\)"),
        ("1,oops,a\n", {"drop": "== 0"}, "train.csv, line 5, column 'x': 'oops'"),
        ("", {"positive": "> 7"}, "all 3 labels of the train split are 0"),
        ("", {"drop": ">= 0"}, "train: no row is left by the rules of .table.: filter, drop"),
        (
            "",
            {"filter": (RowFilter(column="age", keep="> 3"),)},
            "train.csv has no column 'age'; it has: y, x, c",
        ),
        (
            "",
            {"filter": (RowFilter(column="c", keep="> 3"),)},
            r"line 2, column 'c': 'a', expected a number \(> 3\)",
        ),
    ],
)
def test_a_rule_that_the_rows_do_not_fit_names_line_and_column(tmp_path, text, changes, message):
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": TRAIN + text}, **changes)


def test_only_rows_that_pass_every_filter_are_kept_and_others_may_be_broken(tmp_path):
    text = "y,x,c,kind,day\n1,1.5,a,log,3\nno,2,b,test,3\n0,,b,log,4\n0,1,b,log,\n1,-3,a,log,5\n"
    other = "y,x,c,kind,day\n0,0,b,log,1\n1,2,z,log,2\n1,2,z,log,9\n"
    store = encode_texts(
        tmp_path / "a",
        {"train.csv": text, "valid.csv": other, "test.csv": other},
        filter=(RowFilter(column="kind", keep=["log"]), RowFilter(column="day", keep="< 6")),
    )
    assert_same_arrays(encode_texts(tmp_path / "b", {}), store)


BY_DAY = {
    "method": "column",
    "column": "day",
    "train": "<= 20220504",
    "valid": ["20220505", 20220506],
    "test": "== 20220508",
}
DAYS = (
    "y,x,c,day\n1,1.5,a,20220501\n0,0,b,20220505\n0,,b,20220504\n0,0,b,20220508\n1,9,new,20220507\n"
    "1,2,z,20220508\n1,-3,a,20220430\n1,2,z,20220506\n"
)


def encode_days(folder, text=DAYS, **changes):
    rule = SplitRule(**(BY_DAY | changes))
    return encode_texts(folder, {"all.csv": text}, files={"all": ("all.csv",)}, split=rule)


def test_rows_are_split_by_the_values_of_a_column(tmp_path):
    assert_same_arrays(encode_texts(tmp_path / "b", {}), encode_days(tmp_path / "a"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": ">= 20220506"}, "'20220506' is of valid and test; let the rules of column day"),
        ({"test": "== 20230101"}, "no row is of test: day == 20230101"),
        ({"column": "date"}, "all.csv has no column 'date'; it has: y, x, c, day"),
        ({"column": "c"}, r"line 2, column 'c': 'a', expected a number \(<= 20220504\)"),
    ],
)
def test_a_split_that_the_rows_do_not_fit_is_one_message(tmp_path, changes, message):
    with pytest.raises(BenchmarkError, match=message):
        encode_days(tmp_path, **changes)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            'positive = "=> 3"',
            'table.positive: write == != > >= < or <= and a value, .* got "=> 3"',
        ),
        ("positive = 3", "table.positive: write == != "),
        ("drop = []", "table.drop: write == != "),
        ('[[table.filter]]\ncolumn = "c"', "'table.filter.0.keep' is missing"),
        ('[[table.filter]]\ncolumn = "c"\nkeep = "c > 3"', "table.filter.0.keep: write =="),
        ('[[table.filter]]\ncolumn = "c"\nkeep = "> 3"\nkep = 1', "0.kep'; did you mean 'keep'"),
        ('split = { method = "column", column = "c" }', "takes column, train, valid and test, and"),
        ('split = { column = "c" }', 'table.split: column: only with method = "column"'),
    ],
)
def test_a_wrong_rule_in_a_card_is_one_message(tmp_path, table, message):
    with pytest.raises(UsageError, match=message) as caught:
        catalog.find_card(write_card(tmp_path, table=table))
    assert "\n" not in str(caught.value)
