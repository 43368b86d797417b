"""An effect and its 95 % interval, from numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmark.measure.significance import ALPHA, welch


@dataclass(frozen=True)
class Effect:
    """`value` with its 95 % interval, of `n` independent runs or recipes."""

    value: float
    low: float
    high: float
    n: int
    unit: str
    remark: str = ""


def difference(a: Sequence[float], b: Sequence[float], unit: str) -> Effect:
    """Of two means, a less b, with Welch's interval."""
    found = welch(a, b)
    return Effect(found.value, found.low, found.high, len(a) + len(b), unit)


def contrast(y: NDArray[np.float64], unit: str, remark: str) -> Effect:
    """Of the mean of the cells of one side less that of the other's, y [2, cells, runs], whose
    variances may differ: Welch & Satterthwaite's interval."""
    _, cells, runs = y.shape
    parts = y.var(axis=2, ddof=1).ravel() / (runs * cells**2)
    value, square = float(np.subtract(*y.mean(axis=(1, 2)))), float(parts.sum())
    freedom = square**2 / float((parts**2).sum()) * (runs - 1) if square else float(runs - 1)
    margin = float(student.isf(ALPHA / 2, freedom)) * sqrt(square)
    return Effect(value, value - margin, value + margin, y.size, unit, remark)


def mean_over_seeds(values: Sequence[float], unit: str, remark: str = "") -> Effect:
    """A mean with Student's interval."""
    margin = float(
        student.isf(ALPHA / 2, len(values) - 1) * np.std(values, ddof=1) / sqrt(len(values))
    )
    value = mean(values)
    return Effect(value, value - margin, value + margin, len(values), unit, remark)
