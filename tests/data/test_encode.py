import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.encode import Encoder, GroupIds, fit
from tests.data.tables import make_table

TOKENS = st.one_of(st.none(), st.text(alphabet="ab0é ", max_size=3))
COLUMN = st.lists(TOKENS, min_size=1, max_size=40)


def frame_of(tokens: list[str | None], numbers: list[float | None] | None = None) -> pl.DataFrame:
    numbers = numbers or [None] * len(tokens)
    return pl.DataFrame({"c": tokens, "x": numbers}, schema={"c": pl.String, "x": pl.Float64})


def fit_tokens(tokens: list[str | None], min_count: int = 1) -> Encoder:
    return fit(make_table(min_count=min_count), [frame_of(tokens)])


def ids(encoder: Encoder, tokens: list[str | None]) -> list[int]:
    return encoder.sparse(frame_of(tokens))[:, 0].tolist()


def test_ids_fall_with_frequency_and_ties_go_by_token():
    encoder = fit_tokens(["b", "z", "a", "z", "10", "é", "9", "Z", "z", "b"])
    assert encoder.vocabularies[0].to_list() == ["z", "b", "10", "9", "Z", "a", "é"]
    assert encoder.schema.cardinalities == (9,)
    assert ids(encoder, ["z", "b", "10", "é"]) == [1, 2, 3, 7]


def test_missing_empty_unseen_and_rare_tokens_share_the_last_id():
    encoder = fit_tokens(["a", "a", "b", "b", "b", "rare", None, None, None, ""], min_count=2)
    assert encoder.schema.cardinalities == (4,)
    assert ids(encoder, ["b", "a", "rare", "unseen", None, ""]) == [1, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(("min_count", "kept"), [(1, ["a", "b", "c"]), (2, ["a", "b"]), (3, ["a"]), (4, [])])
def test_min_count_is_the_least_count_that_is_kept(min_count, kept):
    assert fit_tokens(list("aaabbc"), min_count).vocabularies[0].to_list() == kept


def test_tokens_are_compared_as_they_are_written():
    assert fit_tokens(["1", "01", "1.0", " 1", "1"]).vocabularies[0].to_list() == ["1", " 1", "01", "1.0"]


@settings(deadline=None)
@given(train=COLUMN, test=COLUMN, min_count=st.integers(1, 3))
def test_ids_lie_inside_the_cardinality_and_name_their_token(train, test, min_count):
    encoder = fit_tokens(train, min_count)
    vocabulary, (cardinality,) = encoder.vocabularies[0].to_list(), encoder.schema.cardinalities
    assert set(vocabulary) == {token for token in train if token and train.count(token) >= min_count}
    for token, found in zip(test, ids(encoder, test), strict=True):
        assert 1 <= found < cardinality
        assert vocabulary[found - 1] == token if token in vocabulary else found == cardinality - 1


@settings(deadline=None)
@given(tokens=COLUMN, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_the_cut_into_frames_leaves_no_trace_in_the_vocabulary(tokens, cuts):
    bounds = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    parts = [frame_of(tokens[low:high]) for low, high in pairwise(bounds)]
    assert fit(make_table(), parts).vocabularies[0].equals(fit_tokens(tokens).vocabularies[0])


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
    dense = fit(make_table(dense_rule=rule), [frame]).dense(frame)
    assert dense.dtype == np.float32
    np.testing.assert_array_equal(dense[:, 0], np.array(expected, np.float32))


def test_the_standard_rule_is_fitted_on_the_present_values_of_train():
    encoder = fit(make_table(dense_rule="standard"), [frame_of(["a"] * 5, [2.0, 4.0, None, 4.0, 6.0])])
    # mean 4, variance (4 + 0 + 0 + 4) / 4 = 2
    dense = encoder.dense(frame_of(["a"] * 4, [4.0, 6.0, None, -10.0]))[:, 0]
    np.testing.assert_array_equal(dense, np.array([0, math.sqrt(2), 0, -14 / math.sqrt(2)], np.float32))


@pytest.mark.parametrize("numbers", [[0.1] * 7, [1e9 + 0.1] * 3, [None, None]])
def test_a_column_without_spread_is_only_centred(numbers):
    frame = frame_of(["a"] * len(numbers), numbers)
    assert np.abs(fit(make_table(dense_rule="standard"), [frame, frame]).dense(frame)).max() < 1e-6


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=9), min_size=1, max_size=4))
def test_the_moments_of_frames_are_those_of_the_whole(parts):
    table = make_table(dense_rule="standard")
    frames = [frame_of(["a"] * len(part), part) for part in parts]
    values = np.array([value for part in parts for value in part if value is not None])
    spread = values.std() if len(values) else 0.0
    if spread > 1e-3:
        expected = [(value - values.mean()) / spread if value is not None else 0 for value in parts[0]]
        np.testing.assert_allclose(fit(table, frames).dense(frames[0])[:, 0], expected, rtol=1e-5, atol=1e-5)


def test_group_ids_follow_first_appearance_over_all_frames():
    groups = GroupIds()
    assert groups.ids(pl.Series(["u", "v", "u", None])).tolist() == [0, 1, 0, 2]
    assert groups.ids(pl.Series(["w", "v", "", None])).tolist() == [3, 1, 2, 2]
