import datetime
import math
from collections import Counter
from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.card import Derived
from benchmark.data.catalog import find_card
from benchmark.data.readers import rows
from benchmark.errors import BenchmarkError
from tests.data.tables import encode_files, encode_texts, make_table, write_files

THREE_FILES = ("train.csv", "valid.csv", "test.csv")
TIME_RULES = ("hour_of_day", "weekday", "is_weekend")


def derived(rule: str, values: list[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"old": values}, schema={"old": pl.String})
    return frame.select(rows.column("new", Derived(rule=rule, of="old")))["new"].to_list()


def test_a_card_may_name_every_rule_and_no_other():
    assert set(get_args(Derived.model_fields["rule"].annotation)) == set(rows.RULES)


@pytest.mark.parametrize(
    ("time", "hour", "weekday", "weekend"),
    [
        ("14102100", "00", "2", "0"),  # the first hour of Avazu, a Tuesday
        ("14102423", "23", "5", "0"),
        ("14102509", "09", "6", "1"),  # a Saturday
        ("14102600", "00", "0", "1"),  # a Sunday
        ("14102713", "13", "1", "0"),
        ("12022912", "12", "3", "0"),  # a leap day
        ("00010100", "00", "6", "1"),
    ],
)
def test_time_rules_by_hand(time, hour, weekday, weekend):
    assert [derived(rule, [time]) for rule in TIME_RULES] == [[hour], [weekday], [weekend]]


@settings(deadline=None)
@given(
    st.lists(
        st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2099, 12, 31)), min_size=1
    )
)
def test_time_rules_agree_with_the_calendar(times):
    texts = [time.strftime("%y%m%d%H") for time in times]
    assert derived("hour_of_day", texts) == [f"{time.hour:02}" for time in times]
    assert derived("weekday", texts) == [str(time.isoweekday() % 7) for time in times]
    assert derived("is_weekend", texts) == [str(int(time.isoweekday() in (6, 7))) for time in times]


BUCKETS = {
    "": "",
    "nan": "",
    "0": "",
    "1": "1",
    "2": "2",
    "2.5": "",  # ln(2.5)^2 = 0.84
    "3": "1",  # ln(3)^2 = 1.21
    "4": "1",  # 1.92
    "5": "2",  # 2.59
    "100": "21",  # 21.2
    "1382": "52",  # 52.28
    "1.9": "1",
    "0.5": "",
    "-0.5": "",
    "-1": "-1",
    "-2": "-2",
    "-2.9": "-2",
    "-100": "-100",
}


def test_squared_log_buckets_by_hand():
    assert derived("squared_log_bucket", list(BUCKETS)) == list(BUCKETS.values())
    assert derived("squared_log_bucket", [None, "7"]) == ["", "3"]


@settings(deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1))
def test_squared_log_buckets_agree_with_the_formula(values):
    buckets = [math.floor(math.log(value) ** 2) if value > 2 else value for value in values]
    expected = ["" if bucket == 0 else str(bucket) for bucket in buckets]
    assert derived("squared_log_bucket", [str(value) for value in values]) == expected


def fuxictr_ids(train: list[str], values: list[str], min_count: int) -> list[int]:
    """FuxiCTR's ids of a Criteo_x4 number: missing is 0, bucketed, counted; the token 0 is left out
    of the vocabulary, and what is not in it has the last id."""

    def bucket(text: str) -> int:
        value = float(text or 0)
        return math.floor(math.log(value) ** 2) if value > 2 else int(value)

    counted = Counter(map(bucket, train)).items()
    frequent = [(-n, str(token)) for token, n in counted if n >= min_count and token != 0]
    vocabulary = {token: place for place, (_, token) in enumerate(sorted(frequent), start=1)}
    return [vocabulary.get(str(bucket(text)), len(vocabulary) + 1) for text in values]


def test_criteo_x4_numbers_have_the_ids_of_fuxictr(tmp_path):
    train = (
        ["0"] * 30 + [""] * 20 + ["1"] * 14 + ["4"] * 11 + ["-1"] * 12 + ["2"] * 9 + ["900"] * 10
    )
    valid, test = ["", "0", "3", "2.5", "2", "-1", "7"], ["900", "905", "1.5", "-2", "0"]
    texts = {
        f"{name}.csv": "y,x,n\n" + "".join(f"{i % 2},1,{value}\n" for i, value in enumerate(values))
        for name, values in (("train", train), ("valid", valid), ("test", test))
    }
    rule, card = Derived(rule="squared_log_bucket", of="n"), find_card("criteo_x4_001").card
    assert card.table is not None
    assert {derived.rule for derived in card.table.derive.values()} == {rule.rule}
    store = encode_texts(
        tmp_path, texts, sparse=("n",), derive={"n": rule}, min_count=card.table.min_count
    )
    for split, values in (("train", train), ("valid", valid), ("test", test)):
        expected = fuxictr_ids(train, values, card.table.min_count)
        assert store.split(split).sparse[:, 0].tolist() == expected
    assert store.schema.cardinalities == (5,)  # padding, 1, -1, 46, out-of-vocabulary


@pytest.mark.parametrize("rule", TIME_RULES)
@pytest.mark.parametrize(
    "value",
    ["14102124", "14103200", "14130100", "15022900", "1410210", "141021000", "141021 0", "x"],
)
def test_a_broken_time_names_file_line_column_and_value(tmp_path, rule, value):
    texts = dict.fromkeys(THREE_FILES, f"y,x,t\n1,1,14102100\n0,1,14102100\n1,1,{value}\n")
    message = f"train.csv, line 4, column 't': '{value}', expected a time YYMMDDHH"
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, texts, derive={"c": Derived(rule=rule, of="t")})


@pytest.mark.parametrize("value", ["inf", "-inf", "many", "1,5"])
def test_a_broken_number_names_file_line_column_and_value(tmp_path, value):
    texts = dict.fromkeys(THREE_FILES, f"y;x;c\n1;1;2\n0;1;{value}\n")
    with pytest.raises(
        BenchmarkError, match=f"train.csv, line 3, column 'c': '{value}', expected a finite number"
    ):
        encode_texts(
            tmp_path, texts, separator=";", derive={"c": Derived(rule="squared_log_bucket", of="c")}
        )


def test_a_column_that_others_are_made_of_may_be_missing_in_a_row_but_not_in_the_file(tmp_path):
    texts = dict.fromkeys(THREE_FILES, "y,x,t\n1,1,14102100\n0,1,\n")
    changes = {
        "sparse": ("t", "w"),
        "derive": {name: Derived(rule="weekday", of="t") for name in ("t", "w")},
    }
    store = encode_texts(tmp_path, texts, **changes)
    assert store.schema.cardinalities == (3, 3)
    assert store.split("train").sparse.tolist() == [[1, 1], [2, 2]]
    with pytest.raises(
        BenchmarkError, match=r"train\.csv has no column 't'; it has: y, x, w; correct"
    ):
        encode_texts(tmp_path, {"train.csv": "y,x,w\n1,1,a\n0,1,b\n"}, **changes)


def test_derived_columns_count_as_categories_numbers_or_groups(tmp_path):
    rows = "y,n,t\n1,,14102600\n0,3,14102500\n1,0,14102600\n0,-1,14102100\n"
    store = encode_texts(
        tmp_path,
        dict.fromkeys(THREE_FILES, rows),
        dense=("b",),
        sparse=("n",),
        group="day",
        dense_rule="none",
        derive={
            "b": Derived(rule="squared_log_bucket", of="n"),
            "n": Derived(rule="squared_log_bucket", of="n"),
            "day": Derived(rule="weekday", of="t"),
        },
    )
    train = store.split("train")
    assert train.dense[:, 0].tolist() == [0, 1, 0, -1]
    assert train.sparse[:, 0].tolist() == [3, 2, 3, 1]  # "-1" before "1"; bucket 0 is not in it
    assert train.group.tolist() == [0, 1, 0, 2]


def test_parquet_columns_of_numbers_are_derived_from_as_well(tmp_path):
    write_files(tmp_path, {})
    frame = pl.DataFrame(
        {"y": [1, 0, 1], "n": [3.0, None, 2.0], "t": [14102600, 14102500, 14102600]}
    )
    for name in ("train", "valid", "test"):
        frame.write_parquet(tmp_path / f"{name}.csv")
    rules = {"w": Derived(rule="weekday", of="t"), "n": Derived(rule="squared_log_bucket", of="n")}
    train = encode_files(
        tmp_path, make_table(format="parquet", dense=(), sparse=("w", "n"), derive=rules)
    ).split("train")
    assert train.sparse.tolist() == [[1, 1], [2, 3], [1, 2]]
