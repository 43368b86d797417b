"""Fit L(x) = E + A (x / x0)^-alpha to log L with Huber's loss, for many samples at once.

At a given exponent the law is linear in E and A: both are found by reweighted least squares with
E >= 0 and A >= 0, so that a loss that rises with size is fitted by a constant. The exponent is
found on a grid that is refined around its best point. A bootstrap fits a thousand samples a
ladder, so this vectorised solver takes the place of `scipy.optimize.least_squares`.

Sizes are log_ratio = log x / x0 [points], noise is the sd of log L, and Huber's delta HUBER sds."""

import numpy as np
from scipy.special import huber

from benchmark.utils.arrays import Vector

HUBER = 1.345
"""95 % efficient for normal noise (Huber 1964)."""
STARTS = np.append(np.geomspace(1e-4, 0.01, 4, endpoint=False), np.geomspace(0.01, 5, 24))
"""Exponents tried first. At the least a law is a straight line in log x, at the largest a step
after the smallest size."""
ZOOM_POINTS = 9
STEPS = 60


def fit_at(
    log_loss: Vector, log_ratio: Vector, noise: Vector, alpha: Vector, tolerance: float = 1e-13
) -> tuple[Vector, Vector, Vector]:
    """Fit log_loss [points, k] with noise [k] at given exponents [k].

    Returns E, A and the sum of Huber losses, all [k]. Ends where neither the loss at x0 nor the
    slope there changes by more than `tolerance` of the loss."""
    delta = HUBER * noise
    power = np.exp(-np.multiply.outer(log_ratio, alpha))
    loss, level = np.exp(log_loss), np.exp(log_loss.mean(axis=0))
    E, A = _nonnegative_line(loss, power, loss**-2)
    moving = np.arange(len(alpha))
    for _ in range(STEPS):
        x, width = power[:, moving], delta[moving]
        fitted = E[moving] + A[moving] * x
        residual = np.log(fitted) - log_loss[:, moving]
        weight = width / (np.maximum(np.abs(residual), width) * fitted**2)
        # The values stay positive, so that the next fit has a logarithm.
        E_next, A_next = _nonnegative_line(fitted * np.maximum(1 - residual, 0.1), x, weight)
        E_step, A_step = E_next - E[moving], A_next - A[moving]
        E[moving], A[moving] = E_next, A_next
        change = np.maximum(np.abs(E_step + A_step), np.abs(alpha[moving] * A_step))
        moving = moving[change > tolerance * level[moving]]
        if not len(moving):
            break
    return E, A, huber(delta, np.log(E + A * power) - log_loss).sum(axis=0)


def fit_constant(log_loss: Vector, noise: Vector) -> tuple[Vector, Vector]:
    """Fit a constant to log_loss [points, k]; returns its logarithm and the sum of Huber losses."""
    E, _, lowest = fit_at(log_loss, np.zeros(len(log_loss)), noise, np.ones(len(noise)))
    return np.log(E), lowest


def fit(
    log_loss: Vector, log_ratio: Vector, noise: Vector, zooms: int, tolerance: float = 1e-13
) -> tuple[Vector, Vector, Vector, Vector]:
    """Fit log_loss [points, samples] with noise [samples].

    Returns E, A, alpha and the sum of Huber losses, all [samples]. Each of the `zooms` narrows the
    exponents to a quarter, around the best so far."""
    samples = np.arange(len(noise))
    low = high = alphas = np.tile(STARTS[:, None], len(noise))
    for zoom in range(zooms + 1):
        alphas = np.geomspace(low, high, ZOOM_POINTS) if zoom else alphas
        tries = len(alphas)
        losses, noises = np.tile(log_loss, tries), np.tile(noise, tries)
        solved = fit_at(losses, log_ratio, noises, alphas.ravel(), tolerance)
        E, A, lowest = (part.reshape(alphas.shape) for part in solved)
        best = lowest.argmin(axis=0)
        low, high = (alphas[np.clip(best + step, 0, tries - 1), samples] for step in (-1, 1))
    return E[best, samples], A[best, samples], alphas[best, samples], lowest[best, samples]


def _nonnegative_line(values: Vector, power: Vector, weight: Vector) -> tuple[Vector, Vector]:
    """Fit positive values by E + A power with E >= 0 and A >= 0, by weighted least squares.

    Where a bound is broken, the best fit lies on it: a constant or a pure power."""
    total = weight.sum(axis=0)
    centre, mean = (weight * power).sum(axis=0) / total, (weight * values).sum(axis=0) / total
    centred = power - centre
    weight = weight * centred
    square, product = (weight * centred).sum(axis=0), (weight * values).sum(axis=0)
    A = np.maximum(product, 0) / np.where(square > 0, square, 1)
    pure_power = (product + total * centre * mean) / (square + total * centre**2)
    A = np.where(A * centre > mean, pure_power, A)
    return np.maximum(mean - A * centre, 0), A
