"""Is a difference real? Welch and Holm over the seeds of a table's rows, its power, DeLong and the
bootstrap over test rows and seeds for AUC. Everything here takes numbers, not records.

Two scores that share their test rows are `(positive, negative)`: the logits of each class, row by
row in one order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import beta, nct, norm, t

ALPHA = 0.05
POWER = 0.8
CHUNK = 64
"""Resamples whose row weights are held at a time."""

Floats = NDArray[np.floating]
Vector = NDArray[np.float64]
Scores = tuple[Floats, Floats]


@dataclass(frozen=True)
class Difference:
    """Of a from b, a - b, with its 95 % interval and two-sided p."""

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
    """Of two means with unequal variances (Welch 1947). Constants differ for certain (p 0) or not
    at all (p 1).

    Raises ValueError for fewer than two values or one that is not finite."""
    (mean_a, square_a), (mean_b, square_b) = _mean_and_squared_error(a), _mean_and_squared_error(b)
    value, error = mean_a - mean_b, float(np.sqrt(square_a + square_b))
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 0 else 0.0)
    freedom = welch_freedom(square_a / (square_a + square_b), np.size(a), np.size(b))
    margin = float(t.isf(ALPHA / 2, freedom)) * error
    return Difference(
        value, value - margin, value + margin, float(2 * t.sf(abs(value) / error, freedom))
    )


def welch_freedom(share: ArrayLike, rows_a: int, rows_b: int) -> Vector:
    """Welch-Satterthwaite degrees of freedom, where a's squared standard error is this share of the
    two's sum."""
    share = np.asarray(share, np.float64)
    freedom: Vector = 1 / (share**2 / (rows_a - 1) + (1 - share) ** 2 / (rows_b - 1))
    return freedom


def holm(p_values: ArrayLike) -> list[float]:
    """Adjusted p-values (Holm 1979), in the order given; ValueError for what is no probability."""
    p = np.asarray(p_values, np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return [float(value) for value in adjusted]


def ranks(samples: Sequence[ArrayLike], alpha: float = ALPHA) -> list[int]:
    """1 + the number of rows significantly better, larger being better: Welch on every pair, Holm
    over all pairs."""
    pairs = list(combinations(range(len(samples)), 2))
    found = [welch(samples[first], samples[second]) for first, second in pairs]
    result = [1] * len(samples)
    for (first, second), difference, p in zip(
        pairs, found, holm([one.p for one in found]), strict=True
    ):
        if p <= alpha:
            result[second if difference.value > 0 else first] += 1
    return result


def detectable(
    sds: Sequence[float], seeds: int, comparisons: int, power: float = POWER, alpha: float = ALPHA
) -> float:
    """The smallest true difference of two rows whose better one is found with this power among so
    many comparisons.

    Both rows have the root mean square of `sds`. Every comparison is tested at alpha / comparisons,
    Holm's first step: its later steps only find more. Welch's statistic is then noncentral t with 2
    (seeds - 1) degrees of freedom; its critical value depends on how the two sample variances share
    their sum, which is Beta distributed and averaged over.
    """
    if seeds < 2 or comparisons < 1:
        raise ValueError("a detectable difference needs two seeds and one comparison")
    error = float(np.sqrt(np.mean(np.square(sds)) * 2 / seeds))
    freedom = 2 * (seeds - 1)
    share = beta.ppf((np.arange(200) + 0.5) / 200, (seeds - 1) / 2, (seeds - 1) / 2)
    critical = t.isf(alpha / comparisons / 2, welch_freedom(share, seeds, seeds))

    def excess(errors: float) -> float:
        return float(np.mean(nct.sf(critical, freedom, errors))) - power

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return error * float(brentq(excess, 0, high))


def delong(a: Scores, b: Scores) -> Difference:
    """Of the AUCs of two runs on the same test rows (DeLong et al. 1988). ValueError where their
    rows are not alike."""
    placed_a, placed_b = placements(a), placements(b)
    _require_same_rows([placed_a, placed_b])
    value = placed_a.auc - placed_b.auc
    parts = placed_a.positive - placed_b.positive, placed_a.negative - placed_b.negative
    return normal_difference(
        value, float(np.sqrt(sum(np.mean(part**2) / (len(part) - 1) for part in parts)))
    )


def normal_difference(value: float, error: float) -> Difference:
    """An estimate with a normal distribution of this standard error."""
    if error == 0:
        return Difference(value, value, value, 1.0 if value == 0 else 0.0)
    margin = float(norm.isf(ALPHA / 2)) * error
    return Difference(value, value - margin, value + margin, float(2 * norm.sf(abs(value) / error)))


@dataclass(frozen=True)
class Placements:
    """A run's AUC, and what each row adds to it: for a positive the share of negatives below it,
    for a negative the share of positives above it, ties one half, both less the AUC."""

    auc: float
    positive: Vector
    negative: Vector


def placements(scores: Scores) -> Placements:
    """Raises ValueError for fewer than two rows of a class."""
    positive, negative = (np.asarray(part) for part in scores)
    if min(len(positive), len(negative)) < 2:
        raise ValueError("AUCs are compared over at least two rows of each class")
    below = _below(positive, np.sort(negative))
    above = 1 - _below(negative, np.sort(positive))
    auc = float(np.mean(below))
    return Placements(auc, below - auc, above - auc)


def bootstrap_difference(
    runs_a: Sequence[Scores], runs_b: Sequence[Scores], resamples: int, seed: int
) -> Difference:
    """Of the mean AUCs of two recipes' runs on the same test rows, over test rows and seeds."""
    placed_a, placed_b = ([placements(run) for run in runs] for runs in (runs_a, runs_b))
    return bootstrap_differences(placed_a, [placed_b], resamples, seed)[0]


def bootstrap_differences(
    runs: Sequence[Placements], others: Sequence[Sequence[Placements]], resamples: int, seed: int
) -> list[Difference]:
    """The mean AUC of `runs` less that of each of `others`, with the quantiles of its bootstrap
    distribution.

    A resample draws the test rows of each class anew, the same for every run, and seeds anew for
    each recipe. A resampled AUC is taken to first order in the row weights, as in DeLong's
    variance: what is left out is of order
    1 / rows. Deviations of seeds are stretched by sqrt(n / (n - 1)), so that the spread of a
    resampled mean is that of the unbiased variance. No difference depends on which others are asked
    for. Raises ValueError for fewer than two runs of a recipe or runs on unlike rows."""
    recipes = [list(runs), *(list(other) for other in others)]
    if min(len(recipe) for recipe in recipes) < 2:
        raise ValueError("a bootstrap over seeds needs two runs of each recipe")
    everything = [run for recipe in recipes for run in recipe]
    _require_same_rows(everything)
    by_rows = np.split(
        _row_terms(everything, resamples, seed), np.cumsum([len(recipe) for recipe in recipes])[:-1]
    )
    (own, own_means), *rest = [
        (
            np.mean([run.auc for run in recipe]),
            _resampled(recipe, terms, np.random.default_rng([seed, min(at, 1) + 1])),
        )
        for at, (recipe, terms) in enumerate(zip(recipes, by_rows, strict=True))
    ]
    return [_from_resamples(float(own - mean), own_means - means) for mean, means in rest]


def _resampled(
    recipe: Sequence[Placements], row_terms: Vector, random: np.random.Generator
) -> Vector:
    """Mean AUCs [resamples] over drawn seeds; row_terms [runs, resamples]."""
    count, resamples = row_terms.shape
    auc = np.array([run.auc for run in recipe])
    stretched = auc.mean() + np.sqrt(count / (count - 1)) * (auc - auc.mean())
    drawn = random.integers(0, count, (count, resamples))
    means: Vector = (stretched[drawn] + np.take_along_axis(row_terms, drawn, axis=0)).mean(axis=0)
    return means


def _row_terms(runs: Sequence[Placements], resamples: int, seed: int) -> Vector:
    """What resampling the rows adds to each AUC, [runs, resamples]."""
    random = np.random.default_rng([seed, 0])
    classes = [np.stack([getattr(run, part) for run in runs]) for part in ("positive", "negative")]
    terms = np.zeros((len(runs), resamples))
    for start in range(0, resamples, CHUNK):
        stop = min(start + CHUNK, resamples)
        for values in classes:
            rows = values.shape[1]
            weights = [
                np.bincount(random.integers(0, rows, rows), minlength=rows)
                for _ in range(start, stop)
            ]
            terms[:, start:stop] += values @ np.stack(weights, axis=1, dtype=np.float64) / rows
    return terms


def _from_resamples(value: float, differences: Vector) -> Difference:
    low, high = np.quantile(differences, [ALPHA / 2, 1 - ALPHA / 2])
    beyond = 1 + min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return Difference(value, float(low), float(high), min(1.0, 2 * beyond / (len(differences) + 1)))


def _below(score: Floats, among: Floats) -> Vector:
    """The share of the sorted `among` below each score, ties one half."""
    counted = np.searchsorted(among, score, "left") + np.searchsorted(among, score, "right")
    return counted / (2 * len(among))


def _require_same_rows(runs: Sequence[Placements]) -> None:
    if len({(len(run.positive), len(run.negative)) for run in runs}) > 1:
        raise ValueError("the runs were not scored on the same test rows")


def _mean_and_squared_error(values: ArrayLike) -> tuple[float, float]:
    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all():
        raise ValueError("a comparison needs two finite values on each side")
    if (x == x[0]).all():
        return float(x[0]), 0.0
    return float(np.mean(x)), float(np.var(x, ddof=1) / len(x))
