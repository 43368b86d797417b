"""The points of a scaling law: which are measurements, and which designs carry a fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, isfinite, log10
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bartlett

Vector = NDArray[np.float64]

MIN_SIZES, MIN_SEEDS, MIN_DECADES = 5, 3, 1.0
APART = 1.05
"""Sizes closer than by this factor count as one."""
ROUNDING = 1e-12
"""Below it a pooled sd of log L is that of rounding."""


class NotFitted(ValueError):
    """The design does not carry a fit: the points are tabled with this message in its place."""


def count_apart(sizes: Iterable[float]) -> int:
    """How many sizes there are when those less than 5 % above another count as that one."""
    counted: list[float] = []
    for size in sorted(sizes):
        if not counted or size >= APART * counted[-1] * (1 - 1e-9):
            counted.append(size)
    return len(counted)


@dataclass(frozen=True)
class Point:
    """One run: its size on the axis, its seed, its test LogLoss."""

    size: float
    seed: int
    loss: float


@dataclass(frozen=True)
class Ladder:
    """Points by size and seed: size [n], log_loss [n], the index of each size's first point
    [sizes]."""

    size: Vector
    log_loss: Vector
    first: NDArray[np.int64]

    @classmethod
    def of(cls, points: Sequence[Point]) -> Self:
        """Raises ValueError for points that are no measurements, NotFitted where they are too few
        or too alike, or two of one size and seed."""
        for point in points:
            if not all(isfinite(value) and value > 0 for value in (point.size, point.loss)):
                raise ValueError(
                    f"size {point.size}, seed {point.seed}: size and loss {point.loss} must be"
                    " above 0"
                )
        ordered = sorted(points, key=lambda point: (point.size, point.seed))
        for one, other in pairwise(ordered):
            if (one.size, one.seed) == (other.size, other.seed):
                raise NotFitted(f"size {one.size:g}, seed {one.seed} stands twice among the points")
        return cls._checked([point.size for point in ordered], [point.loss for point in ordered])

    @classmethod
    def _checked(cls, sizes: list[float], losses: list[float]) -> Self:
        distinct, first, counts = np.unique(sizes, return_index=True, return_counts=True)
        if (apart := count_apart(sizes)) < MIN_SIZES:
            raise NotFitted(
                f"{apart} sizes that are 5% apart: a law is fitted to at least {MIN_SIZES}"
            )
        if counts.min() < MIN_SEEDS:
            few = distinct[counts.argmin()]
            raise NotFitted(
                f"{counts.min()} seeds at size {few:g}: a law is fitted to at least {MIN_SEEDS} a"
                " size"
            )
        decades = log10(distinct[-1] / distinct[0])
        if decades < MIN_DECADES - 1e-9:
            raise NotFitted(
                f"the sizes span {decades:.2f} decades: a law is fitted to at least {MIN_DECADES:g}"
            )
        ladder = cls(np.array(sizes, np.float64), np.log(np.array(losses, np.float64)), first)
        if ladder.noise < ROUNDING:
            raise NotFitted(
                "all seeds of a size have the same loss: without seed noise there is no interval"
            )
        return ladder

    @property
    def sizes(self) -> Vector:
        return self.size[self.first]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Seeds by size."""
        return np.diff(self.first, append=len(self.size))

    @property
    def x0(self) -> float:
        return exp(float(np.log(self.sizes).mean()))

    @property
    def log_ratio(self) -> Vector:
        logs = np.log(self.size)
        ratio: Vector = logs - logs[self.first].mean()
        return ratio

    @property
    def freedom(self) -> int:
        return len(self.size) - len(self.first)

    @property
    def noise(self) -> float:
        """Pooled sd of log L over the seeds of a size."""
        return float(self.noise_of(self.log_loss[:, None])[0])

    @property
    def noises(self) -> Vector:
        """Sds of log L over the seeds of each size [sizes]."""
        return np.array(
            [group.std(ddof=1) for group in np.split(self.log_loss, self.first[1:])], np.float64
        )

    @property
    def noise_p(self) -> float:
        """Bartlett's p that the noise is the same at all sizes, which the pooled sd takes for
        granted."""
        return float(self.noise_p_of(self.log_loss[:, None])[0])

    def means(self, values: Vector) -> Vector:
        """Means by size [sizes, ...] of values [n, ...]."""
        means: Vector = (np.add.reduceat(values, self.first, axis=0).T / self.counts).T
        return means

    def noise_of(self, log_loss: Vector) -> Vector:
        """The pooled sds of other losses [n, samples] at these points."""
        deviations = log_loss - np.repeat(self.means(log_loss), self.counts, axis=0)
        return np.asarray(np.sqrt((deviations**2).sum(axis=0) / self.freedom), np.float64)

    def noise_p_of(self, log_loss: Vector) -> Vector:
        """Bartlett's p [samples] of other losses [n, samples] at these points."""
        with np.errstate(divide="ignore"):
            return np.asarray(
                bartlett(*np.split(log_loss, self.first[1:]), axis=0).pvalue, np.float64
            )

    def without_largest(self) -> "Ladder":
        last = self.first[-1]
        return Ladder(self.size[:last], self.log_loss[:last], self.first[:-1])


MIN_AXIS_SIZES = 4
"""Of the joint law, on each axis."""


@dataclass(frozen=True)
class JointPoint:
    parameters: float
    rows: float
    seed: int
    loss: float


@dataclass(frozen=True)
class Plane:
    """Points by pair of sizes: logs of the sizes over their means, log losses, and the pair of each
    point [n]."""

    log_parameters: Vector
    log_rows: Vector
    log_loss: Vector
    pair: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.bincount(self.pair)

    def means(self, values: Vector) -> Vector:
        means: Vector = np.bincount(self.pair, values) / self.counts
        return means

    @property
    def freedom(self) -> int:
        return len(self.pair) - len(self.counts)

    @property
    def noise(self) -> float:
        strays = self.log_loss - self.means(self.log_loss)[self.pair]
        return float(np.sqrt((strays**2).sum() / self.freedom))


def plane_of(points: Sequence[JointPoint]) -> tuple[Plane, float, float]:
    """And the geometric means of the sizes on each axis. Raises as fit_joint does."""
    for point in points:
        values = point.parameters, point.rows, point.loss
        if not all(isfinite(value) and value > 0 for value in values):
            raise ValueError(
                "parameters, rows and loss must be above 0, not"
                f" {', '.join(f'{v:g}' for v in values)}"
            )
    ordered = sorted(points, key=lambda point: (point.parameters, point.rows, point.seed))
    keys = [(point.parameters, point.rows, point.seed) for point in ordered]
    if len(set(keys)) < len(keys):
        raise NotFitted("a seed stands twice among the points of one pair of sizes")
    sizes = np.array([key[:2] for key in keys], np.float64).reshape(-1, 2)
    logs, centres = np.log(sizes), []
    for axis, name in enumerate(("parameters", "rows")):
        distinct = np.unique(sizes[:, axis])
        if (apart := count_apart(sizes[:, axis])) < MIN_AXIS_SIZES:
            raise NotFitted(
                f"{apart} sizes of {name} that are 5% apart: a joint law is fitted to at least "
                f"{MIN_AXIS_SIZES} on each axis"
            )
        if (decades := log10(distinct[-1] / distinct[0])) < MIN_DECADES - 1e-9:
            raise NotFitted(
                f"{name} span {decades:.2f} decades: a joint law is fitted to at least"
                f" {MIN_DECADES:g}"
            )
        centres.append(float(np.log(distinct).mean()))
    _, pair = np.unique(sizes, axis=0, return_inverse=True)
    log_loss = np.log([point.loss for point in ordered])
    plane = Plane(logs[:, 0] - centres[0], logs[:, 1] - centres[1], log_loss, pair.reshape(-1))
    if plane.counts.min() < MIN_SEEDS:
        raise NotFitted(
            f"{plane.counts.min()} seeds of a pair of sizes: a joint law is fitted to at least"
            f" {MIN_SEEDS}"
        )
    if len(plane.counts) < 6:
        raise NotFitted(
            f"{len(plane.counts)} pairs of sizes: a joint law of five parameters is fitted to at"
            " least 6"
        )
    if plane.noise < ROUNDING:
        raise NotFitted(
            "all seeds of a pair of sizes have the same loss: without seed noise there is no"
            " interval"
        )
    return plane, exp(centres[0]), exp(centres[1])
