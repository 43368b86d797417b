"""Fit L(x) = E + A (x / x0)^-alpha to losses by Huber's loss, in units of the noise between seeds.

The deviance, twice the sum of Huber's losses over TAU, is to first order chi-squared for normal
noise (Ronchetti's tau test)."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from scipy.stats import norm

from benchmark.utils.arrays import Vector

HUBER, EFFICIENCY = 1.345, 0.95
"""Huber's delta in sds, and its efficiency for normal noise (Huber 1964)."""
TAU = float(1 + 2 * HUBER * (HUBER * norm.sf(HUBER) - norm.pdf(HUBER)) / (1 - 2 * norm.sf(HUBER)))
"""E psi^2 / E psi' of Huber's psi at standard normal noise."""
EXPONENTS = 1e-3, 5.0
"""Bounds of alpha: a straight line in ln x, and a step after the smallest size."""
STARTS = 0.05, 0.3, 1.5
"""Exponents from which a fit starts."""


@dataclass(frozen=True)
class Points:
    """Losses y at x = ln of size over x0, both [points]; y is in sds of the noise, from any origin.

    A law is fitted by its loss M at x0, its slope B there and alpha, which hardly depend on each
    other: L = M + B (e^(-alpha x) - 1) / alpha, so A = B / alpha and E = M - A."""

    x: Vector
    y: Vector

    def best(self) -> tuple[Vector, float]:
        """M, B and alpha of the least deviance, and that deviance."""
        bounds = ((-inf, 0, EXPONENTS[0]), (inf, inf, EXPONENTS[1]))
        fits = [
            self._least(
                lambda free: _law(self.x, free),
                lambda free: _slopes(self.x, free),
                (*self._start, alpha),
                bounds,
            )
            for alpha in STARTS
        ]
        return min(fits, key=lambda fitted: fitted[1])

    def deviance_at(self, alpha: float) -> float:
        """The least deviance of a law with this exponent; near 0, of a straight line in ln x."""
        return self._least(
            lambda free: _law(self.x, (*free, alpha)),
            lambda free: _slopes(self.x, (*free, alpha))[:, :2],
            self._start,
            ((-inf, 0), (inf, inf)),
        )[1]

    def deviance_from(self, E: float, B: float, alpha: float) -> float:
        """The least deviance of a law with this floor, from B and alpha."""
        return self._least(
            lambda free: _law(self.x, (E + free[0] / free[1], *free)),
            "3-point",
            (B, alpha),
            ((0, EXPONENTS[0]), (inf, EXPONENTS[1])),
        )[1]

    def predict(self, values: Vector, x: float) -> tuple[float, float]:
        """The loss of a fitted law at x, and its standard error to first order."""
        there, slopes = np.array([x]), _slopes(self.x, values)
        gradient = _slopes(there, values)[0]
        variance = gradient @ np.linalg.pinv(slopes.T @ slopes) @ gradient / EFFICIENCY
        return float(_law(there, values)[0]), sqrt(variance)

    @property
    def _start(self) -> tuple[float, float]:
        return float(self.y.mean()), float(np.ptp(self.y) / np.ptp(self.x))

    def _least(
        self,
        law: Callable[[Vector], Vector],
        slopes: Callable[[Vector], Vector] | str,
        start: ArrayLike,
        bounds: tuple[ArrayLike, ArrayLike],
    ) -> tuple[Vector, float]:
        """The best values and their deviance, by Huber's loss from where squares are least."""

        def residuals(free: Vector) -> Vector:
            return law(free) - self.y

        squares = least_squares(residuals, start, slopes, bounds)
        found = least_squares(residuals, squares.x, slopes, bounds, loss="huber", f_scale=HUBER)
        return np.asarray(found.x), float(2 * found.cost / TAU)


def _law(x: Vector, values: ArrayLike) -> Vector:
    M, B, alpha = np.asarray(values, np.float64)
    return np.asarray(M + B * np.expm1(-alpha * x) / alpha)


def _slopes(x: Vector, values: ArrayLike) -> Vector:
    """Derivatives [points, 3] of the law by M, B and alpha."""
    _, B, alpha = np.asarray(values, np.float64)
    fall = np.expm1(-alpha * x) / alpha
    by_alpha = -B * (x * np.exp(-alpha * x) + fall) / alpha
    return np.stack([np.ones_like(fall), fall, by_alpha], axis=1)
