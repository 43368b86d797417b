"""The factorial analysis against numbers worked out by hand, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.studies.ablation.factorial import analyse

LEVELS = ("p", "q"), ("x", "y")
GRID = {
    ("p", "x"): {0: 1.0, 1: 3.0},
    ("p", "y"): {0: 5.0, 1: 7.0},
    ("q", "x"): {0: 2.0, 1: 4.0},
    ("q", "y"): {0: 9.0, 1: 11.0},
}
"""Cell means 2, 6, 3, 10; sum of squares within cells 8 on 4 degrees of freedom."""


def test_two_by_two_by_hand() -> None:
    found = analyse(GRID, ("A", "B"), LEVELS)
    assert found.mean == 5.25
    assert [(effect.of, effect.estimate) for effect in found.main[0]] == [
        (("p",), -1.25),
        (("q",), 1.25),
    ]
    assert [effect.estimate for effect in found.main[1]] == [-2.75, 2.75]
    assert [(e.of, e.estimate) for e in found.interaction[:2]] == [
        (("p", "x"), 0.75),
        (("p", "y"), -0.75),
    ]
    quantile = 2.7764451051977987  # of Student's t with 4 degrees of freedom, 97.5 %
    for effect in (*found.main[0], *found.main[1], *found.interaction):
        assert effect.half_width == pytest.approx(
            quantile * 0.5
        )  # s^2 = 2, (I - 1) / (I J n) = 1 / 8
    assert [test.f for test in found.tests] == pytest.approx([6.25, 30.25, 2.25])
    assert [test.share * 85.5 for test in found.tests] == pytest.approx([12.5, 60.5, 4.5])
    sine, cosine2 = (
        2.5 / 10.25**0.5,
        4 / 10.25,
    )  # Student's t with 4 degrees of freedom in closed form
    assert found.tests[0].p == pytest.approx(1 - sine * (1 + cosine2 / 2))
    assert [test.source for test in found.tests] == ["A", "B", "A x B"]
    assert (found.residual_df, found.residual_sd) == (4, pytest.approx(2**0.5))
    assert found.sd_ratio == 1 and found.bartlett_p == pytest.approx(1)
    assert found.left_out == ()


def test_three_by_two_half_widths_differ_by_factor() -> None:
    grid = GRID | {("r", "x"): {0: 0.0, 1: 2.0}, ("r", "y"): {0: 4.0, 1: 6.0}}
    found = analyse(grid, ("A", "B"), (("p", "q", "r"), ("x", "y")))
    quantile = 2.4469118511449692  # 6 degrees of freedom; s^2 = 12 / 6
    assert found.main[0][0].half_width == pytest.approx(quantile * (2 * 2 / 12) ** 0.5)
    assert found.main[1][0].half_width == pytest.approx(quantile * (2 * 1 / 12) ** 0.5)
    assert found.interaction[0].half_width == pytest.approx(quantile * (2 * 2 / 12) ** 0.5)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-10, 10), min_size=24, max_size=24), st.floats(-5, 5))
def test_effects_sum_to_zero_and_a_shift_moves_the_mean_alone(numbers, shift) -> None:
    y = np.array(numbers).reshape(3, 2, 4) + np.random.default_rng(0).normal(size=(3, 2, 4))
    levels = ("p", "q", "r"), ("x", "y")

    def grid(y):
        return {
            (a, b): dict(enumerate(y[i, j]))
            for i, a in enumerate("pqr")
            for j, b in enumerate("xy")
        }

    found, moved = (analyse(grid(values), ("A", "B"), levels) for values in (y, y + shift))
    for effects in (*found.main, found.interaction):
        assert sum(effect.estimate for effect in effects) == pytest.approx(0, abs=1e-9)
    assert moved.mean == pytest.approx(found.mean + shift)
    assert [test.p for test in moved.tests] == pytest.approx(
        [test.p for test in found.tests], rel=1e-6, abs=1e-12
    )
    assert sum(test.share for test in found.tests) <= 1


def test_intervals_cover() -> None:
    """95 % intervals of a main effect hold its true value in 95 % of draws: 400 draws, within 3 sd
    of that share."""
    rng = np.random.default_rng(7)
    effect = {"p": -0.5, "q": 0.5}
    covered = 0
    for _ in range(400):
        grid = {
            (a, b): {seed: effect[a] + rng.normal() for seed in range(3)}
            for a in ("p", "q")
            for b in ("x", "y")
        }
        first = analyse(grid, ("A", "B"), LEVELS).main[0][0]
        covered += abs(first.estimate + 0.5) <= first.half_width
    assert abs(covered / 400 - 0.95) < 3 * (0.95 * 0.05 / 400) ** 0.5


def test_partial_grid_is_the_largest_complete_one_and_says_so() -> None:
    grid = GRID | {("r", "x"): {0: 0.0, 1: 2.0}}
    found = analyse(grid, ("A", "B"), (("p", "q", "r"), ("x", "y")))
    assert found.levels == LEVELS
    assert found.left_out == ("r/x: it is outside the largest complete grid",)


def test_seeds_that_not_every_cell_has_are_left_out() -> None:
    found = analyse(GRID | {("p", "x"): {0: 1.0, 1: 3.0, 5: 100.0}}, ("A", "B"), LEVELS)
    assert found.seeds == (0, 1) and found.mean == 5.25
    assert found.left_out == ("p/x, seeds 5: not every cell has them",)


def test_unequal_variances_are_seen() -> None:
    found = analyse(GRID | {("p", "x"): {0: -98.0, 1: 102.0}}, ("A", "B"), LEVELS)
    assert found.sd_ratio == pytest.approx(100)
    assert found.bartlett_p is not None and found.bartlett_p < 0.05


@pytest.mark.parametrize(
    "grid",
    [
        {name: {0: runs[0]} for name, runs in GRID.items()},
        {name: GRID[name] for name in list(GRID)[:3]},
        {},
        {name: {seed + 10 * k: 0.5 * seed for seed in range(2)} for k, name in enumerate(GRID)},
    ],
    ids=["one seed", "three cells", "nothing", "no common seeds"],
)
def test_refusals(grid) -> None:
    with pytest.raises(BenchmarkError, match=r"two levels of each factor.*run more"):
        analyse(grid, ("A", "B"), LEVELS)


def test_equal_runs_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="no variance"):
        analyse({name: {0: 1.0, 1: 1.0} for name in GRID}, ("A", "B"), LEVELS)
