"""The law of a ladder, L(x) = E + A (x / x0)^-alpha of the test LogLoss with x0 the geometric
mean of the sizes (the form of Hoffmann et al. 2022), and the verdict on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log10, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from benchmark.measure.significance import ALPHA, Interval
from benchmark.studies.scaling.fit import EXPONENTS, Points
from benchmark.utils.arrays import Vector

MIN_SIZES, MIN_SEEDS, MIN_DECADES = 5, 3, 1.0
ROUNDING = 1e-12
"""A noise below it is that of rounding."""
FACTOR, STANDARD_ERRORS, LAST_FALL = 3.0, 2.0, 1.25
"""Of a law: the largest over the smallest exponent of its interval; in standard errors, how far
its held-out largest size may lie from the prediction and how far the loss must fall to it. With a
last fall of 1 a ladder that rises by half an sd at its end is a law in 5 % of draws, with 1.5 too
few true laws are."""
LAW, UNDECIDED, NO_FALL = "law", "falls, form undecided", "no fall found"


class NotFittedError(ValueError):
    """The design does not carry a fit; the message stands in the table in its place."""


@dataclass(frozen=True)
class Ladder:
    """The losses [seeds] of each size; the sizes rise."""

    sizes: Vector
    losses: Sequence[Vector]

    def require_design(self) -> None:
        """Raises NotFittedError where sizes, seeds or noise do not carry a fit."""
        if len(self.sizes) < MIN_SIZES:
            raise NotFittedError(f"{len(self.sizes)} sizes: a law needs at least {MIN_SIZES}")
        if (decades := log10(self.sizes[-1] / self.sizes[0])) < MIN_DECADES - 1e-9:
            span = f"the sizes span {decades:.2f} decades"
            raise NotFittedError(f"{span}: a law needs at least {MIN_DECADES:g}")
        seeds = [len(losses) for losses in self.losses]
        if (fewest := min(seeds)) < MIN_SEEDS:
            size = f"{fewest} seeds at size {self.sizes[seeds.index(fewest)]:,.0f}"
            raise NotFittedError(f"{size}: a law needs at least {MIN_SEEDS} a size")
        if self.noise < ROUNDING:
            same = "all seeds of a size have the same loss"
            raise NotFittedError(f"{same}: nothing measures the noise")

    @property
    def means(self) -> list[float]:
        return [float(losses.mean()) for losses in self.losses]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the noise."""
        return sum(len(losses) - 1 for losses in self.losses)

    @property
    def noise(self) -> float:
        """Sd of the loss, pooled over the seeds of a size."""
        squares = [((losses - losses.mean()) ** 2).sum() for losses in self.losses]
        return sqrt(sum(squares) / self.freedom)

    @property
    def x0(self) -> float:
        """Geometric mean of the sizes."""
        return float(np.exp(np.log(self.sizes).mean()))

    def points(self, noise: float) -> Points:
        """The losses in multiples of the noise."""
        x = np.log(self.sizes / self.x0)
        seeds = [len(losses) for losses in self.losses]
        return Points(np.repeat(x, seeds), np.concatenate(self.losses) / noise)

    def no_fall_p(self) -> float:
        """One-sided p of the least-squares slope of the loss on ln x, against a constant."""
        points = self.points(self.noise)
        centred = points.x - points.x.mean()
        slope = float(centred @ points.y) / sqrt(centred @ centred)
        return float(t_distribution.cdf(slope, self.freedom))


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
    """A fitted law, and what its verdict rests on.

    `alpha` is its 95 % profile interval; `missed` the prediction of the largest size by the law of
    the others less its mean loss; `gain` the AICc of a - b ln x less that of the law; `last_fall`
    the fall of the mean from the second largest size to the largest; `no_fall_p` the p of a
    constant."""

    law: Law
    noise: float
    alpha: Interval
    missed: float
    missed_error: float
    gain: float
    last_fall: float
    last_fall_error: float
    no_fall_p: float

    @property
    def faults(self) -> list[str]:
        """Why this is no law, in words; empty for one."""
        low, high = self.alpha.low, self.alpha.high
        faults = []
        if low is None or high is None:
            faults.append("alpha is not bounded")
        elif high >= FACTOR * low:
            faults.append(f"alpha is known to a factor {high / low:.1f} only")
        if abs(self.missed) > STANDARD_ERRORS * self.missed_error:
            faults.append("the held-out largest size is missed")
        if self.gain <= 0:
            faults.append("a - b ln x does as well")
        if self.last_fall < LAST_FALL * self.last_fall_error:
            faults.append(f"its last fall is below {LAST_FALL:g} standard errors")
        if self.law.E < 0:
            faults.append("its floor is below 0")
        return faults

    @property
    def verdict(self) -> str:
        if self.no_fall_p > ALPHA:
            return NO_FALL
        return UNDECIDED if self.faults else LAW


def fit(ladder: Ladder) -> LawFit:
    """Fit a law and the interval of its exponent. Raises NotFittedError for a design that carries
    none."""
    ladder.require_design()
    points, noise = ladder.points(ladder.noise), ladder.noise
    seeds = [len(losses) for losses in ladder.losses]
    (M, B, alpha), deviance = points.best()
    missed, missed_error = _held_out(ladder)
    line = points.deviance_at(EXPONENTS[0])
    return LawFit(
        law=Law(float(noise * (M - B / alpha)), float(noise * B / alpha), float(alpha), ladder.x0),
        noise=noise,
        alpha=_profile(points.deviance_at, alpha, EXPONENTS, ladder.freedom),
        missed=missed,
        missed_error=missed_error,
        gain=_aicc(line, 2, sum(seeds)) - _aicc(deviance, 3, sum(seeds)),
        last_fall=ladder.means[-2] - ladder.means[-1],
        last_fall_error=noise * sqrt(1 / seeds[-2] + 1 / seeds[-1]),
        no_fall_p=ladder.no_fall_p(),
    )


def floor(ladder: Ladder, law: Law) -> Interval:
    """The 95 % profile interval of the E of a fitted law; E is above 0 and below every loss."""
    noise = ladder.noise
    points = ladder.points(noise)

    def deviance_at(E: float) -> float:
        return points.deviance_from(E / noise, law.A * law.alpha / noise, law.alpha)

    bounds = 0.0, float(np.concatenate(ladder.losses).min())
    return _profile(deviance_at, law.E, bounds, ladder.freedom)


def _profile(
    deviance_at: Callable[[float], float], best: float, bounds: tuple[float, float], freedom: int
) -> Interval:
    """The values between bounds whose least deviance is above the best one's by at most the 95 %
    point of F(1, freedom of the noise), the correction for few seeds; an end is None where the
    bound's is too."""
    highest = deviance_at(best) + float(f_distribution.isf(ALPHA, 1, freedom))

    def excess(value: float) -> float:
        return deviance_at(value) - highest

    ends = [
        brentq(excess, bound, best, xtol=1e-7, rtol=1e-6) if excess(bound) > 0 else None
        for bound in bounds
    ]
    return Interval(*ends)


def _held_out(ladder: Ladder) -> tuple[float, float]:
    """The prediction of the largest size by the law of the others less its mean loss, and the
    standard error of this difference."""
    others, noise = Ladder(ladder.sizes[:-1], ladder.losses[:-1]), ladder.noise
    points = others.points(noise)
    predicted, error = points.predict(points.best()[0], log(ladder.sizes[-1] / others.x0))
    seeds = len(ladder.losses[-1])
    return noise * predicted - ladder.means[-1], noise * sqrt(error**2 + 1 / seeds)


def _aicc(deviance: float, parameters: int, points: int) -> float:
    """Akaike's criterion with the correction for few points (Hurvich & Tsai 1989); the noise counts
    as a parameter."""
    k = parameters + 1
    return deviance + 2 * k + 2 * k * (k + 1) / (points - k - 1)
