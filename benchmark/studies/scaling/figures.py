"""The figures of ladders: test LogLoss against size, with the laws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.records.archive import Archive
from benchmark.reports.figures.style import MARKERS, PALETTE, column, legend_below, styled, write
from benchmark.studies.scaling.ladders import AXES, STUDY, Axis, logloss, rungs
from benchmark.studies.scaling.verdict import Curve, curves

LAW_POINTS = 60


def draw(results: Path, dataset: str) -> list[Path]:
    """Draw every axis that has a ladder, to results/figures/scaling/<data set>."""
    fitted, folder = curves(rungs(results, dataset)), Archive(results).figures(dataset, STUDY)
    paths: list[Path] = []
    for axis in AXES:
        if on_axis := [curve for curve in fitted if curve.axis is axis]:
            paths += write(laws(dataset, axis, on_axis), folder, f"laws-{axis.key}")
    return paths


@styled
def laws(dataset: str, axis: Axis, curves: Sequence[Curve]) -> Figure:
    """Loss against size, and below it loss minus E of the ladders with a law; laws with their 95 %
    bands."""
    fitted = any(curve.fit for curve in curves)
    figure = column(3.4 if fitted else 2.2)
    panels: list[Axes] = list(
        figure.subplots(2 if fitted else 1, 1, sharex=True, squeeze=False)[:, 0]
    )
    heights: list[float] = []
    for number, curve in enumerate(curves):
        _draw_points(panels[0], curve, number, 0.0)
        if curve.fit is not None:
            floor = curve.fit.law.E
            _draw_law(panels[0], curve, number, 0.0)
            _draw_points(panels[1], curve, number, floor)
            _draw_law(panels[1], curve, number, floor)
            heights.append(float(curve.fit.law.at(curve.sizes[-1])) - floor)
    panels[0].set(xscale="log", ylabel="test LogLoss")
    panels[-1].set_xlabel(axis.title)
    if fitted:
        # Bands and points may come down to E, so the laws decide how far down the panel goes.
        panels[1].set(yscale="log", ylabel="test LogLoss - E", ylim=(min(heights) / 2, None))
    legend_below(figure, panels[0], 3)
    figure.suptitle(f"{dataset}: a point a run; lines: laws with 95 % bands")
    return figure


def _look(number: int) -> dict[str, Any]:
    return {"color": PALETTE[number % len(PALETTE)], "marker": MARKERS[number % len(MARKERS)]}


def _draw_points(axes: Axes, curve: Curve, number: int, floor: float) -> None:
    """A point a run; above a floor, those that lie above it."""
    runs = [run for rung in curve.rungs for run in rung.runs if not floor or logloss(run) > floor]
    sizes, losses = [curve.axis.of(run) for run in runs], [logloss(run) - floor for run in runs]
    label = curve.recipe
    if curve.refused:
        label += " (not fitted)"
    elif curve.fit is None:
        label += " (no law)" if curve.tried is None else " (no power law)"
    axes.plot(sizes, losses, linestyle="none", label=label, **_look(number))


def _draw_law(axes: Axes, curve: Curve, number: int, floor: float) -> None:
    assert curve.fit is not None
    sizes = np.geomspace(curve.sizes[0], curve.sizes[-1], LAW_POINTS)
    low, high = curve.fit.band(sizes)
    color = _look(number)["color"]
    axes.plot(sizes, curve.fit.law.at(sizes) - floor, color=color)
    axes.fill_between(sizes, low - floor, high - floor, color=color, alpha=0.2, linewidth=0)
