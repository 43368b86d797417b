"""Does rank matter? Correlate the effective rank of the last stage with quality on the test split.

The unit is the recipe: the mean over its seeds, which are not independent points. Intervals (95 %)
are Fisher's z: standard error 1 / sqrt(n - k - 2) for n recipes of k families whose means are taken
out (k = 1 across all), and for Spearman's coefficient sqrt(1 + r^2 / 2) times that (Bonett & Wright
2000).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import atanh, sqrt, tanh
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.linalg import norm
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmark.measure.trajectory import Band, over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import spectra

Z = NormalDist().inv_cdf(0.975)
ROUNDING = 1e-12
ACROSS = "across all recipes"

Kind = Literal["Pearson", "Spearman"]
Quality = Literal["logloss", "auc"]
KINDS: tuple[Kind, ...] = ("Pearson", "Spearman")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RankLossPoint:
    """One recipe; `family` is its model."""

    recipe: str
    family: str
    rank: Band
    logloss: Band
    auc: Band


class Correlation(NamedTuple):
    """`interval` is None where the coefficient is 1 or -1, for which Fisher's z has no error."""

    estimate: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Relation:
    """Rank against `quality` over this number of recipes, or why there is no correlation."""

    scope: str
    quality: Quality
    kind: Kind
    recipes: int
    found: Correlation | str


def points(recipes: Mapping[str, Runs]) -> tuple[list[RankLossPoint], dict[str, str]]:
    """A point a recipe, by family; and why each of the other recipes gives none."""
    usable: list[RankLossPoint] = []
    left_out: dict[str, str] = {}
    for name, runs in recipes.items():
        last = [list(spectra(run, "token", "best").values())[-1] for run in runs if run.spectra]
        rank = over_seeds(None if s is None else s.normalised("erank") for s in last)
        logloss = over_seeds(run.metrics.test.logloss for run in runs)
        auc = over_seeds(run.metrics.test.auc for run in runs)
        if rank is None or logloss is None or auc is None:
            left_out[name] = "its last stage is all zero"
        elif all(s.limit == 1 for s in last if s is not None):
            left_out[name] = "its rank is 1 by its shape"
        else:
            usable.append(RankLossPoint(name, runs[0].recipe["model"]["name"], rank, logloss, auc))
    return sorted(usable, key=lambda point: (point.family, point.recipe)), left_out


def by_family(points: Sequence[RankLossPoint]) -> dict[str, list[RankLossPoint]]:
    """The points of each family; `points` are ordered by it."""
    return {family: list(each) for family, each in groupby(points, lambda point: point.family)}


def relations(points: Sequence[RankLossPoint]) -> list[Relation]:
    """Correlations across all recipes, pooled within the families, and within each family."""
    families = by_family(points)
    several = {family: each for family, each in families.items() if len(each) > 1}
    scopes: dict[str, list[list[RankLossPoint]]] = {
        ACROSS: [list(points)],
        "within families, pooled": list(several.values()),
        **{f"within {family}": [each] for family, each in several.items()},
    }
    qualities: tuple[Quality, ...] = ("logloss", "auc")
    relations = []
    for scope, groups in scopes.items():
        members = [point for group in groups for point in group]
        number = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        x = np.array([point.rank.mean for point in members])
        for quality in qualities:
            y = np.array([getattr(point, quality).mean for point in members])
            for kind in KINDS:
                outcome = correlation(x, y, number, kind)
                relations.append(Relation(scope, quality, kind, len(members), outcome))
    return relations


def correlation(x: Array, y: Array, group: NDArray[np.int64], kind: Kind) -> Correlation | str:
    """Correlation of x and y [n] (Spearman: of their ranks) less group means, or why none."""
    groups = len(set(group.tolist()))
    spare = len(x) - groups - 2
    if spare < 1:
        return f"too few, it takes {max(groups, 1) + 3}"
    if kind == "Spearman":
        x, y = rankdata(x), rankdata(y)
    dx, dy = _less_mean(x, group), _less_mean(y, group)
    if min(norm(dx) / norm(x), norm(dy) / norm(y)) < ROUNDING:
        return "one of the two does not vary"
    r = float(np.clip(dx @ dy / (norm(dx) * norm(dy)), -1, 1))
    if 1 - abs(r) < ROUNDING:
        return Correlation(round(r), None)
    error = sqrt((1 + r * r / 2 if kind == "Spearman" else 1) / spare)
    return Correlation(r, (tanh(atanh(r) - Z * error), tanh(atanh(r) + Z * error)))


def _less_mean(values: Array, group: NDArray[np.int64]) -> Array:
    return values - (np.bincount(group, values) / np.bincount(group))[group]
