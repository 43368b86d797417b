import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.encoding.encode import DenseRule, Dictionary, GroupIds, cardinalities
from benchmark.errors import BenchmarkError
from tests.data.tables import make_table

TOKENS = st.one_of(st.none(), st.text(alphabet="ab0é ", max_size=3))
COLUMN = st.lists(TOKENS, min_size=1, max_size=40)


def frame_of(tokens: list[str | None], numbers: list[float | None] | None = None) -> pl.DataFrame:
    numbers = numbers or [None] * len(tokens)
    return pl.DataFrame({"c": tokens, "x": numbers}, schema={"c": pl.String, "x": pl.Float64})


def dictionary(*parts: list[str | None]) -> Dictionary:
    """The dictionary of a train split in these parts."""
    field = Dictionary()
    for tokens in parts:
        field.count(field.ids(pl.Series(tokens, dtype=pl.String)))
    return field


def vocabulary(field: Dictionary, min_count: int = 1) -> list[str]:
    return field.finish(min_count).vocabulary.to_list()


def ids(field: Dictionary, tokens: list[str | None], min_count: int = 1) -> list[int]:
    provisional = field.ids(pl.Series(tokens, dtype=pl.String))
    return field.finish(min_count).final_ids[provisional].tolist()


def test_ids_fall_with_frequency_and_ties_go_by_token():
    field = dictionary(["b", "z", "a", "z", "10", "é", "9", "Z", "z", "b"])
    assert vocabulary(field) == ["z", "b", "10", "9", "Z", "a", "é"]
    assert ids(field, ["z", "b", "10", "é", "unseen"]) == [1, 2, 3, 7, 8]


@settings(deadline=None)
@pytest.mark.parametrize("odd", ["", "12345678", "123456789", "1\0", "é2345678"])
@given(tokens=st.lists(st.text(alphabet="019\0", min_size=1, max_size=8), min_size=1, max_size=40))
def test_tokens_of_any_length_are_sorted_alike(odd, tokens):
    train = [*tokens, odd]
    expected = sorted({*train} - {""}, key=lambda token: (-train.count(token), token.encode()))
    assert vocabulary(dictionary(train)) == expected


def test_missing_empty_unseen_and_rare_tokens_share_the_last_id():
    field = dictionary(["a", "a", "b", "b", "b", "rare", None, None, None, ""])
    assert ids(field, ["b", "a", "rare", "unseen", None, ""], min_count=2) == [1, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("min_count", "expected"), [(1, ["a", "b", "c"]), (2, ["a", "b"]), (3, ["a"]), (4, [])]
)
def test_min_count_is_the_least_count_that_is_kept(min_count, expected):
    assert vocabulary(dictionary(list("aaabbc")), min_count) == expected


def test_tokens_are_compared_as_they_are_written():
    assert vocabulary(dictionary(["7", "007", "7.0", "12.0", " 7", "7"])) == [
        "7",
        " 7",
        "007",
        "12.0",
        "7.0",
    ]


@settings(deadline=None)
@given(train=COLUMN, test=COLUMN, min_count=st.integers(1, 3))
def test_ids_name_their_token_and_lie_inside_the_cardinality(train, test, min_count):
    field = dictionary(train)
    words = vocabulary(field, min_count)
    assert set(words) == {token for token in train if token and train.count(token) >= min_count}
    for token, number in zip(test, ids(field, test, min_count), strict=True):
        assert 1 <= number <= len(words) + 1
        assert words[number - 1] == token if token in words else number == len(words) + 1


@settings(deadline=None)
@given(train=COLUMN, other=COLUMN, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_the_cut_into_parts_and_other_splits_leave_no_trace_in_the_vocabulary(train, other, cuts):
    bounds = sorted({0, len(train), *(cut for cut in cuts if cut < len(train))})
    pieces = Dictionary()
    pieces.ids(pl.Series(other, dtype=pl.String))
    for low, high in pairwise(bounds):
        pieces.count(pieces.ids(pl.Series(train[low:high], dtype=pl.String)))
    assert vocabulary(pieces) == vocabulary(dictionary(train))
    assert ids(pieces, train + other) == ids(dictionary(train), train + other)


def test_many_threads_may_ask_a_dictionary_for_ids():
    tokens = [
        pl.Series([str(i % 1000) for i in range(first, first + 2000)])
        for first in range(0, 40_000, 500)
    ]
    field = Dictionary()
    with ThreadPoolExecutor(4) as pool:
        provisional = list(pool.map(field.ids, tokens))
    for part in provisional:
        field.count(part)
    words, final = vocabulary(field), field.finish(1).final_ids
    assert sorted(words) == sorted(map(str, range(1000)))
    for part, expected in zip(provisional, tokens, strict=True):
        assert [words[number - 1] for number in final[part]] == expected.to_list()


@pytest.mark.parametrize("sizes", [(2**31 - 1, 2), (2**30, 2**30)])
def test_more_ids_than_int32_holds_are_refused(sizes):
    table = make_table(sparse=("c", "d"))
    with pytest.raises(
        BenchmarkError, match=r"the sparse fields have 2,147,483,\d+ ids.*\(d|c: .*raise min_count"
    ):
        cardinalities(table, [np.array([size - 1]) for size in sizes])
    assert cardinalities(table, [np.array([2**30 - 1]), np.array([2**30 - 2])]) == (
        2**30,
        2**30 - 1,
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("log", [0.0, math.log(2), -math.log(2), 2.0, 0.0]),
        ("none", [0.0, 1.0, -1.0, math.e**2 - 1, 0.0]),
    ],
)
def test_dense_rules_by_hand(rule, expected):
    numbers = [0.0, 1.0, -1.0, math.e**2 - 1, None]
    frame = frame_of(["a"] * 5, numbers)
    dense = DenseRule.fit(make_table(dense_rule=rule), [frame]).apply(frame)
    assert dense.dtype == np.float32
    np.testing.assert_array_equal(dense[:, 0], np.array(expected, np.float32))


def test_the_standard_rule_is_fitted_on_the_present_values_of_train():
    rule = DenseRule.fit(
        make_table(dense_rule="standard"), [frame_of(["a"] * 5, [2.0, 4.0, None, 4.0, 6.0])]
    )
    # mean 4, variance (4 + 0 + 0 + 4) / 4 = 2
    dense = rule.apply(frame_of(["a"] * 4, [4.0, 6.0, None, -10.0]))[:, 0]
    np.testing.assert_array_equal(
        dense, np.array([0, math.sqrt(2), 0, -14 / math.sqrt(2)], np.float32)
    )


@pytest.mark.parametrize("numbers", [[0.1] * 7, [1e9 + 0.1] * 3, [None, None]])
def test_a_column_without_spread_is_only_centred(numbers):
    frame = frame_of(["a"] * len(numbers), numbers)
    assert (
        np.abs(DenseRule.fit(make_table(dense_rule="standard"), [frame, frame]).apply(frame)).max()
        < 1e-6
    )


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=9),
        min_size=1,
        max_size=4,
    )
)
def test_the_moments_of_frames_are_those_of_the_whole(parts):
    table = make_table(dense_rule="standard")
    frames = [frame_of(["a"] * len(part), part) for part in parts]
    values = np.array([value for part in parts for value in part if value is not None])
    spread = values.std() if len(values) else 0.0
    if spread > 1e-3:
        expected = [
            (value - values.mean()) / spread if value is not None else 0 for value in parts[0]
        ]
        np.testing.assert_allclose(
            DenseRule.fit(table, frames).apply(frames[0])[:, 0], expected, rtol=1e-5, atol=1e-5
        )


def test_group_ids_follow_first_appearance_over_all_frames():
    groups = GroupIds()
    assert groups.ids(pl.Series(["u", "v", "u", None])).tolist() == [0, 1, 0, 2]
    assert groups.ids(pl.Series(["w", "v", "", None])).tolist() == [3, 1, 2, 2]
