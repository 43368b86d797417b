"""Kendall's W: hand-computed values, and what it says of orders that agree and that do not."""

import numpy as np
import pytest

from benchmark.measure.concordance import FEWEST_ROWS, concordance, kendall_w

SPREAD = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])


def samples(means, sd: float = 1e-3):
    """Rows of five seeds, spread evenly about their means."""
    return np.asarray(means, np.float64)[:, None] + sd * SPREAD


@pytest.mark.parametrize(
    ("values", "w"),
    [
        ([[1, 2, 3], [1, 2, 3]], 1),
        ([[1, 2, 3], [3, 2, 1]], 0),
        ([[1, 2, 3], [1, 3, 2], [2, 1, 3]], 4 / 9),  # totals 4, 6, 8: S = 8 of 9 * 24 / 12
        ([[1, 2, 2], [1, 2, 3]], 78 / 84),  # totals 2, 4.5, 5.5: 12 * 6.5 of 4 * 24 - 2 * 6
        ([[7, 7, 7], [7, 7, 7]], 0),
    ],
)
def test_w_by_hand(values, w) -> None:
    assert kendall_w(np.array(values, np.float64)) == pytest.approx(w)


def test_many_tables_at_once() -> None:
    one, other = [[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [3, 2, 1]]
    assert kendall_w(np.array([one, other], np.float64)).tolist() == [1, 0]


def test_rows_far_apart_leave_no_interval_and_beat_chance() -> None:
    means = np.linspace(0.7, 0.8, 10)
    found = concordance([samples(means), samples(means - 0.1), samples(means**2)])
    assert found.w == 1 and found.interval.low == 1 and found.interval.high == 1
    assert 0.4 < found.by_chance < 0.7 and found.p == pytest.approx(1e-4, rel=0.01)
    assert found.found


def test_orders_that_disagree_are_not_found() -> None:
    means = np.linspace(0.7, 0.8, 10)
    mixed = means[[3, 7, 1, 9, 4, 0, 8, 2, 6, 5]]
    found = concordance([samples(means), samples(mixed)])
    assert found.w < found.by_chance < 1 and found.p > 0.05 and not found.found


def test_seeds_that_blur_the_order_leave_it_open() -> None:
    means = np.linspace(0.7, 0.8, 10)
    clear, blurred = (concordance([samples(means, sd)] * 2) for sd in (1e-3, 0.1))
    assert clear.w == blurred.w == 1
    assert clear.found and not blurred.found
    low, high = blurred.interval.low, blurred.interval.high
    assert low is not None and low < 0.9 and high == 1


def test_the_fewest_rows_can_be_found_and_one_fewer_could_not() -> None:
    far = samples(np.linspace(0.7, 0.8, FEWEST_ROWS))
    assert concordance([far, far]).found
    fewer = np.random.default_rng(0).random((10_000, 2, FEWEST_ROWS - 1))
    assert np.quantile(kendall_w(fewer), 0.95) == 1


def test_the_same_samples_give_the_same_numbers() -> None:
    rng = np.random.default_rng(3)
    each = [rng.normal(size=(6, 5)) for _ in range(3)]
    assert concordance(each) == concordance(each)


@pytest.mark.parametrize(
    "each",
    [
        [np.ones((4, 5))],
        [np.ones((3, 5))] * 2,
        [np.ones((4, 5)), np.ones((5, 5))],
        [np.ones((4, 1))] * 2,
    ],
    ids=["one data set", "three rows", "other rows", "one seed"],
)
def test_what_cannot_be_compared_is_refused(each) -> None:
    with pytest.raises(ValueError, match="concordance needs"):
        concordance(each)
