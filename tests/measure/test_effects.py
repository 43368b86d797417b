"""Effects and their intervals against numbers worked out by hand."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.significance import contrast, difference, mean_over_seeds

T2, T4 = 4.302652729911275, 2.7764451051977987
"""The 97.5 % quantiles of Student's t with 2 and 4 degrees of freedom."""


def test_a_contrast_of_two_cells_is_welchs_difference() -> None:
    a, b = [0.81, 0.83, 0.80, 0.82], [0.79, 0.70]
    one, other = contrast([a, b], [1, -1], "AUC"), difference(a, b, "AUC")
    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))
    assert one.n == other.n == 6


def test_an_interaction_by_hand() -> None:
    """Cell means 2, 6, 3, 10 of two runs with variance 2: squared error 4, 4 degrees of freedom."""
    cells = [[1.0, 3.0], [5.0, 7.0], [2.0, 4.0], [9.0, 11.0]]
    effect = contrast(cells, [1, -1, -1, 1], "", "of four cells")
    assert (effect.value, effect.n, effect.remark) == (3, 8, "of four cells")
    assert effect.high - effect.value == effect.value - effect.low == pytest.approx(T4 * 2)


def test_a_cell_that_alone_varies_decides_the_degrees_of_freedom() -> None:
    """A squared error of 1 / 3 / 4 from the one cell, whose 2 degrees of freedom are all."""
    effect = contrast([[0.0, 1.0, 2.0], [1.0] * 9], [0.5, -0.5], "")
    assert effect.value == 0
    assert effect.high == pytest.approx(T2 * 0.5 / sqrt(3))


def test_a_mean_has_students_interval() -> None:
    effect = mean_over_seeds([1.0, 2.0, 3.0], "rank")
    assert (effect.value, effect.n, effect.unit) == (2, 3, "rank")
    assert effect.high - 2 == pytest.approx(T2 / sqrt(3))


def test_without_variance_the_interval_is_a_point() -> None:
    effect = contrast([[1.0, 1.0], [3.0, 3.0]], [1, -1], "")
    assert (effect.low, effect.value, effect.high) == (-2, -2, -2)


@given(st.lists(st.floats(-10, 10), min_size=8, max_size=8), st.floats(-5, 5), st.floats(0.1, 9))
def test_shifts_cancel_and_scales_carry_over(numbers: list[float], shift: float, scale: float):
    y = np.array(numbers).reshape(4, 2) + np.random.default_rng(0).normal(size=(4, 2))
    weights = [0.5, 0.5, -0.5, -0.5]
    effect = contrast(y.tolist(), weights, "")
    moved = contrast((scale * y + shift).tolist(), weights, "")
    for part in ("value", "low", "high"):
        assert getattr(moved, part) == pytest.approx(scale * getattr(effect, part), abs=1e-9)


def test_intervals_cover_where_variances_and_runs_differ() -> None:
    """95 % intervals hold the true value in 95 % of 600 draws, within 3 sd of that share."""
    rng = np.random.default_rng(7)
    sd, runs = (0.1, 1.0, 0.5, 2.0), (3, 5, 3, 4)
    covered = 0
    for _ in range(600):
        cells = [rng.normal(1.0, s, n).tolist() for s, n in zip(sd, runs, strict=True)]
        effect = contrast(cells, [0.5, 0.5, -0.5, -0.5], "")
        covered += effect.low <= 0 <= effect.high
    assert abs(covered / 600 - 0.95) < 3 * (0.95 * 0.05 / 600) ** 0.5
