"""Rank correlation of two quantities over units that each have several runs."""

from collections.abc import Sequence
from math import atanh, sqrt, tanh
from statistics import NormalDist

import numpy as np
from scipy.stats import f_oneway, spearmanr

from benchmark.measure.significance import Effect

LEAST_UNITS = 4
LEVEL = 0.05
Z = NormalDist().inv_cdf(0.975)

Units = Sequence[Sequence[float]]
"""The runs of each unit: `[unit][run]`."""


def spearman(x: Units, y: Units) -> Effect:
    """Spearman's coefficient of the means of the units, with the interval of Bonett & Wright (2000)
    on Fisher's z. Raises ValueError with the reason where there is none: too few units, a quantity
    that does not vary between them by its own F test, or all in line."""
    if len(x) < LEAST_UNITS:
        raise ValueError(f"too few, it takes {LEAST_UNITS}")
    for name, units in (("rank", x), ("quality", y)):
        if not _varies(units):
            raise ValueError(f"their {name} does not vary beyond its seeds (F test at 5 %)")
    r = float(spearmanr([np.mean(unit) for unit in x], [np.mean(unit) for unit in y]).statistic)
    if abs(r) > 1 - 1e-12:
        raise ValueError("all are in line: Fisher's z gives no interval")
    margin = Z * sqrt((1 + r * r / 2) / (len(x) - 3))
    return Effect(r, tanh(atanh(r) - margin), tanh(atanh(r) + margin), len(x), "correlation")


def _varies(units: Units) -> bool:
    """Whether the means of the units differ; runs that are all alike within each leave no doubt."""
    if all(len(set(unit)) == 1 for unit in units):
        return len({unit[0] for unit in units}) > 1
    return bool(f_oneway(*units).pvalue < LEVEL)
