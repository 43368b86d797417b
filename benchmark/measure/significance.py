"""Tests of differences: Welch and Holm over the seeds of a table's rows and their power, DeLong and
the bootstrap over test rows and seeds for AUC.

Scores of a run are `(positive, negative)`: the logits of each class. Runs that are compared have
the same test rows in the same order."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import beta, nct, norm, ttest_ind
from scipy.stats import t as student

from benchmark.utils.arrays import Floats, Vector

ALPHA = 0.05
POWER = 0.8
CHUNK = 64  # resamples whose row weights are held at a time
ClassScores = tuple[Floats, Floats]


@dataclass(frozen=True)
class Difference:
    """A difference a - b with its 95 % interval and two-sided p."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Interval:
    """A 95 % interval; an end is None where the data set no bound on that side."""

    low: float | None
    high: float | None

    @property
    def width(self) -> float | None:
        """None where an end is open."""
        return None if self.low is None or self.high is None else self.high - self.low

    def __contains__(self, value: float) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


def welch(a: ArrayLike, b: ArrayLike) -> Difference:
    """Compare two means with unequal variances (Welch 1947). Different constants have p 0. Raises
    ValueError for fewer than two values or one that is not finite."""
    samples = x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    for sample in samples:
        if sample.ndim != 1 or len(sample) < 2 or not np.isfinite(sample).all():
            raise ValueError("a comparison needs two finite values on each side")
    if np.var(x - x[0]) + np.var(y - y[0]) == 0:
        return _without_error(float(x[0] - y[0]))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # one constant sample
        test = ttest_ind(x, y, equal_var=False)
    interval = test.confidence_interval(1 - ALPHA)
    value = float(np.mean(x) - np.mean(y))
    return Difference(value, float(interval.low), float(interval.high), float(test.pvalue))


def welch_freedom(share: ArrayLike, rows_a: int, rows_b: int) -> Vector:
    """Welch-Satterthwaite degrees of freedom; `share` is that of a's squared standard error in the
    sum of both."""
    share = np.asarray(share, np.float64)
    freedom: Vector = 1 / (share**2 / (rows_a - 1) + (1 - share) ** 2 / (rows_b - 1))
    return freedom


def holm(p_values: ArrayLike) -> list[float]:
    """Adjust p-values (Holm 1979), keeping their order. Raises ValueError outside [0, 1]."""
    p = np.asarray(p_values, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return [float(value) for value in adjusted]


def ranks(samples: Sequence[ArrayLike]) -> list[int]:
    """Rank rows by 1 + the number of significantly larger ones: Welch and Holm over all pairs."""
    pairs = list(combinations(range(len(samples)), 2))
    differences = [welch(samples[first], samples[second]) for first, second in pairs]
    adjusted = holm([difference.p for difference in differences])
    result = [1] * len(samples)
    for (first, second), difference, p in zip(pairs, differences, adjusted, strict=True):
        if p <= ALPHA:
            result[second if difference.value > 0 else first] += 1
    return result


def detectable(sds: Sequence[float], seeds: int, comparisons: int) -> float:
    """The smallest true difference of two rows that is found with power POWER.

    Both rows have the root mean square of `sds`. Every comparison is tested at ALPHA / comparisons,
    Holm's first step; later steps only find more. Welch's statistic is then noncentral t with
    2 (seeds - 1) degrees of freedom; its critical value depends on how the two sample variances
    share their sum, which is Beta distributed and averaged over."""
    if seeds < 2 or comparisons < 1:
        raise ValueError("a detectable difference needs two seeds and one comparison")
    error = float(np.sqrt(np.mean(np.square(sds)) * 2 / seeds))
    freedom = 2 * (seeds - 1)
    share = beta.ppf((np.arange(200) + 0.5) / 200, (seeds - 1) / 2, (seeds - 1) / 2)
    critical = student.isf(ALPHA / comparisons / 2, welch_freedom(share, seeds, seeds))

    def excess(errors: float) -> float:
        return float(np.mean(nct.sf(critical, freedom, errors))) - POWER

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return error * float(brentq(excess, 0, high))


def delong(a: ClassScores, b: ClassScores) -> Difference:
    """Compare the AUCs of two runs on the same test rows (DeLong et al. 1988). Raises ValueError
    for different numbers of rows."""
    placed_a, placed_b = placements(a), placements(b)
    _require_same_rows([placed_a, placed_b])
    parts = placed_a.positive - placed_b.positive, placed_a.negative - placed_b.negative
    error = np.sqrt(sum(np.mean(part**2) / (len(part) - 1) for part in parts))
    return normal_difference(placed_a.auc - placed_b.auc, float(error))


def normal_difference(value: float, error: float) -> Difference:
    """A difference that is normally distributed with this standard error."""
    if error == 0:
        return _without_error(value)
    margin = float(norm.isf(ALPHA / 2)) * error
    return Difference(value, value - margin, value + margin, float(2 * norm.sf(abs(value) / error)))


def _without_error(value: float) -> Difference:
    return Difference(value, value, value, 1.0 if value == 0 else 0.0)


@dataclass(frozen=True)
class Placements:
    """A run's AUC and each row's deviation from it: the share of negatives below a positive, or of
    positives above a negative, ties one half, less the AUC."""

    auc: float
    positive: Vector
    negative: Vector


def placements(scores: ClassScores) -> Placements:
    """Raises ValueError for fewer than two rows of a class."""
    positive, negative = (np.asarray(part) for part in scores)
    if min(len(positive), len(negative)) < 2:
        raise ValueError("AUCs are compared over at least two rows of each class")
    below = _below(positive, np.sort(negative))
    above = 1 - _below(negative, np.sort(positive))
    auc = float(np.mean(below))
    return Placements(auc, below - auc, above - auc)


def bootstrap_difference(
    runs_a: Sequence[ClassScores], runs_b: Sequence[ClassScores], resamples: int, seed: int
) -> Difference:
    """Compare the mean AUCs of two recipes, over the test rows they share and over seeds."""
    placed_a, placed_b = ([placements(run) for run in runs] for runs in (runs_a, runs_b))
    return bootstrap_differences(placed_a, [placed_b], resamples, seed)[0]


def bootstrap_differences(
    runs: Sequence[Placements], others: Sequence[Sequence[Placements]], resamples: int, seed: int
) -> list[Difference]:
    """The mean AUC of `runs` less that of each of `others`, with bootstrap quantiles.

    A resample draws the test rows of each class, the same for every run, and the seeds of each
    recipe. A resampled AUC is linear in the row weights, as in DeLong's variance; the error is of
    order 1 / rows. Deviations of seeds are scaled by sqrt(n / (n - 1)), so that the variance of a
    resampled mean is unbiased. Raises ValueError for fewer than two runs of a recipe, or different
    numbers of rows."""
    recipes = [list(runs), *(list(other) for other in others)]
    if min(len(recipe) for recipe in recipes) < 2:
        raise ValueError("a bootstrap over seeds needs two runs of each recipe")
    all_runs = [run for recipe in recipes for run in recipe]
    _require_same_rows(all_runs)
    ends = np.cumsum([len(recipe) for recipe in recipes])
    row_terms = np.split(_row_terms(all_runs, resamples, seed), ends[:-1])
    means, resampled = [], []
    for at, (recipe, terms) in enumerate(zip(recipes, row_terms, strict=True)):
        random = np.random.default_rng([seed, min(at, 1) + 1])
        auc, count = np.array([run.auc for run in recipe]), len(recipe)
        scaled = auc.mean() + np.sqrt(count / (count - 1)) * (auc - auc.mean())
        seeds = random.integers(0, count, (count, resamples))
        means.append(auc.mean())
        resampled.append((scaled[seeds] + np.take_along_axis(terms, seeds, axis=0)).mean(axis=0))
    results = []
    for mean, other in zip(means[1:], resampled[1:], strict=True):
        gaps = resampled[0] - other
        low, high = np.quantile(gaps, [ALPHA / 2, 1 - ALPHA / 2])
        beyond = 1 + min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
        p = min(1.0, 2 * beyond / (resamples + 1))
        results.append(Difference(float(means[0] - mean), float(low), float(high), p))
    return results


def _row_terms(runs: Sequence[Placements], resamples: int, seed: int) -> Vector:
    """The change of each AUC by resampled rows, [runs, resamples]."""
    random = np.random.default_rng([seed, 0])
    classes = [np.stack([run.positive for run in runs]), np.stack([run.negative for run in runs])]
    terms = np.zeros((len(runs), resamples))
    for start in range(0, resamples, CHUNK):
        stop = min(start + CHUNK, resamples)
        for values in classes:
            rows = values.shape[1]
            draws = (random.integers(0, rows, rows) for _ in range(start, stop))
            counts = [np.bincount(draw, minlength=rows) for draw in draws]
            weights = np.stack(counts, axis=1, dtype=np.float64)
            terms[:, start:stop] += values @ weights / rows
    return terms


def _below(score: Floats, among: Floats) -> Vector:
    """The share of the sorted `among` below each score, ties one half."""
    counts = np.searchsorted(among, score, "left") + np.searchsorted(among, score, "right")
    return counts / (2 * len(among))


def _require_same_rows(runs: Sequence[Placements]) -> None:
    if len({(len(run.positive), len(run.negative)) for run in runs}) > 1:
        raise ValueError("the runs were not scored on the same test rows")
