import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.shuffle import (
    BLOCK_ROWS,
    WINDOW_BLOCKS,
    WINDOW_ROWS,
    BlockOrder,
    Permutation,
    row_order,
)


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@settings(deadline=None, max_examples=100)
@given(n=st.integers(1, 3000), seed=st.integers(0, 2**32))
def test_a_permutation_hits_every_number_once(n, seed):
    moved = Permutation(n, generator(seed))(np.arange(n))
    np.testing.assert_array_equal(np.sort(moved), np.arange(n))


def test_a_permutation_of_billions_needs_no_memory_for_them():
    n = 10**11
    permutation = Permutation(n, generator(0))
    places = np.arange(n - 1000, n)
    moved = permutation(places)
    assert len(set(moved.tolist())) == 1000
    assert moved.min() >= 0
    assert moved.max() < n
    np.testing.assert_array_equal(permutation(places[::-7]), moved[::-7])


@pytest.mark.parametrize("n", [26, 51])
def test_any_two_rows_are_sent_uniformly(n):
    """Chi-square over all n (n - 1) pairs of places; its sd relative to its mean is sqrt(2 / (n (n
    - 1)))."""
    draws = 10_000
    permutations = [Permutation(n, generator(seed)) for seed in range(draws)]
    pairs = [(0, 1), (0, 7), (0, 8), (3, 24), (n - 2, n - 1)]
    places = np.array(sorted({place for pair in pairs for place in pair}))
    moved = dict(zip(places.tolist(), np.array([p(places) for p in permutations]).T, strict=True))
    expected = draws / (n * (n - 1))
    for one, other in pairs:
        counts = np.bincount(moved[one] * n + moved[other], minlength=n * n).reshape(n, n)
        assert not np.diag(counts).any()
        squares = np.sum((counts[~np.eye(n, dtype=np.bool_)] - expected) ** 2) / expected
        assert abs(squares / (n * (n - 1)) - 1) < 5 * (2 / (n * (n - 1))) ** 0.5


def test_rows_that_are_neighbours_do_not_stay_together():
    n = 100_000
    order = row_order(n, seed=1, epoch=1)(np.arange(n))
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 0.02
    assert np.mean(np.abs(np.diff(order)) == 1) < 1e-4
    other = row_order(n, seed=1, epoch=2)(np.arange(n))
    assert abs(np.corrcoef(order, other)[0, 1]) < 0.02


@pytest.mark.parametrize(
    "n", [1, 100, BLOCK_ROWS, WINDOW_ROWS, WINDOW_ROWS + 1, 2 * WINDOW_ROWS + 5 * BLOCK_ROWS + 17]
)
def test_blocks_hold_every_row_once_and_a_window_stays_within_its_runs(n):
    order = BlockOrder(n, seed=3, epoch=2)
    windows = [order.rows(window) for window in range(order.windows)]
    assert [len(window) for window in windows[:-1]] == [WINDOW_ROWS] * (order.windows - 1)
    np.testing.assert_array_equal(np.sort(np.concatenate(windows)), np.arange(n))
    for number, window in enumerate(windows):
        runs = order.runs(number)
        assert len(runs) <= WINDOW_BLOCKS
        read = {row % n for first, _ in runs for row in range(first, first + BLOCK_ROWS)}
        assert set(window.tolist()) <= read


def test_blocks_begin_elsewhere_in_every_epoch():
    n = WINDOW_ROWS
    starts = [
        {first % BLOCK_ROWS for first, _ in BlockOrder(n, seed=0, epoch=epoch).runs(0)}
        for epoch in range(4)
    ]
    assert [len(images) for images in starts] == [1] * 4
    assert len(set.union(*starts)) == 4
