"""Parametric bootstraps of scaling laws: is there a law at all, and at which size do two laws
cross?

Every draw is the fitted curve with normal noise in log L, of the pooled sd, and is fitted with a
noise of its own. The test for a law draws with the sd of each size where these differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, t

from benchmark.studies.scaling.fit import HUBER, Fits, fit_many, location
from benchmark.studies.scaling.law import LEVEL, Interval, Law, best_law, misfit
from benchmark.studies.scaling.points import Ladder

Vector = NDArray[np.float64]

RESAMPLES = 999
NEAR = 10**0.5
"""Crossings are sought from the smallest to the largest size of either ladder and half a decade
beyond."""
GRID = 400
UNEQUAL = 0.01
"""Bartlett's p below which the noise is taken to differ between sizes."""
TEST_ZOOMS, CROSSING_ZOOMS = 1, 3


@dataclass(frozen=True)
class LawTest:
    """The statistic is how much less the law's sum of Huber residuals is than the constant's, over
    noise^2. A loss that rises with size gives 0."""

    statistic: float
    p: float

    @property
    def found(self) -> bool:
        return self.p <= LEVEL


@dataclass(frozen=True)
class Crossing:
    """Where the first law falls below the second (or rises above it). An open end of the interval
    lies farther out than was searched; `measured`: inside the sizes of both ladders."""

    size: float
    interval: Interval
    first_better_above: bool
    measured: bool


def law_or_constant(ladder: Ladder, resamples: int = RESAMPLES, seed: int = 0) -> LawTest:
    """Constant against law, draws under the constant."""
    observed = statistics(ladder, ladder.log_loss[:, None])[0]
    constant = location(ladder.log_loss[:, None], np.array([HUBER * ladder.noise]))
    drawn = null_statistics(ladder, float(constant[0]), null_noise(ladder), resamples, seed)
    return LawTest(float(observed), float((1 + (drawn >= observed).sum()) / (1 + resamples)))


def unequal(ladder: Ladder) -> bool:
    """Does the noise differ between sizes? Then the pooled sd, and what rests on it, does not
    hold."""
    return ladder.noise_p < UNEQUAL


def null_noise(ladder: Ladder) -> Vector:
    """The sd of the draws at each point [n, 1]."""
    by_size = ladder.noises if unequal(ladder) else np.full(len(ladder.first), ladder.noise)
    return np.repeat(by_size, ladder.counts)[:, None]


def null_statistics(
    ladder: Ladder,
    log_loss: float,
    noise: Vector | float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Vector:
    """The test's statistic [resamples] under a constant. To first order it depends on sizes and
    seeds alone, where the noise is the same everywhere."""
    return statistics(ladder, _draws(ladder, np.array(log_loss), noise, resamples, seed))


def statistics(ladder: Ladder, log_loss: Vector) -> Vector:
    """The test's statistic [samples] of losses [n, samples] at the ladder's points."""
    return statistics_and_misfits(ladder, log_loss)[0]


def statistics_and_misfits(ladder: Ladder, log_loss: Vector) -> tuple[Vector, Vector]:
    """The same, and the p [samples] of the misfit of the laws."""
    noise = ladder.noise_of(log_loss)
    fits = fit_many(log_loss, ladder.log_ratio, noise, TEST_ZOOMS)
    fitted = np.log(_losses(fits, ladder.log_ratio[ladder.first]))
    return np.maximum(fits.constant - fits.objective, 0) / noise**2, misfit(
        ladder, log_loss, fitted
    )


def crossings(
    a: Ladder, b: Ladder, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Crossing, ...]:
    """By size; two laws cross at most twice, once in each direction.

    A draw without the crossing counts as one beyond the upper end where the sides have not changed
    there, else as one below the lower end."""
    sizes = np.geomspace(
        min(a.sizes[0], b.sizes[0]) / NEAR, max(a.sizes[-1], b.sizes[-1]) * NEAR, GRID
    )
    (law_a, _), (law_b, _) = best_law(a, a.noise), best_law(b, b.noise)
    drawn = _drawn_losses(a, law_a, sizes, resamples, seed, 0) - _drawn_losses(
        b, law_b, sizes, resamples, seed, 1
    )
    return tuple(
        Crossing(
            size=at,
            interval=_interval(_crossing_sizes(-drawn if falls else drawn, sizes)),
            first_better_above=falls,
            measured=bool(max(a.sizes[0], b.sizes[0]) <= at <= min(a.sizes[-1], b.sizes[-1])),
        )
        for at, falls in _roots(law_a, law_b, sizes)
    )


def _roots(a: Law, b: Law, sizes: Vector) -> list[tuple[float, bool]]:
    def difference(log_size: float) -> float:
        return float(a.at(np.exp(log_size)) - b.at(np.exp(log_size)))

    logs = np.log(sizes)
    above = a.at(sizes) > b.at(sizes)
    changes = np.flatnonzero(above[1:] != above[:-1])
    return [
        (float(np.exp(brentq(difference, logs[at], logs[at + 1]))), bool(above[at]))
        for at in changes
    ]


def _crossing_sizes(rising: Vector, sizes: Vector) -> Vector:
    """Where differences [sizes, samples] first rise above 0: 0 where below all sizes, inf where
    beyond them."""
    upward = (rising[:-1] <= 0) & (rising[1:] > 0)
    at, samples = upward.argmax(axis=0), np.arange(rising.shape[1])
    before, after = rising[at, samples], rising[at + 1, samples]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(sizes[at]) + np.log(sizes[1] / sizes[0]) * before / (before - after)
    return np.where(upward.any(axis=0), np.exp(logs), np.where(rising[-1] > 0, 0, np.inf))


def _interval(found: Vector) -> Interval:
    low, high = np.quantile(found, [LEVEL / 2, 1 - LEVEL / 2], method="closest_observation")
    return Interval(float(low) if low > 0 else None, float(high) if np.isfinite(high) else None)


def _drawn_losses(
    ladder: Ladder, law: Law, sizes: Vector, resamples: int, seed: int, stream: int
) -> Vector:
    """Losses [sizes, resamples] of laws fitted to draws from this one. Noise is stretched from the
    normal quantile
    to Student's, because its sd is itself an estimate."""
    noise = ladder.noise * float(t.isf(LEVEL / 2, ladder.freedom) / norm.isf(LEVEL / 2))
    draws = _draws(ladder, np.log(law.at(ladder.size))[:, None], noise, resamples, seed, stream)
    fits = fit_many(draws, ladder.log_ratio, ladder.noise_of(draws), CROSSING_ZOOMS)
    return _losses(fits, np.log(sizes / ladder.x0))


def _losses(fits: Fits, log_ratio: Vector) -> Vector:
    """[sizes, samples] at log x / x0 [sizes]."""
    return np.asarray(
        fits.m + fits.b / fits.alpha * np.expm1(-np.multiply.outer(log_ratio, fits.alpha)),
        np.float64,
    )


def _draws(
    ladder: Ladder,
    log_loss: Vector,
    noise: Vector | float,
    resamples: int,
    seed: int,
    stream: int = 0,
) -> Vector:
    random = np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([seed, stream])))
    return np.asarray(
        log_loss + noise * random.standard_normal((len(ladder.size), resamples)), np.float64
    )
