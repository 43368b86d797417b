"""The figures of ladders: test LogLoss against size, with the laws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from benchmark.records.archive import Archive
from benchmark.reports.figures.style import (
    LOGLOSS,
    MARKERS,
    PALETTE,
    column,
    legend_below,
    styled,
    write,
)
from benchmark.studies.scaling.ladders import AXES, STUDY, Axis, Curve, curves, rungs
from benchmark.studies.scaling.law import LAW

LAW_POINTS = 60


def draw(archive: Archive, dataset: str) -> list[Path]:
    """Draw every axis that has a ladder, to results/figures/scaling/<data set>."""
    fitted, folder = curves(rungs(archive, dataset)), archive.figures(dataset, STUDY)
    paths: list[Path] = []
    for axis in AXES:
        if on_axis := [curve for curve in fitted if curve.axis is axis]:
            paths += write(laws(dataset, axis, on_axis), folder, f"laws-{axis.key}")
    return paths


@styled
def laws(dataset: str, axis: Axis, curves: Sequence[Curve]) -> Figure:
    """A point a run, and a line for each law."""
    figure = column(2.1 + 0.15 * len(curves))  # its legend has a line a curve
    axes: Axes = figure.subplots()
    for number, curve in enumerate(curves):
        color = PALETTE[number % len(PALETTE)]
        runs = [
            (axis.of(run), loss)
            for rung in curve.rungs
            for run, loss in zip(rung.runs, rung.losses, strict=True)
        ]
        label = f"{curve.recipe} ({'not fitted' if curve.refused else curve.verdict})"
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(*zip(*runs, strict=True), marker, color=color, label=label)
        if curve.fit is not None and curve.verdict == LAW:
            sizes = np.geomspace(curve.sizes[0], curve.sizes[-1], LAW_POINTS)
            axes.plot(sizes, curve.fit.law.at(sizes), color=color)
    axes.set(xscale="log", xlabel=axis.title, ylabel=LOGLOSS)
    # the default labels every step of a short axis, and they overlap
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    legend_below(figure, axes, 1)
    figure.suptitle(f"{dataset}: a point a run; lines: laws")
    return figure
