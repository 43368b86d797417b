"""Tests of differences: Welch over seeds, Holm's correction, DeLong and the bootstrap over test
rows and seeds for AUC.

Scores of a run are `(positive, negative)`: the logits of each class. Runs that are compared have
the same test rows in the same order."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, ttest_ind

from benchmark.utils.arrays import ClassScores, Floats, Vector

ALPHA = 0.05
RESAMPLES = 2000
BOOTSTRAP_SEED = 2018
CHUNK = 64  # resamples whose row weights are held at a time


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


def holm(p_values: ArrayLike) -> Vector:
    """Adjust p-values [..., comparisons] (Holm 1979), keeping their order. Raises ValueError
    outside [0, 1]."""
    p = np.asarray(p_values, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p, axis=-1, kind="stable")
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    falling = np.minimum(np.maximum.accumulate(steps, axis=-1), 1)
    np.put_along_axis(adjusted, order, falling, axis=-1)
    return adjusted


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
    runs_a: Sequence[ClassScores], runs_b: Sequence[ClassScores], resamples: int = RESAMPLES
) -> Difference:
    """Compare the mean AUCs of two recipes by bootstrap, over the test rows they share and over
    seeds.

    A resample draws the test rows of each class, the same for every run, and the seeds of each
    recipe. A resampled AUC is linear in the row weights, as in DeLong's variance; the error is of
    order 1 / rows. Deviations of seeds are scaled by sqrt(n / (n - 1)), so that the variance of a
    resampled mean is unbiased. Raises ValueError for fewer than two runs of a recipe, or different
    numbers of rows."""
    recipes = [[placements(run) for run in runs] for runs in (runs_a, runs_b)]
    if min(len(recipe) for recipe in recipes) < 2:
        raise ValueError("a bootstrap over seeds needs two runs of each recipe")
    both = [run for recipe in recipes for run in recipe]
    _require_same_rows(both)
    row_terms = np.split(_row_terms(both, resamples), [len(recipes[0])])
    means, resampled = [], []
    for at, (recipe, terms) in enumerate(zip(recipes, row_terms, strict=True)):
        random = np.random.default_rng([BOOTSTRAP_SEED, at + 1])
        auc, count = np.array([run.auc for run in recipe]), len(recipe)
        scaled = auc.mean() + np.sqrt(count / (count - 1)) * (auc - auc.mean())
        seeds = random.integers(0, count, (count, resamples))
        means.append(float(auc.mean()))
        resampled.append((scaled[seeds] + np.take_along_axis(terms, seeds, axis=0)).mean(axis=0))
    gaps = resampled[0] - resampled[1]
    low, high = np.quantile(gaps, [ALPHA / 2, 1 - ALPHA / 2])
    beyond = 1 + min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    p = min(1.0, 2 * beyond / (resamples + 1))
    return Difference(means[0] - means[1], float(low), float(high), p)


def _row_terms(runs: Sequence[Placements], resamples: int) -> Vector:
    """The change of each AUC by resampled rows, [runs, resamples]."""
    random = np.random.default_rng([BOOTSTRAP_SEED, 0])
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
