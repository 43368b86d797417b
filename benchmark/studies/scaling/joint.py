"""The joint law over parameters and training rows, L(N, R) = E + A (N / N0)^-alpha + B (R /
R0)^-beta (Hoffmann et al. 2022, equation 2), fitted as the law of one axis is; N0 and R0 are the
geometric means of the sizes on each axis.

Its E is the loss of an infinite model on infinite rows: the floor of the data, up to what the model
family misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, least_squares, nnls
from scipy.stats import f as f_distribution

from benchmark.studies.scaling.fit import ALPHA_BOUNDS, HUBER, NOUGHT
from benchmark.studies.scaling.law import LEVEL, TAU, Interval, at_bound, narrower
from benchmark.studies.scaling.points import JointPoint, Plane, plane_of

Vector = NDArray[np.float64]

LEAST_FALL = 2
"""In seed sds: a term that falls by less over its axis is no estimate."""
STARTS = (0.005, 0.1, 0.5, 2.0)
"""Of each exponent."""
KEPT = 3
SCAN = 24
"""Steps in which the interval's ends are looked for."""
PROFILE_TOLERANCE = 1e-8


@dataclass(frozen=True)
class JointLaw:
    E: float
    A: float
    alpha: float
    B: float
    beta: float
    parameters0: float
    rows0: float

    def at(self, parameters: ArrayLike, rows: ArrayLike) -> Vector:
        of_parameters = (
            self.A * (np.asarray(parameters, np.float64) / self.parameters0) ** -self.alpha
        )
        return (
            self.E
            + of_parameters
            + self.B * (np.asarray(rows, np.float64) / self.rows0) ** -self.beta
        )


@dataclass(frozen=True)
class JointFit:
    """`noise` is the pooled sd of log L over the seeds of a pair of sizes, `sd` the same in
    LogLoss; E's interval is
    95 %; `misfit` as in a fit of one axis. Falls are in LogLoss: the mean loss from the worst pair
    to the best, and each term of the law over its axis."""

    law: JointLaw
    noise: float
    freedom: int
    E: Interval
    fall: float
    fall_of_parameters: float
    fall_of_rows: float
    sd: float
    r2: float
    misfit: float

    @property
    def rejected(self) -> bool:
        return self.misfit < LEVEL

    @property
    def identified(self) -> bool:
        """Is E's interval narrower than the fall of the loss?"""
        return narrower(self.E, self.fall)

    @property
    def parameters_estimated(self) -> bool:
        """Are A and alpha estimates: does their term fall beyond the noise, by an exponent off its
        bounds?"""
        return self.fall_of_parameters >= LEAST_FALL * self.sd and not at_bound(self.law.alpha)

    @property
    def rows_estimated(self) -> bool:
        """The same of B and beta."""
        return self.fall_of_rows >= LEAST_FALL * self.sd and not at_bound(self.law.beta)


def fit_joint(points: Sequence[JointPoint]) -> JointFit:
    """Raises ValueError for points that are no measurements, NotFitted where they are too few or
    too alike."""
    plane, parameters0, rows0 = plane_of(points)
    best, objective = _best(plane)
    E, A, B, log_alpha, log_beta = best
    E = E if E > NOUGHT else 0.0
    fitted = np.exp(_residuals(best, plane) * HUBER * plane.noise + plane.log_loss)
    loss = np.exp(plane.log_loss)
    freedom = len(plane.counts) - 5
    strays = plane.means(plane.log_loss - np.log(fitted))
    square = float((plane.counts * strays**2).sum()) / freedom / plane.noise**2
    means = plane.means(loss)
    return JointFit(
        law=JointLaw(
            float(E), float(A), exp(log_alpha), float(B), exp(log_beta), parameters0, rows0
        ),
        noise=plane.noise,
        freedom=plane.freedom,
        E=_interval(plane, best, objective),
        fall=float(means.max() - means.min()),
        fall_of_parameters=_fall(float(A), exp(log_alpha), plane.log_parameters),
        fall_of_rows=_fall(float(B), exp(log_beta), plane.log_rows),
        sd=plane.noise * float(means.mean()),
        r2=float(1 - ((loss - fitted) ** 2).sum() / ((loss - loss.mean()) ** 2).sum()),
        misfit=float(f_distribution.sf(square, freedom, plane.freedom)),
    )


def _fall(factor: float, exponent: float, log_ratio: Vector) -> float:
    return float(
        factor * (np.exp(-exponent * log_ratio.min()) - np.exp(-exponent * log_ratio.max()))
    )


def _starts(plane: Plane, floor: float | None) -> list[Vector]:
    """(E, A, B, log alpha, log beta): of each pair of exponents the others by least squares of the
    relative error."""
    loss = np.exp(plane.log_loss)
    starts = []
    for alpha, beta in product(STARTS, STARTS):
        powers = np.exp(-alpha * plane.log_parameters), np.exp(-beta * plane.log_rows)
        if floor is None:
            linear, _ = nnls(
                np.stack([np.ones_like(loss), *powers], axis=1) / loss[:, None], np.ones_like(loss)
            )
        else:
            linear = np.array(
                [floor, *nnls(np.stack(powers, axis=1) / loss[:, None], 1 - floor / loss)[0]]
            )
        starts.append(np.array([*linear, np.log(alpha), np.log(beta)]))
    return starts


def _best(plane: Plane, floor: float | None = None) -> tuple[Vector, float]:
    """The law of the least sum of Huber residuals over noise^2, with E held at `floor` if given:
    roughly from every start, closer from the best KEPT of these, the best of all to rounding."""
    rough = sorted(
        (_descend(plane, floor, start, 1e-3) for start in _starts(plane, floor)),
        key=lambda found: found[1],
    )
    closer = (_descend(plane, floor, law, PROFILE_TOLERANCE) for law, _ in rough[:KEPT])
    best = min(closer, key=lambda found: found[1])
    return best if floor is not None else _descend(plane, None, best[0], 1e-11)


def _descend(
    plane: Plane, floor: float | None, start: Vector, tolerance: float
) -> tuple[Vector, float]:
    """From one start, with E held at `floor` if given."""
    held = np.array([] if floor is None else [floor])
    free = slice(len(held), None)
    low, high = np.log(ALPHA_BOUNDS)
    lower, upper = np.array([0, 0, 0, low, low]), np.array([np.inf, np.inf, np.inf, high, high])
    result = least_squares(
        lambda values: _residuals(np.append(held, values), plane),
        np.clip(start, lower + 1e-9, upper - 1e-9)[free],
        jac=lambda values: _jacobian(np.append(held, values), plane)[:, free],
        bounds=(lower[free], upper[free]),
        loss="huber",
        x_scale="jac",
        ftol=tolerance,
        xtol=tolerance,
        gtol=tolerance,
        max_nfev=200,
    )
    return np.append(held, result.x), float(result.cost) * HUBER**2


def _residuals(values: Vector, plane: Plane) -> Vector:
    """log L_hat - log L in units of Huber's delta."""
    E, A, B, log_alpha, log_beta = values
    of_parameters = A * np.exp(-np.exp(log_alpha) * plane.log_parameters)
    fitted = E + of_parameters + B * np.exp(-np.exp(log_beta) * plane.log_rows)
    residuals: Vector = (np.log(fitted) - plane.log_loss) / (HUBER * plane.noise)
    return residuals


def _jacobian(values: Vector, plane: Plane) -> Vector:
    E, A, B, log_alpha, log_beta = values
    alpha, beta = np.exp(log_alpha), np.exp(log_beta)
    u, v = np.exp(-alpha * plane.log_parameters), np.exp(-beta * plane.log_rows)
    slopes = (
        np.ones_like(u),
        u,
        v,
        -A * u * alpha * plane.log_parameters,
        -B * v * beta * plane.log_rows,
    )
    jacobian: Vector = (
        np.stack(slopes, axis=1) / (E + A * u + B * v)[:, None] / (HUBER * plane.noise)
    )
    return jacobian


def _interval(plane: Plane, best: Vector, objective: float) -> Interval:
    """Of E, by profile likelihood, walking away from the best law with the last law as the next
    start, and from all starts before an end is believed."""
    highest = objective + TAU / 2 * float(f_distribution.isf(LEVEL, 1, plane.freedom))

    def end(limit: float) -> float | None:
        inner, law = float(best[0]), best
        for outer in map(float, np.linspace(inner, limit, SCAN + 1)[1:]):
            following, reached = _descend(plane, outer, law, PROFILE_TOLERANCE)
            if reached > highest:
                following, reached = min(
                    (following, reached), _best(plane, outer), key=lambda found: found[1]
                )
            if reached > highest:
                return _profile_end(plane, (inner, outer), (law, following), highest)
            inner, law = outer, following
        return None

    return Interval(end(0.0) or 0.0, end(2 * float(np.exp(plane.log_loss).max())))


def _profile_end(
    plane: Plane, between: tuple[float, float], starts: Sequence[Vector], highest: float
) -> float:
    def excess(floor: float) -> float:
        return (
            min(_descend(plane, floor, start, PROFILE_TOLERANCE)[1] for start in starts) - highest
        )

    return float(brentq(excess, *between, xtol=1e-6))
