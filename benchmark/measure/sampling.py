"""What the choice of the test rows leaves open in the AUCs of a table's rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from benchmark.measure.significance import ALPHA, Placements, holm
from benchmark.measure.standings import TINY, better, pairs
from benchmark.utils.arrays import Vector

LEAST_SHARE = 1e-6
"""Of the seeds in a squared standard error: below, the t distribution is the normal one."""


@dataclass(frozen=True)
class Sampled:
    """Of the pairs that differ significantly over seeds (`found`), those that also do where the
    test rows are drawn too (`kept`). `error` is the median over all pairs of the standard error
    that the choice of test rows adds to a difference."""

    found: int
    kept: int
    error: float


def sampled(auc: Vector, placed: Sequence[Placements]) -> Sampled:
    """AUCs [rows, seeds] of two rows or more, and the mean placements of each row.

    A pair's squared standard error is Welch's over seeds plus DeLong's over test rows, its degrees
    of freedom are Satterthwaite's, with the second error taken as known; Holm over all pairs at
    5 %."""
    above = np.triu_indices(len(auc), 1)
    value, seed_error, freedom = (part[above] for part in pairs(auc))
    row_error = row_errors(placed)[above]
    square = seed_error**2 + row_error**2
    share = np.divide(seed_error**2, square, out=np.ones_like(square), where=square > 0)
    known = freedom / np.maximum(share, LEAST_SHARE) ** 2
    p_values = 2 * stdtr(known, -np.abs(value) / np.sqrt(np.maximum(square, TINY)))
    by_seeds = (better(auc) | better(auc).T)[above]
    kept = by_seeds & (holm(p_values) <= ALPHA)
    return Sampled(int(by_seeds.sum()), int(kept.sum()), float(np.median(row_error)))


def mean_placements(runs: Sequence[Placements]) -> Placements:
    """Those of the mean AUC of runs on the same test rows, as an AUC is linear in them."""
    positive = np.mean([run.positive for run in runs], axis=0)
    negative = np.mean([run.negative for run in runs], axis=0)
    return Placements(float(np.mean([run.auc for run in runs])), positive, negative)


def row_errors(placed: Sequence[Placements]) -> Vector:
    """The standard errors of the differences of each two AUCs over test rows, [rows, rows] (DeLong
    et al. 1988)."""
    covariance = np.zeros((len(placed), len(placed)))
    for values in ([each.positive for each in placed], [each.negative for each in placed]):
        stacked = np.stack(values)
        count = stacked.shape[1]
        covariance += stacked @ stacked.T / (count * (count - 1))
    variance = np.diag(covariance)
    square: Vector = variance[:, None] + variance[None, :] - 2 * covariance
    return np.sqrt(np.maximum(square, 0))
