"""Two crossed factors with replication: effects with intervals and F tests. Pure.

y_ijk = m + a_i + b_j + (ab)_ij + e_ijk, fixed effects that sum to zero, k = 1..n runs a cell, e of
one variance, estimated within the cells with I J (n - 1) degrees of freedom. An effect's variance
is that of its contrast:
s^2 (I - 1) / (I J n) for a_i, s^2 (J - 1) / (I J n) for b_j, s^2 (I - 1)(J - 1) / (I J n) for
(ab)_ij.
Source: Montgomery, Design and Analysis of Experiments, the two-factor factorial design.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmark.errors import BenchmarkError

LEVEL = 0.95

Name = tuple[str, str]
Values = Mapping[Name, Mapping[int, float]]
"""A number per (level of the first factor, level of the second) and seed."""


@dataclass(frozen=True)
class Effect:
    """The effect of a level, or of a pair of levels: estimate +- half_width is its 95 %
    interval."""

    of: tuple[str, ...]
    estimate: float
    half_width: float

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out zero."""
        return abs(self.estimate) > self.half_width


@dataclass(frozen=True)
class FTest:
    """`share` is the part of the total sum of squares."""

    source: str
    df: int
    f: float
    p: float
    share: float


@dataclass(frozen=True)
class Factorial:
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    """Those of the analysed grid, in order."""
    seeds: tuple[int, ...]
    mean: float
    main: tuple[tuple[Effect, ...], tuple[Effect, ...]]
    interaction: tuple[Effect, ...]
    tests: tuple[FTest, FTest, FTest]
    """Of the first factor, the second, and their interaction."""
    residual_sd: float
    residual_df: int
    sd_ratio: float | None
    """The largest over the smallest sd of a cell; None where a cell has none."""
    bartlett_p: float | None
    """Of equal variances in all cells; it takes the runs to be normal."""
    left_out: tuple[str, ...]
    """What was not analysed, in words."""


def analyse(
    values: Values, factors: Name, levels: tuple[Sequence[str], Sequence[str]]
) -> Factorial:
    """Of the largest complete sub-grid whose cells share two seeds or more.

    Raises BenchmarkError where there is no such grid of two levels by two, or the seeds do not
    vary."""
    rows, columns, seeds = _largest_grid(values, levels)
    y = np.array([[[values[a, b][seed] for seed in seeds] for b in columns] for a in rows])
    i, j, n = y.shape
    cell = y.mean(axis=2)
    mean = float(cell.mean())
    a, b = cell.mean(axis=1) - mean, cell.mean(axis=0) - mean
    ab = cell - mean - a[:, None] - b[None, :]
    residual_df = i * j * (n - 1)
    residual = float(((y - cell[:, :, None]) ** 2).sum())
    if residual == 0:
        raise BenchmarkError(
            "the seeds of each cell give equal values: there is no variance to judge effects by"
        )
    variance = residual / residual_df
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, residual_df))

    def half_width(contrasts: int) -> float:
        return quantile * sqrt(variance * contrasts / y.size)

    squares = j * n * float(a @ a), i * n * float(b @ b), n * float((ab**2).sum())
    dfs = i - 1, j - 1, (i - 1) * (j - 1)
    sources = (*factors, " x ".join(factors))
    total = sum(squares) + residual
    return Factorial(
        levels=(rows, columns),
        seeds=seeds,
        mean=mean,
        main=(
            tuple(Effect((name,), float(a[k]), half_width(i - 1)) for k, name in enumerate(rows)),
            tuple(
                Effect((name,), float(b[k]), half_width(j - 1)) for k, name in enumerate(columns)
            ),
        ),
        interaction=tuple(
            Effect((row, column), float(ab[r, c]), half_width(dfs[2]))
            for r, row in enumerate(rows)
            for c, column in enumerate(columns)
        ),
        tests=_f_tests(sources, squares, dfs, variance, residual_df, total),
        residual_sd=sqrt(variance),
        residual_df=residual_df,
        sd_ratio=_sd_ratio(y),
        bartlett_p=(
            None if _sd_ratio(y) is None else float(stats.bartlett(*y.reshape(-1, n)).pvalue)
        ),
        left_out=tuple(_left_out(values, rows, columns, seeds)),
    )


def _largest_grid(
    values: Values, levels: tuple[Sequence[str], Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Of most cells, then of most seeds that all its cells share, then of the earliest levels."""
    best: tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]] = (), (), ()
    for rows in _subsets(levels[0]):
        for columns in _subsets(levels[1]):
            seeds = _shared_seeds(values, rows, columns)
            size = len(rows) * len(columns), len(seeds)
            if len(seeds) > 1 and size > (len(best[0]) * len(best[1]), len(best[2])):
                best = rows, columns, seeds
    if not best[2]:
        raise BenchmarkError(
            "effects and their intervals need at least two levels of each factor in every"
            " combination, and two seeds that all of these have; run more cells or more seeds"
        )
    return best


def _subsets(levels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in range(2, len(levels) + 1):
        yield from combinations(levels, size)


def _shared_seeds(values: Values, rows: Sequence[str], columns: Sequence[str]) -> tuple[int, ...]:
    return tuple(
        sorted(set.intersection(*(set(values.get((a, b), {})) for a in rows for b in columns)))
    )


def _f_tests(
    sources: Sequence[str],
    squares: Sequence[float],
    dfs: Sequence[int],
    variance: float,
    residual_df: int,
    total: float,
) -> tuple[FTest, FTest, FTest]:
    tests = []
    for source, square, df in zip(sources, squares, dfs, strict=True):
        f = square / df / variance
        tests.append(FTest(source, df, f, float(stats.f.sf(f, df, residual_df)), square / total))
    return tests[0], tests[1], tests[2]


def _sd_ratio(y: NDArray[np.float64]) -> float | None:
    sd = y.std(axis=2, ddof=1)
    return float(sd.max() / sd.min()) if sd.min() > 0 else None


def _left_out(
    values: Values, rows: Sequence[str], columns: Sequence[str], seeds: Sequence[int]
) -> Iterator[str]:
    for (a, b), runs in sorted(values.items()):
        if a not in rows or b not in columns:
            yield f"{a}/{b}: it is outside the largest complete grid"
        elif more := sorted(set(runs) - set(seeds)):
            yield f"{a}/{b}, seeds {', '.join(map(str, more))}: not every cell has them"
