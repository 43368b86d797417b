"""The points that a scaling law is fitted to, and the designs that carry a fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, log10

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bartlett

from benchmark.utils.arrays import Vector

MIN_SIZES, MIN_SEEDS, MIN_DECADES = 5, 3, 1.0
APART = 1.05
"""Sizes closer than by this factor count as one."""
ROUNDING = 1e-12
"""A pooled sd of log L below it is that of rounding."""
UNEVEN = 0.01
"""Bartlett's p below which the noise is taken to differ between sizes."""


class NotFitted(ValueError):
    """The design does not carry a fit; the message stands in the table in its place."""


@dataclass(frozen=True)
class Point:
    """One run: its size on the axis, its seed, its test LogLoss."""

    size: float
    seed: int
    loss: float


@dataclass(frozen=True)
class Ladder:
    """Points by size and seed: size [points], log_loss [points], and the index of the first point
    of each size [sizes]."""

    size: Vector
    log_loss: Vector
    first: NDArray[np.int64]

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Ladder":
        """Raises ValueError for a size or loss that is no positive number, NotFitted for a design
        that carries no fit."""
        for point in points:
            if not (0 < point.size < inf and 0 < point.loss < inf):
                raise ValueError(f"{point}: size and loss must be above 0")
        ordered = sorted(points, key=lambda point: (point.size, point.seed))
        for one, other in pairwise(ordered):
            if (one.size, one.seed) == (other.size, other.seed):
                raise NotFitted(f"size {one.size:g}, seed {one.seed} stands twice among the points")
        size = np.array([point.size for point in ordered], np.float64)
        log_loss = np.log([point.loss for point in ordered])
        ladder = cls(size, log_loss, np.unique(size, return_index=True)[1])
        if fault := ladder._design_fault():
            raise NotFitted(fault)
        return ladder

    def _design_fault(self) -> str:
        """Why the design does not carry a fit; empty for one that does."""
        apart: list[float] = []
        for size in self.sizes:
            if not apart or size >= APART * apart[-1] * (1 - 1e-9):
                apart.append(size)
        if len(apart) < MIN_SIZES:
            return f"{len(apart)} sizes that are 5% apart: a law is fitted to at least {MIN_SIZES}"
        if (seeds := self.counts.min()) < MIN_SEEDS:
            size = f"{seeds} seeds at size {self.sizes[self.counts.argmin()]:g}"
            return f"{size}: a law is fitted to at least {MIN_SEEDS} a size"
        if (decades := log10(self.sizes[-1] / self.sizes[0])) < MIN_DECADES - 1e-9:
            span = f"the sizes span {decades:.2f} decades"
            return f"{span}: a law is fitted to at least {MIN_DECADES:g}"
        if self.noise < ROUNDING:
            return "all seeds of a size have the same loss: without seed noise there is no interval"
        return ""

    @property
    def sizes(self) -> Vector:
        return self.size[self.first]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of seeds at each size [sizes]."""
        return np.diff(self.first, append=len(self.size))

    @property
    def x0(self) -> float:
        """Geometric mean of the sizes."""
        return exp(float(np.log(self.sizes).mean()))

    @property
    def log_ratio(self) -> Vector:
        """log x / x0 [points]."""
        return np.asarray(np.log(self.size) - np.log(self.sizes).mean())

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the noise."""
        return len(self.size) - len(self.first)

    @property
    def noise(self) -> float:
        """Pooled sd of log L over the seeds of a size."""
        return float(self.noise_of(self.log_loss))

    @property
    def noises(self) -> Vector:
        """Sd of log L over the seeds of each size [sizes]."""
        return np.array([group.std(ddof=1) for group in np.split(self.log_loss, self.first[1:])])

    @property
    def noise_p(self) -> float:
        """Bartlett's p of equal noise at all sizes, which a pooled sd assumes."""
        return float(self.noise_p_of(self.log_loss))

    @property
    def uneven(self) -> bool:
        """Whether the noise differs between sizes, so that test and intervals do not hold."""
        return self.noise_p < UNEVEN

    def means(self, values: Vector) -> Vector:
        """Means [sizes, ...] over the seeds of each size of values [points, ...]."""
        return np.asarray((np.add.reduceat(values, self.first, axis=0).T / self.counts).T)

    def noise_of(self, log_loss: Vector) -> Vector:
        """Pooled sds [...] of other losses [points, ...] at these sizes."""
        deviations = log_loss - np.repeat(self.means(log_loss), self.counts, axis=0)
        return np.asarray(np.sqrt((deviations**2).sum(axis=0) / self.freedom))

    def noise_p_of(self, log_loss: Vector) -> Vector:
        """Bartlett's p [...] of other losses [points, ...] at these sizes."""
        with np.errstate(divide="ignore"):
            return np.asarray(bartlett(*np.split(log_loss, self.first[1:]), axis=0).pvalue)

    def without_largest(self) -> "Ladder":
        last = self.first[-1]
        return Ladder(self.size[:last], self.log_loss[:last], self.first[:-1])
