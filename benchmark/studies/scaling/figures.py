"""The figures of ladders: laws, rank against size, loss against rank; and of shapes: loss and rank
against depth."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.figures.style import MARKERS, PALETTE, column, legend_below, styled, write
from benchmark.studies.scaling.ladders import AXES, STUDY, Axis, Rung, logloss, rank
from benchmark.studies.scaling.report import Findings
from benchmark.studies.scaling.shapes import Level
from benchmark.studies.scaling.verdict import Curve

LAW_POINTS = 60
RANK = "effective rank / min(rows, columns), last stage, trained"


def draw(study: Findings, results: Path) -> list[Path]:
    """Draw every axis that has a ladder, and the shapes, to results/figures/scaling/<data set>."""
    dataset = study.dataset
    folder = Archive(results).figures(dataset, STUDY)
    paths: list[Path] = []
    for axis in AXES:
        if curves := [curve for curve in study.curves if curve.axis is axis]:
            paths += write(laws(dataset, axis, curves), folder, f"laws-{axis.key}")
            paths += write(ranks(dataset, axis, curves), folder, f"rank-{axis.key}")
    return paths + (write(depth(dataset, study.levels), folder, "depth") if study.levels else [])


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


@styled
def ranks(dataset: str, axis: Axis, curves: Sequence[Curve]) -> Figure:
    """Rank against size, and loss against rank; means over seeds, ± sd."""
    figure = column(3.8)
    above, below = figure.subplots(2, 1)
    for number, curve in enumerate(curves):
        rungs = [rung for rung in curve.rungs if rung.rank is not None]
        sizes = [(float(axis.of(rung.first)), 0.0) for rung in rungs]
        _draw_bars(above, sizes, _bars(rungs, rank), curve.recipe, number, "-")
        _draw_bars(below, _bars(rungs, rank), _bars(rungs, logloss), curve.recipe, number, "none")
    above.set(xscale="log", xlabel=axis.title, ylabel="rank / limit")
    below.set(xlabel=RANK, ylabel="test LogLoss")
    legend_below(figure, above, 3)
    figure.suptitle(f"{dataset}: a point a size, ± sd over seeds")
    return figure


@styled
def depth(dataset: str, levels: Sequence[Level]) -> Figure:
    """Loss against depth, and below it rank against depth, a line a level; means over seeds, ±
    sd."""
    figure = column(3.4)
    above, below = figure.subplots(2, 1, sharex=True)
    for number, level in enumerate(levels):
        label = f"{level.recipe}, {level.flops} FLOPs"
        ranked = [shape for shape in level.shapes if shape.rank is not None]
        for axes, of, shapes in ((above, logloss, level.shapes), (below, rank, ranked)):
            depths = [(float(level.layers(shape)), 0.0) for shape in shapes]
            _draw_bars(axes, depths, _bars(shapes, of), label, number, "-")
    above.set(ylabel="test LogLoss")
    ticks = sorted({level.layers(shape) for level in levels for shape in level.shapes})
    names = ", ".join(sorted({level.depth for level in levels}))
    below.set(ylabel="rank / limit", xlabel=f"depth ({names})", xticks=ticks)
    legend_below(figure, above, 1)
    figure.suptitle(f"{dataset}: width against depth at equal FLOPs, ± sd over seeds")
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


Bars = list[tuple[float, float]]
"""Mean and sd over seeds of each rung."""


def _bars(rungs: Sequence[Rung], of: Callable[[Record], float | None]) -> Bars:
    values = [[value for run in rung.runs if (value := of(run)) is not None] for rung in rungs]
    return [(mean(each), stdev(each) if len(each) > 1 else 0.0) for each in values]


def _draw_bars(axes: Axes, x: Bars, y: Bars, label: str, number: int, line: str) -> None:
    (x_means, x_sds), (y_means, y_sds) = (np.reshape(bars, (-1, 2)).T for bars in (x, y))
    look = {"linestyle": line, "elinewidth": 0.6, "label": label, **_look(number)}
    axes.errorbar(x_means, y_means, xerr=x_sds, yerr=y_sds, **look)
