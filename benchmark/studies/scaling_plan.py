"""What a size that no one here can run would cost and give: extrapolated from the records of a ladder."""

from collections.abc import Sequence
from math import ceil, log10
from pathlib import Path
from statistics import mean

import numpy as np

from benchmark.studies.report import Section
from benchmark.studies.scaling import FLOPS, PARAMETERS, Rung, ladders, rows_of
from benchmark.studies.scaling_curves import NO_LAW, Curve, curves

BYTES = 16
"""Of each parameter, in float32: weight, gradient, Adam's two moments."""
HOURS = 24
"""In which the run is to end: so many machines are counted."""


def plan(results: Path, dataset: str, recipe: str, to: float) -> Section | None:
    """One run of the recipe with `to` dense parameters without head; None where it has no ladder over them."""
    of_recipe = {name: rungs for name, rungs in ladders(results, dataset).items() if name == recipe}
    found = [curve for curve in curves(of_recipe) if curve.axis is PARAMETERS]
    if not found:
        return None
    [curve] = found
    largest = curve.rungs[-1]
    flops = _flops(curve.rungs, to)
    hours = _seconds_per_flop(largest) * flops * rows_of(largest.first) * _epochs(largest) / 3600
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
    return Section(
        f"EXTRAPOLATED: {dataset}/{recipe} at {to:.3g} dense parameters, nothing of this was run",
        ("", "extrapolated"),
        rows,
        (
            f"Time in proportion to FLOPs from the largest measured size ({curve.sizes[-1]:,} parameters, "
            f"{rows_of(largest.first):,} rows, {_epochs(largest):.1f} epochs, {largest.first.threads} threads, "
            f"{largest.first.environment.machine}); FLOPs by a power of the parameters through the measured sizes; "
            "machines as if the work were divided without loss. The interval is that of the law as fitted: that the "
            "law goes on so far is an assumption.",
        ),
    )


def _flops(rungs: Sequence[Rung], to: float) -> float:
    parameters, flops = (np.log([axis.of(rung.first) for rung in rungs]) for axis in (PARAMETERS, FLOPS))
    slope, intercept = np.polyfit(parameters, flops, 1)
    return float(np.exp(intercept + slope * np.log(to)))


def _seconds_per_flop(rung: Rung) -> float:
    return mean(
        run.cost.total_seconds / (rows_of(run) * run.curve[-1].epoch * run.flops_per_sample) for run in rung.runs
    )


def _epochs(rung: Rung) -> float:
    return mean(run.curve[-1].epoch for run in rung.runs)


def _loss(curve: Curve, to: float) -> str:
    if curve.fit is None:
        return f"{NO_LAW}: nothing to extrapolate" if not curve.refused else curve.verdict
    low, high = curve.fit.border.band([to])
    return f"{float(curve.fit.law.at(to)):.5f} ({low[0]:.5f} to {high[0]:.5f})"
