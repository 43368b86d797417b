"""Effects with their 95 % intervals: differences of means, contrasts of cells, means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t as student

from benchmark.measure.significance import ALPHA, welch


@dataclass(frozen=True)
class Effect:
    """`value` with its 95 % interval, from `n` independent runs or recipes."""

    value: float
    low: float
    high: float
    n: int
    unit: str
    remark: str = ""


def difference(a: Sequence[float], b: Sequence[float], unit: str) -> Effect:
    """The mean of `a` less that of `b`, with Welch's interval."""
    gap = welch(a, b)
    return Effect(gap.value, gap.low, gap.high, len(a) + len(b), unit)


def contrast(
    cells: Sequence[Sequence[float]], weights: Sequence[float], unit: str, remark: str = ""
) -> Effect:
    """The weighted sum of the means of cells, with Welch & Satterthwaite's interval.

    Each cell has two runs or more; neither their numbers nor their variances need be alike.

    Example::

        contrast([[0.81, 0.82, 0.80], [0.79, 0.78]], [1, -1], "AUC")   # first cell less second
    """
    weight = np.array(weights)
    freedoms = np.array([len(cell) - 1 for cell in cells])
    parts = weight**2 * [np.var(cell, ddof=1) / len(cell) for cell in cells]
    value, square = float(weight @ [np.mean(cell) for cell in cells]), float(parts.sum())
    freedom = square**2 / float(np.sum(parts**2 / freedoms)) if square else freedoms.sum()
    margin = float(student.isf(ALPHA / 2, freedom)) * sqrt(square)
    return Effect(value, value - margin, value + margin, sum(map(len, cells)), unit, remark)


def mean_over_seeds(values: Sequence[float], unit: str, remark: str = "") -> Effect:
    """A mean with Student's interval."""
    return contrast([values], [1.0], unit, remark)
