"""The standings of a table's rows by their seeds: ranks by Welch's tests and Holm's correction,
distances from the best by Hsu's comparisons, and the difference that such a table finds.

Larger values are better. Tables have as many seeds in every row; the functions on samples
[..., rows, seeds] take many tables at once."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit
from scipy.stats import beta, nct
from scipy.stats import t as student

from benchmark.measure.significance import ALPHA, Interval, holm
from benchmark.utils.arrays import Mask, Vector

POWER = 0.8
TINY = 1e-300
"""In place of a zero standard error: rows that do not vary differ for certain, or not at all."""


@dataclass(frozen=True)
class Standing:
    """A row's place among others of as many seeds: its rank lies in `first` to `last`, and `rank`
    is one number for it that never falls where the mean falls. `from_best` is its mean less the
    largest of the others', simultaneous over all rows; without bounds for a row alone."""

    rank: int
    first: int
    last: int
    from_best: Interval


def standings(samples: Vector) -> list[Standing]:
    """Rank rows by their means, of which larger ones are better; samples [rows, seeds].

    A row is better than another by `better`. Its rank lies between 1 + the number of better rows
    and n - the number of worse ones; the one number is the smallest such lower end among the rows
    that are not above it."""
    means, is_better = samples.mean(axis=1), better(samples)
    first = 1 + is_better.sum(axis=0)
    last = len(samples) - is_better.sum(axis=1)
    rank = [int(first[means <= mean].min()) for mean in means]
    low, high = from_best(samples) if len(samples) > 1 else ([None], [None])
    return [
        Standing(number, int(best), int(worst), Interval(*ends))
        for number, best, worst, *ends in zip(rank, first, last, low, high, strict=True)
    ]


def better(samples: Vector) -> Mask:
    """Which row is significantly better than which, [..., rows, rows]: Welch's test on every pair,
    Holm over all pairs of a table; samples [..., rows, seeds]."""
    rows = samples.shape[-2]
    first, second = np.triu_indices(rows, 1)
    value, error, freedom = (part[..., first, second] for part in pairs(samples))
    p_values = 2 * stdtr(freedom, -np.abs(value) / np.maximum(error, TINY))
    found = holm(p_values) <= ALPHA
    result = np.zeros((*samples.shape[:-1], rows), np.bool_)
    result[..., first, second] = found & (value > 0)
    result[..., second, first] = found & (value < 0)
    return result


def from_best(samples: Vector) -> tuple[Vector, Vector]:
    """The ends, each [..., rows], of simultaneous 95 % intervals of each mean less the largest of
    the others: Hsu's multiple comparisons with the best (1984); samples [..., rows, seeds].

    Each pair has Welch's one-sided bound, so variances may differ, at Sidak's level for rows - 1
    comparisons. The upper end is 0 where another row is better, the lower end where no other row
    may be."""
    rows = samples.shape[-2]
    value, error, freedom = pairs(samples)
    margin = error * stdtrit(freedom, (1 - ALPHA) ** (1 / (rows - 1)))
    others = ~np.eye(rows, dtype=np.bool_)
    high = np.maximum(np.min(value + margin, axis=-1, initial=np.inf, where=others), 0)
    rivals = others & (high > 0)[..., None, :]
    low = np.minimum(np.min(value - margin, axis=-1, initial=np.inf, where=rivals), 0)
    return low, high


def pairs(samples: Vector) -> tuple[Vector, Vector, Vector]:
    """Difference of the means of each two rows, its standard error and degrees of freedom, each
    [..., rows, rows]."""
    seeds = samples.shape[-1]
    if seeds < 2 or not np.isfinite(samples).all():
        raise ValueError("a comparison needs two finite values of each row")
    mean = samples.mean(axis=-1)
    square = np.var(samples - samples[..., :1], axis=-1, ddof=1) / seeds
    total = square[..., :, None] + square[..., None, :]
    share = square[..., :, None] / np.maximum(total, TINY)
    value = mean[..., :, None] - mean[..., None, :]
    return value, np.sqrt(total), _freedom(share, seeds)


def _freedom(share: Vector, seeds: int) -> Vector:
    """Welch & Satterthwaite's degrees of freedom of two means over as many seeds; `share` is that
    of one's squared standard error in the sum of both."""
    return (seeds - 1) / (share**2 + (1 - share) ** 2)


def detectable(sds: ArrayLike, seeds: int, comparisons: int) -> float:
    """The smallest true difference of two rows that is found with power POWER.

    Both rows have the root mean square of `sds`. Every comparison is tested at ALPHA / comparisons,
    Holm's first step; later steps only find more."""
    if seeds < 2 or comparisons < 1:
        raise ValueError("a detectable difference needs two seeds and one comparison")
    error = float(np.sqrt(np.mean(np.square(sds)) * 2 / seeds))
    return error * _detectable_errors(seeds, comparisons)


@cache
def _detectable_errors(seeds: int, comparisons: int) -> float:
    """The same in standard errors of a difference. Welch's statistic is noncentral t with
    2 (seeds - 1) degrees of freedom; its critical value depends on how the two sample variances
    share their sum, which is Beta distributed and averaged over."""
    freedom = 2 * (seeds - 1)
    share = beta.ppf((np.arange(200) + 0.5) / 200, (seeds - 1) / 2, (seeds - 1) / 2)
    critical = student.isf(ALPHA / comparisons / 2, _freedom(share, seeds))

    def excess(errors: float) -> float:
        return float(np.mean(nct.sf(critical, freedom, errors))) - POWER

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return float(brentq(excess, 0, high))
