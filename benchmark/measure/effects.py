"""Effects: contrasts of means over seeds and rank correlations, each with its interval, and what
they say of a claimed effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import f_oneway, nct, spearmanr
from scipy.stats import t as student

from benchmark.measure.significance import ALPHA, holm
from benchmark.measure.trajectory import Trajectory

SMALLEST_CHANGE = 0.02
"""Smaller changes of a rank ratio do not count: the instrument may be off by as much on noise."""
LEAST_UNITS = 4
"""Recipes or variants that a correlation takes."""

Part = Literal["rise", "fall", "amplitude"]
Judgement = Literal["holds here", "does not hold here", "smaller than claimed", "undecided"]
Samples = Sequence[Sequence[float]]
"""The runs of each cell or recipe: `[cell][run]`."""


class Scale(NamedTuple):
    """The transformation after which an estimate over its error is Student's t, and its inverse."""

    to: Callable[[float], float]
    back: Callable[[float], float]


PLAIN = Scale(float, float)
FISHER = Scale(atanh, tanh)


@dataclass(frozen=True)
class Effect:
    """An estimate from `n` runs or recipes; its standard error on `scale` has `freedom` degrees of
    freedom."""

    value: float
    error: float
    freedom: float
    n: int
    scale: Scale = PLAIN

    def interval(self, of: int = 1) -> tuple[float, float]:
        """The 95 % interval, or one of several that all hold in 95 % (Bonferroni)."""
        centre, margin = self.scale.to(self.value), self._critical(of) * self.error
        return self.scale.back(centre - margin), self.scale.back(centre + margin)

    @property
    def p(self) -> float:
        """Two-sided p of no effect; without error 1 for an effect of zero, else 0."""
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * student.sf(abs(self.scale.to(self.value)) / self.error, self.freedom))

    def power(self, true: float, of: int = 1) -> float:
        """The chance that such an interval lies on the side of 0 of the true effect."""
        if self.error == 0:
            return 1.0
        noncentrality = abs(self.scale.to(true)) / self.error
        return float(nct.sf(self._critical(of), self.freedom, noncentrality))

    def falls_short(self, claimed: float, of: int = 1) -> bool:
        """Whether the interval ends before the claimed effect."""
        end = self.interval(of)[claimed > 0]
        return end < claimed if claimed > 0 else end > claimed

    def _critical(self, of: int) -> float:
        return float(student.isf(ALPHA / of / 2, self.freedom))


def contrast(cells: Samples, weights: Sequence[float]) -> Effect:
    """The weighted sum of the means of cells, with Welch & Satterthwaite's degrees of freedom.

    Each cell has two runs or more; neither their numbers nor their variances need be alike::

        contrast([[0.81, 0.82, 0.80], [0.79, 0.78]], [1, -1])   # first cell less second
    """
    weight = np.array(weights)
    freedoms = np.array([len(cell) - 1 for cell in cells])
    parts = weight**2 * [np.var(cell, ddof=1) / len(cell) for cell in cells]
    value, square = float(weight @ [np.mean(cell) for cell in cells]), float(parts.sum())
    freedom = square**2 / np.sum(parts**2 / freedoms) if square else freedoms.sum()
    return Effect(value, sqrt(square), float(freedom), sum(map(len, cells)))


def mean_over_seeds(values: Sequence[float]) -> Effect:
    """A mean, as Student's test compares it with 0."""
    return contrast([values], [1.0])


def block_effects(paths: Sequence[Trajectory], part: Part) -> list[Effect]:
    """Rise, fall or amplitude of each block over the seeds; `paths` are of one depth."""
    by_block = zip(*(getattr(path, part) for path in paths), strict=True)
    return [mean_over_seeds(values) for values in by_block]


def damping_effects(paths: Sequence[Trajectory]) -> tuple[Effect, Effect]:
    """The amplitude of the first block, and that less the mean of the later ones: both are above 0
    where the rank oscillates and the oscillation damps. Each path has two blocks or more."""
    less_later = [path.damping for path in paths if path.damping is not None]
    return block_effects(paths, "amplitude")[0], mean_over_seeds(less_later)


def spearman(x: Samples, y: Samples) -> Effect:
    """Spearman's coefficient of the means of the units, with the error of Bonett & Wright (2000) on
    Fisher's scale. Raises ValueError with the reason where there is none: too few units, a quantity
    that does not vary between them by its own F test, or all in line."""
    if len(x) < LEAST_UNITS:
        raise ValueError(f"too few, it takes {LEAST_UNITS}")
    for name, units in (("rank", x), ("quality", y)):
        if not _varies(units):
            raise ValueError(f"their {name} does not vary beyond its seeds (F test at 5 %)")
    r = float(spearmanr([np.mean(unit) for unit in x], [np.mean(unit) for unit in y]).statistic)
    if abs(r) > 1 - 1e-12:
        raise ValueError("all are in line: Fisher's z gives no interval")
    return Effect(r, sqrt((1 + r * r / 2) / (len(x) - 3)), np.inf, len(x), FISHER)


def _varies(units: Samples) -> bool:
    """Whether the means of the units differ; runs that are all alike within each leave no doubt."""
    if all(len(set(unit)) == 1 for unit in units):
        return len({unit[0] for unit in units}) > 1
    return bool(f_oneway(*units).pvalue < ALPHA)


def judge(effects: Sequence[Effect], claimed: float) -> Judgement:
    """What effects say together of a claim that each of them is as large as `claimed`.

    It holds where all differ from 0 on its side, and does not where one differs on the other (Holm
    at 5 % over the effects). Of the others an interval that holds 0 and not the claimed effect
    makes the claim too large, an interval that holds both leaves it undecided."""
    adjusted = list(zip(effects, holm([effect.p for effect in effects]), strict=True))
    if any(p <= ALPHA and effect.value * claimed < 0 for effect, p in adjusted):
        return "does not hold here"
    rest = [effect for effect, p in adjusted if p > ALPHA]
    if not rest:
        return "holds here"
    short = any(effect.falls_short(claimed, len(effects)) for effect in rest)
    return "smaller than claimed" if short else "undecided"
