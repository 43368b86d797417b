"""The effective rank of noise: what a rank is compared with.

erank / min(rows, columns) measures the shape of a matrix before it measures collapse: Gaussian
matrices of 4 x 8, 12 x 12 and 8 x 32 have .915, .792 and .963 of their limit. `rank_ratio` divides
by the mean effective rank of a standard Gaussian matrix of the same shape instead.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import digamma

from benchmark.measure.spectrum import rank_metrics, singular_values
from benchmark.utils.arrays import Vector

PRECISION = 5e-5
"""Standard error of the mean, relative to it, at which the simulation stops."""
DIGITS = 8
"""Kept of the mean and the sd: another processor may give other last bits."""
NUMBERS_AT_A_TIME = 2**18
FEWEST, MOST = 4, 4096  # matrices at a time
REGRESSED = 100  # matrices from which on the controls are used


@dataclass(frozen=True)
class Null:
    """Mean and standard deviation of the effective rank of Gaussian matrices of one shape."""

    mean: float
    sd: float


def rank_ratio(erank: float, rows: int, columns: int) -> float | None:
    """The effective rank over that of noise of the same shape: 1 is as spread as noise, less is
    collapsed. None for a shape of one row or column, whose rank is always 1.

    Example::

        rank_ratio(4.0, 12, 12)    # 0.42: far below the 9.50 of noise
    """
    return None if min(rows, columns) == 1 else erank / null_erank(rows, columns).mean


def null_erank(rows: int, columns: int) -> Null:
    """The effective rank of standard Gaussian matrices [rows, columns], by a simulation with a
    seed of its own, to four digits."""
    return _simulated(min(rows, columns), max(rows, columns))


@cache
def _simulated(p: int, n: int) -> Null:
    generator = np.random.Generator(np.random.Philox(key=[p, n]))
    at_a_time = int(np.clip(NUMBERS_AT_A_TIME // p**2, FEWEST, MOST))
    erank, controls = np.empty(0), np.empty((0, 2))
    while True:
        sigma = _gaussian_singular_values(p, n, at_a_time, generator)
        erank = np.append(erank, rank_metrics(sigma)["erank"])
        controls = np.append(controls, _controls(sigma, n), axis=0)
        rest = _without_controls(erank, controls) if len(erank) >= REGRESSED else erank
        mean, error = rest.mean(), rest.std() / np.sqrt(len(rest))
        if len(erank) > at_a_time and error <= PRECISION * mean:
            return Null(_kept(mean), _kept(erank.std()))


def _kept(value: np.float64) -> float:
    return float(f"{value:.{DIGITS}g}")


def _gaussian_singular_values(p: int, n: int, count: int, rng: np.random.Generator) -> Vector:
    """Singular values [count, p] of Gaussian matrices n x p by their triangle (Bartlett): chi
    variables of n, n - 1, ... degrees of freedom on its diagonal, normal ones above."""
    triangle = np.triu(rng.standard_normal((count, p, p)), 1)
    diagonal = np.arange(p)
    triangle[:, diagonal, diagonal] = np.sqrt(rng.chisquare(n - diagonal, (count, p)))
    return singular_values(triangle)


def _controls(sigma: Vector, n: int) -> Vector:
    """Two statistics of each spectrum [count, p] that do not depend on scale, less their exact
    expectations under the Wishart distribution [count, 2]."""
    p = sigma.shape[1]
    squares = sigma**2
    trace = squares.sum(1)
    log_det = np.log(squares).sum(1) - p * np.log(trace)
    expected_log_det = digamma((n - np.arange(p)) / 2).sum() - p * digamma(n * p / 2)
    evenness = (squares**2).sum(1) / trace**2
    expected_evenness = (n + p + 1) / (n * p + 2)
    return np.column_stack([log_det - expected_log_det, evenness - expected_evenness])


def _without_controls(values: Vector, controls: Vector) -> Vector:
    """The values less what the controls explain: the same expectation, a smaller variance."""
    centred = controls - controls.mean(axis=0)
    slopes, *_ = np.linalg.lstsq(centred, values - values.mean(), rcond=None)
    rest: Vector = values - controls @ slopes
    return rest
