"""What a size that no one here can run would cost and give: extrapolated from the records of a
ladder."""

from collections.abc import Sequence
from math import ceil, log10
from statistics import mean

import numpy as np
from scipy.optimize import nnls

from benchmark.errors import UsageError
from benchmark.reports.document import Table
from benchmark.studies.scaling.curves import Curve, curves
from benchmark.studies.scaling.ladders import FLOPS, PARAMETERS, Rung, rows_of

BYTES = 16
"""Of each parameter, in float32: weight, gradient, Adam's two moments."""
GROWING = 0.1
"""Of the time at the largest size, the least share that must grow with FLOPs for the line to be
believed."""
HOURS = 24
"""In which the run is to end: so many machines are counted."""


def plan(dataset: str, recipe: str, ladder: Sequence[Rung], to: float) -> Table | None:
    """One run of the recipe with `to` dense parameters without head; None where it has no ladder
    over them. Raises UsageError for a size that is not beyond the ladder."""
    found = curves({recipe: tuple(ladder)}, (PARAMETERS,))
    if not found:
        return None
    [curve] = found
    largest = curve.rungs[-1]
    if to <= curve.sizes[-1]:
        raise UsageError(
            f"--to {to:g}: {dataset}/{recipe} was measured up to {curve.sizes[-1]:,} parameters;"
            " give a larger size, or another --recipe"
        )
    flops = _flops(curve.rungs, to)
    seconds, basis = _seconds(curve.rungs, flops)
    hours = seconds * rows_of(largest.first) * _epochs(largest) / 3600
    rest = largest.first.parameters.total - largest.first.parameters.dense
    beyond = log10(to / curve.sizes[-1])
    rows = (
        ("dense parameters without head", f"{to:,.0f}"),
        ("beyond the largest measured", f"{beyond:.1f} decades"),
        ("FLOPs per sample", f"{flops:,.0f}"),
        ("hours on this machine", f"{hours:,.1f}"),
        ("memory of weights, gradient and Adam", f"{BYTES * (to + rest) / 2**30:,.1f} GiB"),
        (f"machines like this one to end in {HOURS} hours", f"{max(1, ceil(hours / HOURS)):,}"),
        ("test LogLoss", _loss(curve, to)),
    )
    return Table(
        f"EXTRAPOLATED: {dataset}/{recipe} at {to:.3g} dense parameters, nothing of this was run",
        ("", "extrapolated"),
        rows,
        (
            (
                f"{basis}, at the rows and epochs of the largest measured size ({curve.sizes[-1]:,}"
                f" parameters, {rows_of(largest.first):,} rows, {_epochs(largest):.1f} epochs,"
                f" {largest.first.threads} threads, {largest.first.environment.machine}). FLOPs by"
                " the straight line through the two largest sizes, at least 2 a parameter;"
                " machines as if the work were divided without loss. The interval is that of the"
                " law as fitted: that the law goes on so far is an assumption."
            ),
        ),
    )


def _flops(rungs: Sequence[Rung], to: float) -> float:
    by_size = {PARAMETERS.of(rung.first): FLOPS.of(rung.first) for rung in rungs}
    (smaller, fewer), (larger, more) = sorted(by_size.items())[-2:]
    return max(more + (more - fewer) / (larger - smaller) * (to - larger), 2 * to)


def _seconds(rungs: Sequence[Rung], flops: float) -> tuple[float, str]:
    """Of a sample, and by what: a + b FLOPs over the ladder by least squares of the relative error;
    where the time hardly grows with FLOPs, in proportion to them."""
    runs = [run for rung in rungs for run in rung.runs]
    each = np.array([run.cost.total_seconds / (rows_of(run) * run.curve[-1].epoch) for run in runs])
    of = np.array([run.flops_per_sample for run in runs], np.float64)
    (fixed, slope), _ = nnls(np.stack([1 / each, of / each], axis=1), np.ones(len(runs)))
    largest = float(each[of == of[-1]].mean())
    if slope * of[-1] >= GROWING * largest:
        return float(fixed + slope * flops), "Time by a + b FLOPs of a sample over the ladder"
    return (
        largest / of[-1] * flops,
        "Time in proportion to FLOPs, an upper bound, as over the ladder it hardly grows with them",
    )


def _epochs(rung: Rung) -> float:
    return mean(run.curve[-1].epoch for run in rung.runs)


def _loss(curve: Curve, to: float) -> str:
    """With its interval, which ends at the oracle where that is known."""
    if curve.fit is None:
        return f"{curve.verdict}: nothing to extrapolate" if not curve.refused else curve.verdict
    least = curve.rungs[0].first.metrics.oracle_logloss or 0.0
    at, (low, high) = (
        float(curve.fit.law.at(to)),
        (float(end[0]) for end in curve.fit.border.band([to])),
    )
    if high < least:
        return f"the law lies below the oracle's {least:.5f}: it does not go on so far"
    said = f"{max(low, least):.5f} to {high:.5f}"
    return f"{at:.5f} ({said})" if at >= least and curve.fit.bounded else said
