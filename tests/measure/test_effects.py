"""Effects, their intervals and what they say of a claim, against numbers worked out by hand."""

from math import atanh, inf, sqrt, tanh

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.effects import (
    FISHER,
    Effect,
    block_effects,
    contrast,
    damping_effects,
    judge,
    mean_over_seeds,
    spearman,
)
from benchmark.measure.significance import welch
from benchmark.measure.trajectory import summarise

T2, T4 = 4.302652729911275, 2.7764451051977987
"""The 97.5 % quantiles of Student's t with 2 and 4 degrees of freedom."""


def ends(effect: Effect, of: int = 1) -> tuple[float, float, float]:
    low, high = effect.interval(of)
    return low, effect.value, high


def test_a_contrast_of_two_cells_is_welchs_difference() -> None:
    a, b = [0.81, 0.83, 0.80, 0.82], [0.79, 0.70]
    effect, test = contrast([a, b], [1, -1]), welch(a, b)
    assert ends(effect) == pytest.approx((test.low, test.value, test.high))
    assert (effect.p, effect.n) == (pytest.approx(test.p), 6)


def test_an_interaction_by_hand() -> None:
    """Cell means 2, 6, 3, 10 of two runs with variance 2: squared error 4, 4 degrees of freedom."""
    cells = [[1.0, 3.0], [5.0, 7.0], [2.0, 4.0], [9.0, 11.0]]
    effect = contrast(cells, [1, -1, -1, 1])
    assert (effect.value, effect.n) == (3, 8)
    assert ends(effect) == pytest.approx((3 - T4 * 2, 3, 3 + T4 * 2))


def test_a_cell_that_alone_varies_decides_the_degrees_of_freedom() -> None:
    """A squared error of 1 / 3 / 4 from the one cell, whose 2 degrees of freedom are all."""
    effect = contrast([[0.0, 1.0, 2.0], [1.0] * 9], [0.5, -0.5])
    assert ends(effect) == pytest.approx((-T2 * 0.5 / sqrt(3), 0, T2 * 0.5 / sqrt(3)))


def test_a_mean_has_students_interval_and_of_several_bonferronis() -> None:
    effect = mean_over_seeds([1.0, 2.0, 3.0])
    assert (effect.value, effect.n) == (2, 3)
    assert ends(effect)[2] - 2 == pytest.approx(T2 / sqrt(3))
    assert ends(effect, of=5)[2] - 2 == pytest.approx(9.92484320091807 / sqrt(3))  # 99.5 %


def test_without_variance_the_interval_is_a_point() -> None:
    effect, nothing = contrast([[1.0, 1.0], [3.0, 3.0]], [1, -1]), mean_over_seeds([0.0, 0.0])
    assert (ends(effect), effect.p, effect.power(0.1)) == ((-2, -2, -2), 0, 1)
    assert (ends(nothing), nothing.p) == ((0, 0, 0), 1)


@given(st.lists(st.floats(-10, 10), min_size=8, max_size=8), st.floats(-5, 5), st.floats(0.1, 9))
def test_shifts_cancel_and_scales_carry_over(numbers: list[float], shift: float, scale: float):
    y = np.array(numbers).reshape(4, 2) + np.random.default_rng(0).normal(size=(4, 2))
    weights = [0.5, 0.5, -0.5, -0.5]
    effect = contrast(y.tolist(), weights)
    moved = contrast((scale * y + shift).tolist(), weights)
    assert ends(moved) == pytest.approx([scale * end for end in ends(effect)], abs=1e-9)


def test_intervals_cover_where_variances_and_runs_differ() -> None:
    """95 % intervals hold the true value in 95 % of 600 draws, within 3 sd of that share."""
    rng = np.random.default_rng(7)
    sd, runs = (0.1, 1.0, 0.5, 2.0), (3, 5, 3, 4)
    covered = 0
    for _ in range(600):
        cells = [rng.normal(1.0, s, n).tolist() for s, n in zip(sd, runs, strict=True)]
        low, high = contrast(cells, [0.5, 0.5, -0.5, -0.5]).interval()
        covered += low <= 0 <= high
    assert abs(covered / 600 - 0.95) < 3 * (0.95 * 0.05 / 600) ** 0.5


def test_the_power_is_the_share_of_draws_that_find_the_effect() -> None:
    rng = np.random.default_rng(3)
    draws = [mean_over_seeds(rng.normal(1.0, 0.5, 4).tolist()) for _ in range(2000)]
    found = np.mean([effect.interval()[0] > 0 for effect in draws])
    stated = Effect(1.0, 0.5 / 2, 3, 4).power(1.0)
    assert abs(found - stated) < 3 * sqrt(stated * (1 - stated) / 2000)
    assert stated == Effect(-1.0, 0.5 / 2, 3, 4).power(-1.0) > Effect(1.0, 0.25, 3, 4).power(1.0, 2)


def certain(*values: float) -> list[Effect]:
    """Effects whose 95 % intervals, each by itself, are 0.0196 to both sides."""
    return [Effect(value, 0.01, inf, 9) for value in values]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("values", "claimed", "judgement"),
    [
        ((0.03,), 0.05, "holds here"),  # also where the interval leaves out the claimed effect
        ((-0.03,), 0.05, "does not hold here"),
        ((0.01,), 0.05, "smaller than claimed"),
        ((-0.01,), 0.05, "smaller than claimed"),
        ((0.01,), 0.02, "undecided"),
        ((0.03, 0.03), 0.05, "holds here"),
        ((0.021, 0.021), 0.05, "smaller than claimed"),  # each by itself would hold
        ((0.021, 0.03), 0.05, "holds here"),  # Holm: 0.0027 <= 0.025, then 0.036 <= 0.05
        ((0.3, -0.03), 0.05, "does not hold here"),
        ((0.3, -0.021), 0.02, "does not hold here"),
        ((0.3, 0.0), 0.05, "smaller than claimed"),  # one jump is not a rise in every block
        ((0.3, 0.0), 0.02, "undecided"),
        ((0.01, 0.0), 0.03, "smaller than claimed"),
    ],
)
def test_every_judgement_of_both_sides(side, values, claimed, judgement) -> None:
    effects = certain(*(side * value for value in values))
    assert judge(effects, side * claimed) == judgement


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=4), st.floats(0.001, 0.1))
def test_the_rule_is_symmetric(values: list[float], claimed: float) -> None:
    turned = [-value for value in values]
    judgement = judge(certain(*values), claimed)
    assert judge(certain(*turned), -claimed) == judgement
    opposite = judge(certain(*values), -claimed)
    assert {judgement, opposite} != {"holds here"}
    assert judgement != "holds here" or opposite == "does not hold here"


def test_a_claim_without_effect_is_decided_against_or_for_in_one_of_twenty_draws() -> None:
    rng = np.random.default_rng(5)
    judged = [
        judge([mean_over_seeds(row) for row in rng.normal(0, 1, (3, 5)).tolist()], 0.1)
        for _ in range(600)
    ]
    assert judged.count("holds here") <= 3
    assert judged.count("does not hold here") / 600 < 0.025 + 3 * sqrt(0.025 * 0.975 / 600)


def path(*amplitudes: float):
    """Ratios of a stack that rises by a_l and falls by a_l in block l."""
    ratios = {"tokens": 1.0}
    for block, amplitude in enumerate(amplitudes, start=1):
        ratios |= {f"block{block}.mixing": 1 + amplitude, f"block{block}.ffn": 1.0}
    return summarise(ratios)


def test_block_effects_are_means_over_seeds() -> None:
    paths = [path(0.3, 0.0), path(0.2, 0.0), path(0.1, 0.0)]
    first, second = block_effects(paths, "fall")
    assert (first.value, second.value) == pytest.approx((-0.2, 0))
    assert first.error == pytest.approx(0.1 / sqrt(3)) and second.error == 0


@pytest.mark.parametrize(
    ("amplitudes", "judgement"),
    [
        ((0.3, 0.2, 0.1, 0.05), "holds here"),
        ((0.3, 0.0, 0.0, 0.0), "holds here"),  # one jump and then nothing
        ((0.05, 0.1, 0.2, 0.3), "does not hold here"),  # growing
        ((-0.3, 0.0, 0.0, 0.0), "does not hold here"),  # the mixing lowers the rank
        ((0.2, 0.2, 0.2, 0.2), "smaller than claimed"),  # oscillates and goes on
        ((0.0, 0.0, 0.0, 0.0), "smaller than claimed"),  # no oscillation
        ((0.02, 0.0, 0.0, 0.0), "undecided"),
    ],
)
def test_damping_is_judged_by_the_first_amplitude_and_what_the_later_ones_lack(
    amplitudes, judgement
) -> None:
    rng = np.random.default_rng(1)
    noise = 0.05 if judgement == "undecided" else 0.003
    seeds = noise * rng.normal(size=(5, 4))
    effects = damping_effects([path(*(amplitudes + each)) for each in seeds])
    assert judge(effects, 0.02) == judgement


STEPS = [[mean - 0.1, mean, mean + 0.1] for mean in (1.0, 2.0, 3.0, 4.0, 5.0)]
SHUFFLED = [STEPS[place] for place in (1, 0, 3, 2, 4)]
NOISE = [[mean - 9, mean, mean + 9] for mean in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_a_correlation_is_of_the_means_of_the_units() -> None:
    """Ranks 1 to 5 against 2, 1, 4, 3, 5: 1 - 6 * 4 / 120."""
    found = spearman(STEPS, SHUFFLED)
    assert (found.value, found.n, found.scale) == (pytest.approx(0.8), 5, FISHER)
    half = 1.959963984540054 * sqrt(1.32 / 2)
    assert ends(found) == pytest.approx((tanh(atanh(0.8) - half), 0.8, tanh(atanh(0.8) + half)))


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (STEPS[:3], STEPS[:3], "too few, it takes 4"),
        (NOISE, SHUFFLED, "their rank does not vary beyond its seeds"),
        (SHUFFLED, NOISE, "their quality does not vary beyond its seeds"),
        (STEPS, [[1.0] * 3] * 5, "their quality does not vary beyond its seeds"),
        (STEPS, STEPS, "all are in line"),
        (STEPS, STEPS[::-1], "all are in line"),
    ],
)
def test_where_there_is_no_correlation_the_reason_is_said(x, y, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        spearman(x, y)


def test_units_whose_means_are_noise_are_mostly_refused() -> None:
    """By the F test, 5 % of them are not; both must pass it."""
    random = np.random.default_rng(0)
    judged = 0
    for _ in range(400):
        x, y = random.standard_normal((2, 6, 3)).tolist()
        try:
            spearman(x, y)
        except ValueError:
            continue
        judged += 1
    assert judged <= 4
