"""Scaling laws of the test LogLoss along one axis of size, L(x) = E + A (x / x0)^-alpha, with x0
the geometric mean of the sizes (the fit of Hoffmann et al. 2022; Huber's delta from seed noise).

Noise is the pooled sd of log L over the seeds of a size. Twice a difference of the sums of Huber
losses, over noise^2 E psi^2 / E psi', is to first order F distributed with (1, freedom of the
noise) under normal noise (Ronchetti's tau test); profile intervals have that deviance. The noise
between seeds says nothing of size means that stray from any law: `misfit` tests that."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import huber
from scipy.stats import f as f_distribution
from scipy.stats import norm

from benchmark.measure.significance import ALPHA, Interval
from benchmark.studies.scaling import fit as solver
from benchmark.studies.scaling.fit import HUBER, STARTS
from benchmark.studies.scaling.points import Ladder
from benchmark.utils.arrays import Vector

ZOOMS, NEAR = 3, 0.02
"""The best exponent is within a factor e^NEAR of the best one after this many zooms."""
BORDER_ALPHAS, BORDER_DIRECTIONS, BISECTIONS = 33, 48, 40
FARTHEST = 16.0
"""How far the border is searched, in radii of the region's ellipse to second order."""
NOUGHT = 1e-9
"""An E or A below it is 0, up to the bisection of the border."""
EXPONENTS = 1e-3, 4.9
"""An exponent outside these has run to its bound."""
TAU = float(1 + 2 * HUBER * (HUBER * norm.sf(HUBER) - norm.pdf(HUBER)) / (1 - 2 * norm.sf(HUBER)))
"""E psi^2 / E psi' of Huber's psi at standard normal noise."""


@dataclass(frozen=True)
class Law:
    E: float
    A: float
    alpha: float
    x0: float

    def at(self, sizes: ArrayLike) -> Vector:
        """The loss at these sizes."""
        return self.E + self.A * (np.asarray(sizes, np.float64) / self.x0) ** -self.alpha


@dataclass(frozen=True)
class LawFit:
    """A fitted law, with 95 % intervals of E, A and alpha.

    `noise` is a sd of log L; `held_out` the relative error (predicted / measured - 1) at the
    largest size of the law fitted to the others, `missed` the same as a difference in LogLoss;
    `fall` the fall of the mean loss from the smallest to the largest size, `last_fall` from the
    second largest; `misfit` the p of an F test of the size means against the law. `border` [3,
    laws] is E, A and alpha on the border of the confidence region: the range of any number over
    these laws is its 95 % profile interval."""

    law: Law
    noise: float
    freedom: int
    E: Interval
    A: Interval
    alpha: Interval
    r2: float
    held_out: float
    missed: float
    fall: float
    last_fall: float
    misfit: float
    border: Vector = field(repr=False, compare=False)

    @property
    def rejected(self) -> bool:
        """Whether the size means stray from the law by more than their seeds do."""
        return self.misfit < ALPHA

    @property
    def identified(self) -> bool:
        """Whether E's interval is narrower than the fall of the loss over the ladder."""
        return self.E.width is not None and self.E.width < self.fall

    @property
    def bounded(self) -> bool:
        """Whether the exponent is bounded on both sides; if not, it and A are no estimates."""
        inside = EXPONENTS[0] < self.law.alpha < EXPONENTS[1]
        return inside and self.alpha.width is not None

    def band(self, sizes: ArrayLike) -> tuple[Vector, Vector]:
        """Ends [sizes] of the 95 % intervals of the mean loss at these sizes."""
        E, A, alpha = self.border
        loss = E + A * (np.asarray(sizes, np.float64)[..., None] / self.law.x0) ** -alpha
        return loss.min(axis=-1), loss.max(axis=-1)


def fit(ladder: Ladder) -> LawFit:
    law, lowest = best_law(ladder, ladder.noise)
    alpha, border = _confidence_region(ladder, law, lowest)
    E, A, _ = border
    loss = np.exp(ladder.log_loss)
    means = ladder.means(loss)
    forecast, _ = best_law(ladder.without_largest(), ladder.noise)
    missed = float(forecast.at(ladder.sizes[-1]) - means[-1])
    unexplained = ((loss - law.at(ladder.size)) ** 2).sum() / ((loss - loss.mean()) ** 2).sum()
    return LawFit(
        law=law,
        noise=ladder.noise,
        freedom=ladder.freedom,
        E=Interval(float(E.min()), float(E.max())),
        A=Interval(0.0 if alpha.high is None else float(A.min()), float(A.max())),
        alpha=alpha,
        r2=float(1 - unexplained),
        held_out=missed / float(means[-1]),
        missed=missed,
        fall=float(means[0] - means[-1]),
        last_fall=float(means[-2] - means[-1]),
        misfit=float(misfit(ladder, ladder.log_loss, np.log(law.at(ladder.sizes)))),
        border=border,
    )


def best_law(ladder: Ladder, noise: float) -> tuple[Law, float]:
    """The law of the least sum of Huber losses, and that sum."""

    def lowest_at(log_alpha: float) -> float:
        return float(_fit_at(ladder, noise, np.exp([log_alpha]))[2][0])

    rough = solver.fit(ladder.log_loss[:, None], ladder.log_ratio, np.array([noise]), ZOOMS)[2]
    bounds = np.log(np.clip(rough * np.exp([-NEAR, NEAR]), STARTS[0], STARTS[-1]))
    tight = {"xatol": 1e-11}
    best = minimize_scalar(lowest_at, bounds=bounds, method="bounded", options=tight)
    alpha = np.exp([best.x])
    E, A, lowest = _fit_at(ladder, noise, alpha)
    return Law(float(E[0]), float(A[0]), float(alpha[0]), ladder.x0), float(lowest[0])


def _fit_at(ladder: Ladder, noise: float, alphas: Vector) -> tuple[Vector, Vector, Vector]:
    losses = np.tile(ladder.log_loss[:, None], len(alphas))
    return solver.fit_at(losses, ladder.log_ratio, np.full(len(alphas), noise), alphas)


def misfit(ladder: Ladder, log_loss: Vector, fitted: Vector) -> Vector:
    """p [...] of an F test of losses [points, ...] against fitted log losses [sizes, ...]."""
    strays = ladder.means(log_loss) - fitted
    freedom = len(strays) - 3
    square = np.tensordot(ladder.counts, strays**2, 1) / freedom
    ratio = square / ladder.noise_of(log_loss) ** 2
    return np.asarray(f_distribution.sf(ratio, freedom, ladder.freedom))


def _confidence_region(ladder: Ladder, law: Law, lowest: float) -> tuple[Interval, Vector]:
    """The profile interval of the exponent, and the border of the region over that interval."""
    quantile = float(f_distribution.isf(ALPHA, 1, ladder.freedom))
    highest = lowest + TAU * ladder.noise**2 / 2 * quantile

    def excess(log_alpha: float) -> float:
        return float(_fit_at(ladder, ladder.noise, np.exp([log_alpha]))[2][0]) - highest

    def end(inner: float, outer: float) -> float:
        return float(np.exp(brentq(excess, np.log(outer), np.log(inner), xtol=1e-9)))

    alphas = np.sort(np.append(STARTS, law.alpha))
    close = _fit_at(ladder, ladder.noise, alphas)[2] <= highest
    first, last = np.flatnonzero(close | (alphas == law.alpha))[[0, -1]]
    low = end(alphas[first], alphas[first - 1]) if first > 0 else None
    high = end(alphas[last], alphas[last + 1]) if last < len(alphas) - 1 else None
    between = np.geomspace(low or alphas[0], high or alphas[-1], BORDER_ALPHAS)
    E, A, _ = _fit_at(ladder, ladder.noise, between)
    return Interval(low, high), _border(ladder, between, E, A, highest)


def _border(ladder: Ladder, alphas: Vector, E: Vector, A: Vector, highest: float) -> Vector:
    """E, A and alpha [3, laws]: the best laws of each exponent, and where rays from them leave the
    region or meet E = 0 or A = 0.

    The rays are even in the metric in which the region is round to second order, in the loss at x0
    and its slope there, alpha A: at small exponents E and A are nearly collinear."""
    power = np.exp(-np.multiply.outer(ladder.log_ratio, alphas))
    fitted = E + A * power
    slopes = np.stack([1 / fitted, (power - 1) / alphas / fitted], axis=-1)
    root = np.linalg.cholesky(np.linalg.inv(np.einsum("nki,nkj->kij", slopes, slopes)))
    angles = 2 * np.pi * np.arange(BORDER_DIRECTIONS) / BORDER_DIRECTIONS
    rays = np.einsum("kij,jd->idk", root, [np.cos(angles), np.sin(angles)]) * ladder.noise
    to_A = rays[1] / alphas
    to_E = rays[0] - to_A

    def inside(reach: Vector) -> NDArray[np.bool_]:
        E_there, A_there = E + reach * to_E, A + reach * to_A
        allowed = (E_there >= 0) & (A_there >= 0)
        with np.errstate(invalid="ignore"):
            residual = np.log(E_there + A_there * power[:, None]) - ladder.log_loss[:, None, None]
        return np.asarray(allowed & (huber(HUBER * ladder.noise, residual).sum(axis=0) <= highest))

    far = np.full_like(to_A, FARTHEST)
    near = np.where(inside(far), far, 0.0)
    for _ in range(BISECTIONS):
        middle = (near + far) / 2
        closer = inside(middle)
        near, far = np.where(closer, middle, near), np.where(closer, far, middle)
    border = np.vstack([E, E + near * to_E]), np.vstack([A, A + near * to_A])
    E, A = (np.where(part > NOUGHT, part, 0).ravel() for part in border)
    return np.stack([E, A, np.tile(alphas, 1 + BORDER_DIRECTIONS)])
