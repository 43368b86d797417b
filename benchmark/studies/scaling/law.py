"""Scaling laws of the test LogLoss along one axis of size: L(x) = E + A (x / x0)^-alpha, x0 the
geometric mean of the sizes (the fit of Hoffmann et al. 2022, with Huber's delta at the seed noise
and the sum of the residuals).

Noise is the pooled sd of log L over the seeds of a size. With rho Huber's function of a residual,
twice a difference of the sums of rho, over noise^2 E psi^2 / E psi', is to first order F
distributed with (1, freedom of the noise) under normal noise (Ronchetti's tau test); that is the
deviance of the profile intervals. The noise is that between seeds alone: where the size means stray
from any law, `misfit` is small, and the law is rejected with its intervals.
"""

from dataclasses import dataclass, field
from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import f as f_distribution
from scipy.stats import norm

from benchmark.studies.scaling.fit import HUBER, STARTS, basis, fit_one, floor, huber, solve
from benchmark.studies.scaling.points import Ladder

Vector = NDArray[np.float64]

LEVEL = 0.05
BORDER_ALPHAS, BORDER_DIRECTIONS, BISECTIONS = 33, 48, 30
FARTHEST = 16.0
"""How far the border is searched, in radii of the region's ellipse to second order."""
EXPONENTS = 1e-3, 4.9
"""An exponent outside these has run to its bound: a straight line in log x, or a step after the
smallest size."""
TAU = float(
    (norm.cdf(HUBER) - norm.sf(HUBER) - 2 * HUBER * norm.pdf(HUBER) + 2 * HUBER**2 * norm.sf(HUBER))
    / (norm.cdf(HUBER) - norm.sf(HUBER))
)
"""E psi^2 / E psi' of Huber's psi at standard normal noise."""


@dataclass(frozen=True)
class Interval:
    """95 %; None where the data set no bound on that side."""

    low: float | None
    high: float | None

    def __contains__(self, value: float) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


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
class Border:
    """Laws on the border of the region whose deviance is below the F quantile: the range of
    anything over them is its 95 % profile interval. E, A, alpha [laws]."""

    E: Vector
    A: Vector
    alpha: Vector
    x0: float

    def band(self, sizes: ArrayLike) -> tuple[Vector, Vector]:
        """Lowest and highest loss [sizes] of the laws in the region: each an interval of the mean
        loss at one size."""
        ratio = np.asarray(sizes, np.float64) / self.x0
        loss = self.E + self.A * ratio[..., None] ** -self.alpha
        return loss.min(axis=-1), loss.max(axis=-1)


@dataclass(frozen=True)
class LawFit:
    """`noise` is an sd of log L; `r2` is over all points; `held_out` the relative error (predicted
    / measured - 1) at the largest size of the law fitted to the others, `missed` the same in
    LogLoss; `misfit` the p of an F test of the size means against the law. Falls are those of the
    mean loss: from the smallest to the largest size, and from the second largest to it."""

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
    border: Border = field(repr=False, compare=False)

    @property
    def rejected(self) -> bool:
        """Do the size means stray from the law by more than their seeds do?"""
        return self.misfit < LEVEL

    @property
    def identified(self) -> bool:
        """Is E's interval narrower than the fall of the loss over the ladder?"""
        return narrower(self.E, self.fall)

    @property
    def bounded(self) -> bool:
        """Is the exponent held from both sides? If not, neither it nor A is an estimate."""
        return (
            self.alpha.low is not None
            and self.alpha.high is not None
            and not at_bound(self.law.alpha)
        )


def narrower(interval: Interval, width: float) -> bool:
    return (
        interval.low is not None
        and interval.high is not None
        and interval.high - interval.low < width
    )


def at_bound(exponent: float) -> bool:
    return not EXPONENTS[0] < exponent < EXPONENTS[1]


def fit(ladder: Ladder) -> LawFit:
    law, objective = best_law(ladder, ladder.noise)
    alpha, border = _region(ladder, law, objective)
    loss = np.exp(ladder.log_loss)
    means = ladder.means(loss)
    forecast, _ = best_law(ladder.without_largest(), ladder.noise)
    predicted = float(forecast.at(ladder.sizes[-1]))
    return LawFit(
        law=law,
        noise=ladder.noise,
        freedom=ladder.freedom,
        E=Interval(float(border.E.min()), float(border.E.max())),
        A=Interval(float(border.A.min()) if alpha.high is not None else 0.0, float(border.A.max())),
        alpha=alpha,
        r2=float(1 - ((loss - law.at(ladder.size)) ** 2).sum() / ((loss - loss.mean()) ** 2).sum()),
        held_out=float(predicted / means[-1] - 1),
        missed=float(predicted - means[-1]),
        fall=float(means[0] - means[-1]),
        last_fall=float(means[-2] - means[-1]),
        misfit=float(
            misfit(ladder, ladder.log_loss[:, None], np.log(law.at(ladder.sizes))[:, None])[0]
        ),
        border=border,
    )


def best_law(ladder: Ladder, noise: float) -> tuple[Law, float]:
    """The law of the least sum of Huber residuals, and that sum."""
    m, b, alpha, objective = fit_one(ladder.log_loss, ladder.log_ratio, noise)
    E = floor(*(np.array(value) for value in (m, b, alpha)))
    return Law(float(E), b / alpha, alpha, ladder.x0), objective


def misfit(ladder: Ladder, log_loss: Vector, fitted: Vector) -> Vector:
    """The p [samples] of an F test of losses [n, samples] at the ladder's points, by the sd they
    have, against fitted log losses [sizes, samples]."""
    strays = ladder.means(log_loss) - fitted
    freedom = len(strays) - 3
    square = (ladder.counts[:, None] * strays**2).sum(axis=0) / freedom
    return np.asarray(
        f_distribution.sf(square / ladder.noise_of(log_loss) ** 2, freedom, ladder.freedom),
        np.float64,
    )


def _region(ladder: Ladder, law: Law, objective: float) -> tuple[Interval, Border]:
    """The profile interval of the exponent, and the border of the region over the exponents in
    it."""
    highest = objective + TAU * ladder.noise**2 / 2 * float(
        f_distribution.isf(LEVEL, 1, ladder.freedom)
    )

    def profile(alphas: Vector) -> tuple[Vector, Vector, Vector]:
        count = len(alphas)
        values = np.tile(ladder.log_loss[:, None], count)
        return solve(values, ladder.log_ratio, np.full(count, HUBER * ladder.noise), alphas)

    def end(inner: float, outer: float) -> float:
        ends = np.log(outer), np.log(inner)
        return exp(
            brentq(lambda value: float(profile(np.exp([value]))[2][0]) - highest, *ends, xtol=1e-9)
        )

    alphas = np.sort(np.append(STARTS, law.alpha))
    inside = np.flatnonzero((profile(alphas)[2] <= highest) | (alphas == law.alpha))
    first, last = inside[0], inside[-1]
    low = end(alphas[first], alphas[first - 1]) if first > 0 else None
    high = end(alphas[last], alphas[last + 1]) if last < len(alphas) - 1 else None
    between = np.geomspace(low or alphas[0], high or alphas[-1], BORDER_ALPHAS)
    m, b, _ = profile(between)
    m, b = _border(ladder, between, m, b, highest)
    A = np.maximum(b / between, 0)
    return Interval(low, high), Border(
        floor(m, b, between).ravel(), A.ravel(), np.tile(between, len(A)), ladder.x0
    )


def _border(
    ladder: Ladder, alphas: Vector, m: Vector, b: Vector, highest: float
) -> tuple[Vector, Vector]:
    """m and b [1 + directions, alphas]: the best laws of each exponent, then where rays from them
    leave the region or meet E = 0 or A = 0. The rays are even in the metric in which the region is
    round to second order."""
    g = basis(ladder.log_ratio, alphas)
    slopes = np.stack([1 / (m + b * g), g / (m + b * g)], axis=-1)
    root = np.linalg.cholesky(np.linalg.inv(np.einsum("nki,nkj->kij", slopes, slopes)))
    angles = 2 * np.pi * np.arange(BORDER_DIRECTIONS) / BORDER_DIRECTIONS
    to_m, to_b = np.einsum("kij,jd->idk", root, [np.cos(angles), np.sin(angles)]) * ladder.noise
    far = np.minimum(_room(m - b / alphas, to_m - to_b / alphas), _room(b, to_b))
    near = np.zeros_like(far)
    fixed, steps = (m + b * g)[:, None], to_m + to_b * g[:, None]

    def inside(reach: Vector) -> NDArray[np.bool_]:
        residual = np.log(fixed + reach * steps) - ladder.log_loss[:, None, None]
        return huber(residual, np.array(HUBER * ladder.noise)) <= highest

    near = np.where(inside(far), far, near)
    for _ in range(BISECTIONS):
        middle = (near + far) / 2
        closer = inside(middle)
        near, far = np.where(closer, middle, near), np.where(closer, far, middle)
    return np.vstack([m, m + near * to_m]), np.vstack([b, b + near * to_b])


def _room(value: Vector, speed: Vector) -> Vector:
    """How far to go before the value is 0, at most FARTHEST."""
    falling = np.minimum(speed, 0)
    return np.where(
        value + FARTHEST * falling < 0,
        np.maximum(value, 0) / -np.where(falling < 0, falling, -1),
        FARTHEST,
    )
