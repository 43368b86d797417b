"""The law L(x) = E + A (x / x0)^-alpha by Huber's loss on log L, for many samples and many
exponents at once.

Where the exponent is given the law is linear in m = E + A, its loss at x0, and in b = alpha A, how
steeply it falls there: L = m + b g with g = ((x / x0)^-alpha - 1) / alpha. As alpha goes to 0, g
goes to -log(x / x0), so small exponents are no special case. E >= 0 and A >= 0 throughout: a loss
that rises with size is fitted by a constant.
Points are the first axis of every array that has them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Vector = NDArray[np.float64]

HUBER = 1.345
"""Huber's delta in sds of the noise (Huber 1964: 95 % efficient for normal noise)."""
ALPHA_BOUNDS = (1e-4, 5.0)
"""At the lower one a law is a straight line in log x; at the upper one all but the smallest sizes
lie at E."""
STARTS = np.concatenate(
    [
        np.geomspace(ALPHA_BOUNDS[0], 0.01, 4, endpoint=False),
        np.geomspace(0.01, ALPHA_BOUNDS[1], 24),
    ]
)
NOUGHT = 1e-9
"""An E below it is 0."""
ZOOM_POINTS = 9
STEPS = 60
CHUNK = 64
"""Samples that are fitted at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Fits:
    """One best law of each sample [samples]: loss at x0, steepness there, exponent, and the sums of
    Huber residuals of the law and of the best constant. `low` and `high` enclose the exponent."""

    m: Vector
    b: Vector
    alpha: Vector
    objective: Vector
    constant: Vector
    low: Vector
    high: Vector


def huber(residual: Vector, delta: Vector) -> Vector:
    """The sum over points of the residuals [n, ...]; delta [...]."""
    size = np.abs(residual)
    inside = np.minimum(size, delta)
    return np.asarray((inside * (size - inside / 2)).sum(axis=0), np.float64)


def basis(log_ratio: Vector, alpha: Vector) -> Vector:
    """g at log_ratio = log x / x0 [n], for exponents of any shape: [n, ...]."""
    g: Vector = np.expm1(-np.multiply.outer(log_ratio, alpha)) / alpha
    return g


def location(values: Vector, delta: Vector, tolerance: float = 1e-13) -> Vector:
    """Huber's estimates of location over the points of values [n, k], by reweighting from the
    median."""
    at: Vector = np.median(values, axis=0)
    for _ in range(STEPS):
        weight = delta / np.maximum(np.abs(values - at), delta)
        found = (weight * values).sum(axis=0) / weight.sum(axis=0)
        done = np.abs(found - at).max(initial=0) <= tolerance
        at = found
        if done:
            break
    return at


def solve(
    log_loss: Vector, log_ratio: Vector, delta: Vector, alpha: Vector, tolerance: float = 1e-13
) -> tuple[Vector, Vector, Vector]:
    """m, b and the objective [k], for log_loss [n, k], log_ratio [n], delta [k] and exponents [k].

    Reweighted Gauss-Newton without the constraints; where it breaks one, the best fit lies on it:
    the constant (A = 0) or the pure power (E = 0), each a location."""
    g = basis(log_ratio, alpha)
    m, b = _unconstrained(log_loss, delta, g, tolerance)
    objective = huber(np.log(m + b * g) - log_loss, delta)
    flat = ~(b > 0)
    if flat.any():
        values = log_loss[:, flat]
        at = location(values, delta[flat], tolerance)
        m[flat], b[flat], objective[flat] = np.exp(at), 0, huber(values - at, delta[flat])
    floorless = b > m * alpha
    if floorless.any():
        values = log_loss[:, floorless] + np.multiply.outer(log_ratio, alpha[floorless])
        at = location(values, delta[floorless], tolerance)
        m[floorless], b[floorless] = np.exp(at), alpha[floorless] * np.exp(at)
        objective[floorless] = huber(values - at, delta[floorless])
    return m, b, objective


def _unconstrained(
    log_loss: Vector, delta: Vector, g: Vector, tolerance: float
) -> tuple[Vector, Vector]:
    loss, level = np.exp(log_loss), np.exp(log_loss.mean(axis=0))
    m, b = _weighted_line(loss, g, loss**-2)
    stray = ~(m + b * g > 0).all(axis=0)
    m, b = np.where(stray, level, m), np.where(stray, 0, b)
    moving = np.arange(len(m))
    for _ in range(STEPS):
        y, d, basis_, m_now, b_now = (
            log_loss[:, moving],
            delta[moving],
            g[:, moving],
            m[moving],
            b[moving],
        )
        fitted = m_now + b_now * basis_
        residual = np.log(fitted) - y
        weight = d / (np.maximum(np.abs(residual), d) * fitted**2)
        m_new, b_new = _weighted_line(fitted * (1 - residual), basis_, weight)
        drop = (1 - (m_new + b_new * basis_) / fitted).max(axis=0)
        step = 0.9 / np.maximum(drop, 0.9)
        m[moving], b[moving] = m_now + step * (m_new - m_now), b_now + step * (b_new - b_now)
        change = np.maximum(np.abs(m_new - m_now), np.abs(b_new - b_now))
        moving = moving[change > tolerance * level[moving]]
        if not len(moving):
            break
    return m, b


def _weighted_line(values: Vector, g: Vector, weight: Vector) -> tuple[Vector, Vector]:
    """Intercept and slope of weighted least squares."""
    total = weight.sum(axis=0)
    mean_g, mean = (weight * g).sum(axis=0) / total, (weight * values).sum(axis=0) / total
    centred = g - mean_g
    weight = weight * centred
    slope = (weight * values).sum(axis=0) / (weight * centred).sum(axis=0)
    return mean - slope * mean_g, slope


def floor(m: Vector, b: Vector, alpha: Vector) -> Vector:
    """E, which is 0 where it is no more than rounding."""
    above = m - b / alpha
    return np.where(above > NOUGHT, above, 0)


def fit_many(log_loss: Vector, log_ratio: Vector, noise: Vector, zooms: int) -> Fits:
    """The best laws of samples log_loss [n, samples] with noise sds [samples]: from each of STARTS,
    the best kept, its exponent then narrowed, each time to a quarter of the way between neighbours.
    """
    cuts = range(0, len(noise), CHUNK)
    parts = [
        _fit_chunk(log_loss[:, at : at + CHUNK], log_ratio, noise[at : at + CHUNK], zooms)
        for at in cuts
    ]
    return Fits(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _fit_chunk(
    log_loss: Vector, log_ratio: Vector, noise: Vector, zooms: int
) -> tuple[Vector, ...]:
    delta, samples, precision = HUBER * noise, np.arange(len(noise)), 1e-3 * float(noise.min())
    alphas = np.tile(STARTS[:, None], len(noise))
    found: tuple[Vector, ...] = ()
    for _ in range(zooms + 1):
        starts = len(alphas)
        solved = solve(
            np.tile(log_loss, starts),
            log_ratio,
            np.tile(delta, starts),
            alphas.reshape(-1),
            precision,
        )
        m, b, objective = (part.reshape(alphas.shape) for part in solved)
        best = objective.argmin(axis=0)
        low, high = (alphas[np.clip(best + step, 0, starts - 1), samples] for step in (-1, 1))
        found = (*(part[best, samples] for part in (m, b, alphas, objective)), low, high)
        alphas = np.geomspace(low, high, ZOOM_POINTS)
    constant = huber(log_loss - location(log_loss, delta), delta)
    return (*found[:4], constant, *found[4:])


def fit_one(log_loss: Vector, log_ratio: Vector, noise: float) -> tuple[float, float, float, float]:
    """m, b, alpha and the objective of the best law, to rounding."""
    rough = fit_many(log_loss[:, None], log_ratio, np.array([noise]), zooms=3)

    def at(log_alpha: float) -> tuple[float, float, float, float]:
        alpha = np.exp(np.array([log_alpha]))
        m, b, objective = solve(log_loss[:, None], log_ratio, np.array([HUBER * noise]), alpha)
        return float(m[0]), float(b[0]), float(alpha[0]), float(objective[0])

    bounds = np.log(rough.low[0]), np.log(rough.high[0])
    best = minimize_scalar(
        lambda value: at(value)[3], bounds=bounds, method="bounded", options={"xatol": 1e-11}
    )
    return min(at(float(best.x)), at(float(np.log(rough.alpha[0]))), key=lambda found: found[3])
