"""Against definitions, sums by hand, brute force and small simulations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import t

from benchmark.measure import metrics
from benchmark.measure.significance import (
    bootstrap_difference,
    delong,
    holm,
    placements,
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
    assert list(holm([0.9, 0.8])) == [1, 1]
    assert len(holm([])) == 0
    table = [[0.01, 0.04], [0.9, 0.02]]
    assert [list(adjusted) for adjusted in holm(table)] == [[0.02, 0.04], [0.9, 0.04]]


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
        bootstrap_difference(runs_a, runs_b, 4000),
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


def test_bootstrap_is_repeatable_and_the_same_both_ways() -> None:
    runs_a, runs_b = ([make_scores(10 * recipe + seed) for seed in range(3)] for recipe in (0, 1))
    there, back = (
        bootstrap_difference(*both, 2000) for both in ((runs_a, runs_b), (runs_b, runs_a))
    )
    assert there == bootstrap_difference(runs_a, runs_b, 2000)
    assert back.value == -there.value
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=0.01)


def test_seeds_alone_do_not_see_that_recipes_differ_by_row() -> None:
    """Two recipes that are equally good, but on different rows: the bootstrap knows, Welch not."""
    random, called, outside = np.random.default_rng(0), 0, 0
    for _ in range(40):
        shared = random.normal(size=400) + np.repeat([1.0, 0.0], [100, 300])
        own = shared + 0.5 * random.normal(size=(2, 1, 400))
        logits = own + 0.1 * random.normal(size=(2, 5, 400))
        runs_a, runs_b = ([(logit[:100], logit[100:]) for logit in recipe] for recipe in logits)
        difference = bootstrap_difference(runs_a, runs_b, 500)
        outside += not difference.low <= 0 <= difference.high
        aucs = ([placements(run).auc for run in runs] for runs in (runs_a, runs_b))
        called += welch(*aucs).p < 0.05
    assert called > 12 > 8 > outside


def test_bootstrap_of_seeds_has_the_spread_of_their_unbiased_variance() -> None:
    """Rows of which every pair is won, tied or lost alike leave the seeds alone to vary."""
    runs = (
        [(np.full(20, level), np.zeros(20)) for level in (1.0, 0.0, 0.0)],
        [(np.zeros(20), np.zeros(20))] * 2,
    )
    difference = bootstrap_difference(*runs, 20_000)
    # AUCs 1, 1/2, 1/2 (mean 2/3) against 1/2: a resample holds k of the first, k ~ Binomial(3,
    # 1/3); at most 3
    stretch = np.sqrt(3 / 2)
    assert difference.value == pytest.approx(1 / 6)
    assert (difference.low, difference.high) == pytest.approx(
        (1 / 6 - stretch / 6, 1 / 6 + stretch / 3)
    )


def test_bootstrap_refuses_single_runs_and_unlike_rows() -> None:
    with pytest.raises(ValueError, match="two runs"):
        bootstrap_difference([make_scores(0)], [make_scores(1)] * 2, 10)
    with pytest.raises(ValueError, match="same test rows"):
        bootstrap_difference([make_scores(0)] * 2, [make_scores(1, positives=41)] * 2, 10)
