"""Against definitions, sums by hand, brute force and small simulations."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t, ttest_ind

from benchmark.measure import metrics
from benchmark.measure.significance import (
    bootstrap_difference,
    bootstrap_differences,
    delong,
    detectable,
    holm,
    placements,
    ranks,
    welch,
)

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)
PROBABILITIES = st.lists(st.floats(0, 1), max_size=10)


@given(VALUES, VALUES)
def test_welch_is_its_definition(a, b) -> None:
    difference = welch(a, b)
    assume(min(np.ptp(a), np.ptp(b)) > 1e-3)
    (mean_a, square_a), (mean_b, square_b) = (
        (np.mean(x), np.var(x, ddof=1) / len(x)) for x in (a, b)
    )
    error = np.sqrt(square_a + square_b)
    freedom = error**4 / (square_a**2 / (len(a) - 1) + square_b**2 / (len(b) - 1))
    value, margin = mean_a - mean_b, t.isf(0.025, freedom) * error
    assert difference.p == pytest.approx(2 * t.sf(abs(value) / error, freedom), rel=1e-7, abs=1e-12)
    assert (difference.low, difference.high) == pytest.approx(
        (value - margin, value + margin), rel=1e-7, abs=1e-9
    )
    assert welch(b, a).value == -difference.value


def test_welch_by_hand() -> None:
    """Variances 2 and 2: squared error 2, two degrees of freedom, for which p = 1 - t / sqrt(2 +
    t^2)."""
    difference = welch([0, 2], [5, 7])
    assert difference.value == -5
    assert difference.p == pytest.approx(1 - np.sqrt(12.5 / 14.5), rel=1e-12)
    assert (difference.low, difference.high) == pytest.approx(
        (-5 - 4.302653 * np.sqrt(2), -5 + 4.302653 * np.sqrt(2)), rel=1e-6
    )


def test_welch_of_constants() -> None:
    assert welch([0.1] * 3, [0.1] * 5).p == 1
    assert welch([0.1] * 3, [0.2] * 3).p == 0
    assert 0 < welch([0.1] * 3, [0.2, 0.3, 0.4]).p < 1


@pytest.mark.parametrize("values", [[1.0], [], [1.0, float("nan")], [1.0, float("inf")]])
def test_welch_needs_two_finite_values(values) -> None:
    with pytest.raises(ValueError, match="two finite values"):
        welch(values, [1.0, 2.0])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


@given(PROBABILITIES)
def test_holm_lies_between_the_p_and_bonferronis(p) -> None:
    adjusted = holm(p)
    for before, after in zip(p, adjusted, strict=True):
        assert before <= after <= min(1, before * len(p) + 1e-12)
    assert [x for _, x in sorted(zip(p, adjusted, strict=True))] == sorted(adjusted)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_takes_probabilities_only(p) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, p])


def test_ranks_count_the_rows_that_are_better() -> None:
    noise = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    assert ranks([1 + noise, 2 + noise, 2.001 + noise, 3 + noise]) == [4, 2, 2, 1]
    assert ranks([noise, noise, noise]) == [1, 1, 1]
    assert ranks([noise]) == [1]
    assert ranks([]) == []


@given(
    st.lists(st.lists(st.integers(-50, 50), min_size=3, max_size=3), min_size=1, max_size=5),
    st.randoms(),
)
def test_ranks_belong_to_rows_whatever_their_order(samples, random) -> None:
    difference = ranks(samples)
    order = random.sample(range(len(samples)), len(samples))
    assert ranks([samples[at] for at in order]) == [difference[at] for at in order]
    assert difference[int(np.argmax([sum(sample) for sample in samples]))] == 1
    assert ranks([[value + 7 for value in sample] for sample in samples]) == difference


def test_ranks_are_not_transitive() -> None:
    """The middle row differs from neither of the others, which differ from each other."""
    noise = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    assert ranks([noise, noise + 0.025, noise + 0.05]) == [2, 1, 1]


def test_ranks_hold_the_error_over_all_pairs() -> None:
    """A pair that alone would be significant is not, once it is one of many."""
    noise = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    better = noise + 0.025
    assert welch(better, noise).p < 0.05
    assert ranks([better, noise]) == [1, 2]
    assert ranks([better, *[noise] * 5]) == [1] * 6


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


def make_scores(seed: int, noise: float = 1.0, positives: int = 40, negatives: int = 70):
    """Tied logits of one set of rows; `seed` alters the run alone."""
    rows, run = np.random.default_rng(0), np.random.default_rng([1, seed])
    logit = rows.normal(size=positives + negatives) + noise * run.normal(size=positives + negatives)
    logit[:positives] += 1
    return np.round(logit[:positives], 1), np.round(logit[positives:], 1)


def wins(scores) -> np.ndarray:
    """[positives, negatives]: 1, one half for a tie, or 0."""
    positive, negative = scores
    return (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)


def test_placements_are_the_means_of_the_wins() -> None:
    scores = make_scores(0)
    placed, won = placements(scores), wins(scores)
    label = np.repeat(np.array([1, 0], np.uint8), [len(part) for part in scores])
    assert placed.auc == pytest.approx(metrics.auc(np.concatenate(scores), label), abs=1e-12)
    assert placed.positive == pytest.approx(won.mean(axis=1) - won.mean(), abs=1e-12)
    assert placed.negative == pytest.approx(won.mean(axis=0) - won.mean(), abs=1e-12)


def test_delong_is_its_definition() -> None:
    a, b = make_scores(0), make_scores(1, 2.0)
    components = [np.stack([wins(one).mean(axis=axis) for one in (a, b)]) for axis in (1, 0)]
    covariance = sum(np.cov(component) / component.shape[1] for component in components)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = delong(a, b)
    assert difference.value == pytest.approx(wins(a).mean() - wins(b).mean(), abs=1e-12)
    assert difference.high - difference.low == pytest.approx(2 * 1.959963985 * error, rel=1e-9)
    assert delong(b, a).p == difference.p


def test_delong_of_a_run_with_itself_and_of_unlike_rows() -> None:
    assert delong(make_scores(0), make_scores(0)).p == 1
    separated = np.array([3.0, 4.0]), np.array([1.0, 2.0])
    assert delong(separated, (-separated[0], -separated[1])).p == 0
    with pytest.raises(ValueError, match="same test rows"):
        delong(make_scores(0), make_scores(0, positives=41))
    with pytest.raises(ValueError, match="two rows of each class"):
        delong((np.ones(1), np.ones(3)), (np.ones(1), np.ones(3)))


def test_delong_holds_its_level() -> None:
    random, rejected, draws = np.random.default_rng(0), 0, 400
    for _ in range(draws):
        shared = random.normal(size=120) + np.repeat([1.0, 0.0], [50, 70])
        a, b = (shared + random.normal(size=120) for _ in range(2))
        rejected += delong((a[:50], a[50:]), (b[:50], b[50:])).p < 0.05
    assert rejected / draws == pytest.approx(0.05, abs=0.035)


def exact_bootstrap(runs_a, runs_b, resamples: int) -> np.ndarray:
    """Differences of means by drawing rows, nothing taken to first order; seeds as the module
    says."""
    random = np.random.default_rng(5)
    won = [np.stack([wins(run) for run in runs]) for runs in (runs_a, runs_b)]
    _, positives, negatives = won[0].shape
    difference = []
    for _ in range(resamples):
        rows = random.integers(0, positives, positives)
        columns = random.integers(0, negatives, negatives)
        means = []
        for one in won:
            whole = one.mean(axis=(1, 2))
            count = len(whole)
            auc = one[:, rows][:, :, columns].mean(axis=(1, 2))
            auc += (np.sqrt(count / (count - 1)) - 1) * (whole - whole.mean())
            means.append(auc[random.integers(0, count, count)].mean())
        difference.append(means[0] - means[1])
    return np.array(difference)


def test_bootstrap_is_that_of_drawn_rows_and_seeds() -> None:
    runs_a, runs_b = (
        [make_scores(seed) for seed in range(4)],
        [make_scores(10 + seed, 2.0) for seed in range(3)],
    )
    exact, difference = (
        exact_bootstrap(runs_a, runs_b, 2000),
        bootstrap_difference(runs_a, runs_b, 4000, 0),
    )
    assert difference.value == pytest.approx(
        np.mean([wins(x).mean() for x in runs_a]) - np.mean([wins(x).mean() for x in runs_b])
    )
    assert difference.high - difference.low == pytest.approx(
        np.ptp(np.quantile(exact, [0.025, 0.975])), rel=0.1
    )
    assert (difference.low + difference.high) / 2 == pytest.approx(
        np.mean(np.quantile(exact, [0.025, 0.975])), abs=0.012
    )
    assert difference.p == pytest.approx(
        2 * min(np.mean(exact <= 0), np.mean(exact >= 0)), abs=0.03
    )


def test_bootstrap_is_repeatable_and_pairwise() -> None:
    recipes = [
        [make_scores(10 * recipe + seed) for seed in range(2 + recipe)] for recipe in range(3)
    ]
    placed = [[placements(run) for run in runs] for runs in recipes]
    together = bootstrap_differences(placed[0], placed[1:], 100, 7)
    assert together == [bootstrap_difference(recipes[0], other, 100, 7) for other in recipes[1:]]
    assert together != bootstrap_differences(placed[0], placed[1:], 100, 8)


def test_bootstrap_of_seeds_has_the_spread_of_their_unbiased_variance() -> None:
    """Rows of which every pair is won, tied or lost alike leave the seeds alone to vary."""
    runs = (
        [(np.full(20, level), np.zeros(20)) for level in (1.0, 0.0, 0.0)],
        [(np.zeros(20), np.zeros(20))] * 2,
    )
    difference = bootstrap_difference(*runs, 20_000, 0)
    # AUCs 1, 1/2, 1/2 (mean 2/3) against 1/2: a resample holds k of the first, k ~ Binomial(3,
    # 1/3); at most 3
    stretch = np.sqrt(3 / 2)
    assert difference.value == pytest.approx(1 / 6)
    assert (difference.low, difference.high) == pytest.approx(
        (1 / 6 - stretch / 6, 1 / 6 + stretch / 3)
    )


def test_bootstrap_refuses_single_runs_and_unlike_rows() -> None:
    with pytest.raises(ValueError, match="two runs"):
        bootstrap_difference([make_scores(0)], [make_scores(1)] * 2, 10, 0)
    with pytest.raises(ValueError, match="same test rows"):
        bootstrap_difference([make_scores(0)] * 2, [make_scores(1, positives=41)] * 2, 10, 0)


def test_every_pair_is_tested_once() -> None:
    """Ranks of a table of rows far apart are its order, whatever that is."""
    noise = np.array([-1e-3, 0, 1e-3, 2e-3, -2e-3])
    for order in combinations(range(6), 4):
        assert ranks([-level + noise for level in order]) == [1, 2, 3, 4]
