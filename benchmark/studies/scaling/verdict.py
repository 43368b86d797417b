"""Is there a scaling law? A parametric bootstrap of law against constant, and the verdict on every
axis of every ladder.

A draw of the bootstrap is the constant with normal noise in log L, of the pooled sd, or of the sd
of each size where these differ; each is fitted with a noise of its own."""

from dataclasses import dataclass, replace

import numpy as np

from benchmark.measure.significance import ALPHA
from benchmark.studies.scaling import fit as solver
from benchmark.studies.scaling import law
from benchmark.studies.scaling.ladders import AXES, Axis, Rung, Rungs, logloss, on_axis
from benchmark.studies.scaling.law import LawFit, misfit
from benchmark.studies.scaling.points import Ladder, NotFitted, Point
from benchmark.utils.arrays import Vector

RESAMPLES = 999
ZOOMS = 1
LAW, NO_LAW, NO_POWER_LAW = "law", "no scaling law found", "falls, but by no power law"


@dataclass(frozen=True)
class Curve:
    """The rungs of a recipe's ladder along one axis of size, and what is fitted to them.

    `ladder` and `p`, that of a constant, are None where the design was `refused`; `tried` is the
    law where the constant is rejected."""

    recipe: str
    axis: Axis
    rungs: tuple[Rung, ...]
    ladder: Ladder | None = None
    p: float | None = None
    tried: LawFit | None = None
    refused: str = ""

    @property
    def fit(self) -> LawFit | None:
        """The law, where the data reject the constant but not the law."""
        return None if self.tried is None or self.tried.rejected else self.tried

    @property
    def sizes(self) -> list[int]:
        return [self.axis.of(rung.first) for rung in self.rungs]

    @property
    def verdict(self) -> str:
        if self.refused:
            return f"not fitted: {self.refused}"
        if self.tried is None:
            return NO_LAW
        return LAW if self.fit else NO_POWER_LAW


def curves(ladders: Rungs) -> list[Curve]:
    """Fit every ladder on every axis on which it has two sizes or more, by axis and recipe."""
    chosen = [Curve(name, axis, on_axis(ladders[name], axis)) for axis in AXES for name in ladders]
    return [_fitted(curve) for curve in chosen if len(set(curve.sizes)) > 1]


def _fitted(curve: Curve) -> Curve:
    runs = [run for rung in curve.rungs for run in rung.runs]
    try:
        ladder = Ladder.of([Point(curve.axis.of(run), run.seed, logloss(run)) for run in runs])
    except NotFitted as error:
        return replace(curve, refused=str(error))
    p = constant_p(ladder)
    return replace(curve, ladder=ladder, p=p, tried=law.fit(ladder) if p <= ALPHA else None)


def constant_p(ladder: Ladder, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """p of a constant against the law; 1 for a loss that rises with size."""
    observed, _ = statistics(ladder, ladder.log_loss[:, None])
    constant, _ = solver.fit_constant(ladder.log_loss[:, None], np.array([ladder.noise]))
    null = null_statistics(ladder, float(constant[0]), null_noise(ladder), resamples, seed)
    return float((1 + (null >= observed).sum()) / (1 + resamples))


def null_noise(ladder: Ladder) -> Vector:
    """The sd of the draws at each point [points, 1]."""
    by_size = ladder.noises if ladder.uneven else np.full(len(ladder.first), ladder.noise)
    return np.repeat(by_size, ladder.counts)[:, None]


def null_statistics(
    ladder: Ladder, level: float, noise: Vector | float, resamples: int = RESAMPLES, seed: int = 0
) -> Vector:
    """The test's statistic [resamples] under a constant of log loss `level`.

    To first order it depends on sizes and seeds alone, where the noise is the same everywhere."""
    random = np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([seed, 0])))
    draws = level + noise * random.standard_normal((len(ladder.size), resamples))
    return statistics(ladder, draws)[0]


def statistics(ladder: Ladder, log_loss: Vector) -> tuple[Vector, Vector]:
    """The test's statistic and the p of the law's misfit, both [samples], of log_loss [points,
    samples].

    The statistic is how much lower the law's sum of Huber losses is than the constant's, over
    noise^2; 0 for a loss that rises with size."""
    noise, ratio = ladder.noise_of(log_loss), ladder.log_ratio
    E, A, alpha, lowest = solver.fit(log_loss, ratio, noise, ZOOMS, 1e-3 * float(noise.min()))
    _, constant = solver.fit_constant(log_loss, noise)
    fitted = np.log(E + A * np.exp(-np.multiply.outer(ratio[ladder.first], alpha)))
    return np.maximum(constant - lowest, 0) / noise**2, misfit(ladder, log_loss, fitted)
