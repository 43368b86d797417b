"""The points of a joint scaling law over parameters and rows: which are measurements, and which designs carry a fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log10

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.scaling_points import MIN_DECADES, MIN_SEEDS, ROUNDING, NotFitted, count_apart

Vector = NDArray[np.float64]

MIN_SIZES = 4
"""On each axis."""


@dataclass(frozen=True)
class JointPoint:
    parameters: float
    rows: float
    seed: int
    loss: float


@dataclass(frozen=True)
class Plane:
    """Points by pair of sizes: logs of the sizes over their means, log losses, and the pair of each point [n]."""

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
            raise ValueError(f"parameters, rows and loss must be above 0, not {', '.join(f'{v:g}' for v in values)}")
    ordered = sorted(points, key=lambda point: (point.parameters, point.rows, point.seed))
    keys = [(point.parameters, point.rows, point.seed) for point in ordered]
    if len(set(keys)) < len(keys):
        raise NotFitted("a seed stands twice among the points of one pair of sizes")
    sizes = np.array([key[:2] for key in keys], np.float64).reshape(-1, 2)
    logs, centres = np.log(sizes), []
    for axis, name in enumerate(("parameters", "rows")):
        distinct = np.unique(sizes[:, axis])
        if (apart := count_apart(sizes[:, axis])) < MIN_SIZES:
            raise NotFitted(
                f"{apart} sizes of {name} that are 5% apart: a joint law is fitted to at least {MIN_SIZES} on each axis"
            )
        if (decades := log10(distinct[-1] / distinct[0])) < MIN_DECADES - 1e-9:
            raise NotFitted(f"{name} span {decades:.2f} decades: a joint law is fitted to at least {MIN_DECADES:g}")
        centres.append(float(np.log(distinct).mean()))
    _, pair = np.unique(sizes, axis=0, return_inverse=True)
    log_loss = np.log([point.loss for point in ordered])
    plane = Plane(logs[:, 0] - centres[0], logs[:, 1] - centres[1], log_loss, pair.reshape(-1))
    if plane.counts.min() < MIN_SEEDS:
        raise NotFitted(f"{plane.counts.min()} seeds of a pair of sizes: a joint law is fitted to at least {MIN_SEEDS}")
    if len(plane.counts) < 6:
        raise NotFitted(f"{len(plane.counts)} pairs of sizes: a joint law of five parameters is fitted to at least 6")
    if plane.noise < ROUNDING:
        raise NotFitted("all seeds of a pair of sizes have the same loss: without seed noise there is no interval")
    return plane, exp(centres[0]), exp(centres[1])
