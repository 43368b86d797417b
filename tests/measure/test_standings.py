"""Against tests pair by pair, cases worked out by hand, and small simulations."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_ind

from benchmark.measure.significance import Interval, holm, welch
from benchmark.measure.standings import better, detectable, from_best, standings

NOISE = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
SAMPLES = st.lists(st.lists(st.integers(-50, 50), min_size=3, max_size=3), min_size=1, max_size=5)


def rows_at(*levels: float) -> np.ndarray:
    """Rows [len(levels), 5] of one noise."""
    return np.array(levels)[:, None] + NOISE


def ranks(samples: np.ndarray) -> list[int]:
    return [standing.rank for standing in standings(samples)]


@given(SAMPLES.filter(lambda samples: len(samples) > 1))
def test_better_is_welch_on_every_pair_and_holm_over_all(samples) -> None:
    values, found = np.array(samples, np.float64), better(np.array(samples, np.float64))
    pairs = list(combinations(range(len(samples)), 2))
    differences = [welch(values[first], values[second]) for first, second in pairs]
    adjusted = holm([difference.p for difference in differences])
    for (first, second), difference, p in zip(pairs, differences, adjusted, strict=True):
        if abs(p - 0.05) > 1e-9:
            assert found[first, second] == (p < 0.05 and difference.value > 0)
            assert found[second, first] == (p < 0.05 and difference.value < 0)
    assert not found.diagonal().any()


def test_many_tables_at_once_are_each_judged_alone() -> None:
    tables = np.random.default_rng(0).normal(size=(40, 4, 5)) + np.array([0, 2, 4, 4])[:, None]
    found, ends = better(tables), from_best(tables)
    assert len({each.tobytes() for each in found}) > 4
    for at, table in enumerate(tables):
        assert (found[at] == better(table)).all()
        assert np.array_equal([end[at] for end in ends], from_best(table))


def test_ranks_count_the_rows_that_are_better() -> None:
    levels = standings(rows_at(1, 2, 2.001, 3))
    assert [(each.first, each.last, each.rank) for each in levels] == [
        (4, 4, 4),
        (2, 3, 2),
        (2, 3, 2),
        (1, 1, 1),
    ]
    assert ranks(rows_at(0, 0, 0)) == [1, 1, 1]
    [alone] = standings(rows_at(0))
    assert (alone.rank, alone.first, alone.last, alone.from_best) == (1, 1, 1, Interval(None, None))


def test_a_rank_interval_says_what_is_not_decided() -> None:
    """The middle row differs from neither of the others, which differ from each other."""
    found = standings(rows_at(0, 0.025, 0.05))
    assert [(each.first, each.last) for each in found] == [(2, 3), (1, 3), (1, 2)]


def test_no_row_ranks_below_one_of_a_smaller_mean() -> None:
    """The noisy last row differs from none, so that no row above it is worse than first."""
    samples = np.stack([NOISE, NOISE - 1, 100 * NOISE - 1.5])
    assert [each.first for each in standings(samples)] == [1, 2, 1]
    assert ranks(samples) == [1, 1, 1]


@given(SAMPLES, st.randoms())
def test_standings_belong_to_rows_whatever_their_order(samples, random) -> None:
    values = np.array(samples, np.float64)
    found = standings(values)
    order = random.sample(range(len(samples)), len(samples))
    assert standings(values[order]) == [found[at] for at in order]
    by_mean = sorted(range(len(samples)), key=lambda at: -sum(samples[at]))
    assert found[by_mean[0]].rank == 1
    falling = [found[at].rank for at in by_mean]
    assert falling == sorted(falling)
    assert all(1 <= each.rank <= each.first <= each.last <= len(samples) for each in found)
    assert [each.first for each in standings(values + 7)] == [each.first for each in found]


def test_ranks_hold_the_error_over_all_pairs() -> None:
    """A pair that alone would be significant is not, once it is one of many."""
    assert welch(NOISE + 0.025, NOISE).p < 0.05
    assert ranks(rows_at(0.025, 0)) == [1, 2]
    assert ranks(rows_at(0.025, 0, 0, 0, 0, 0)) == [1] * 6


def test_every_pair_is_tested() -> None:
    for order in permutations(range(4)):
        assert ranks(rows_at(*(-level for level in order))) == [level + 1 for level in order]


def test_rows_that_do_not_vary_differ_for_certain_or_not_at_all() -> None:
    assert ranks(np.array([[0.3] * 3, [0.1] * 3, [0.1] * 3])) == [1, 2, 2]


@pytest.mark.parametrize("samples", [[[1.0], [2.0]], [[1.0, np.nan], [2.0, 3.0]]])
def test_standings_need_two_finite_values_of_each_row(samples) -> None:
    with pytest.raises(ValueError, match="two finite values of each row"):
        standings(np.array(samples))


def test_the_distance_of_two_rows_is_welchs_one_sided_bound() -> None:
    """Either way, as both may be the best; 8 degrees of freedom, squared error 2 * 2.5e-4 / 5."""
    margin = t.isf(0.05, 8) * 0.01
    low, high = from_best(rows_at(0, 0.01))
    assert low == pytest.approx([-0.01 - margin, 0.01 - margin])
    assert high == pytest.approx([margin - 0.01, margin + 0.01])


def test_the_distance_from_the_best_ends_at_0_where_that_is_decided() -> None:
    margin = t.isf(1 - 0.95**0.5, 8) * 0.01
    low, high = from_best(rows_at(0, 1, 3))
    assert low == pytest.approx([-3 - margin, -2 - margin, 0])
    assert high == pytest.approx([0, 0, 2 + margin])


def test_a_row_is_compared_with_those_that_may_be_best_alone() -> None:
    """The noisiest row is far below all others, so that it widens the interval of none of them."""
    others = rows_at(0, 0.01, 0.02)
    low, _ = from_best(np.vstack([others, 100 * NOISE - 1000]))
    level = 1 - 0.95 ** (1 / 3)
    assert low[:3] == pytest.approx(np.array([-0.02, -0.01, -0.01 + 0.02]) - t.isf(level, 8) * 0.01)


def test_detectable_difference_is_found_as_often_as_promised() -> None:
    random, seeds, comparisons, draws = np.random.default_rng(0), 5, 3, 2000
    shift = detectable([2.0, 2.0], seeds, comparisons)
    a, b = random.normal(0, 2, (2, draws, seeds))
    p = ttest_ind(a + shift, b, axis=1, equal_var=False).pvalue
    assert np.mean(p < 0.05 / comparisons) == pytest.approx(0.8, abs=0.035)  # 4 standard errors


def test_detectable_difference_scales_and_shrinks() -> None:
    assert detectable([0.0, 0.0], 5, 1) == 0
    assert detectable([3.0], 5, 6) == pytest.approx(3 * detectable([1.0], 5, 6))
    assert detectable([1.0, 7.0], 5, 1) == pytest.approx(detectable([5.0], 5, 1))
    assert detectable([1.0], 10, 1) < detectable([1.0], 5, 1) < detectable([1.0], 5, 45)
    with pytest.raises(ValueError, match="two seeds"):
        detectable([1.0], 1, 1)
