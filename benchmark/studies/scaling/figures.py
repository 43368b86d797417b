"""The figures of ladders: laws, rank against size, loss against rank; and of shapes: loss and rank
against depth."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.records.record import Record
from benchmark.reports.figures.style import MARKERS, PALETTE, column, legend_below, styled, write
from benchmark.studies.scaling.ladders import AXES, Axis, Rung, logloss, rank
from benchmark.studies.scaling.report import Findings
from benchmark.studies.scaling.shapes import Level
from benchmark.studies.scaling.verdict import Curve

Bars = list[tuple[float, float]]
"""Mean and sd over seeds of each rung."""

LAW_POINTS = 60
RANK = "effective rank / min(rows, columns), last stage, trained"


def draw(study: Findings, results: Path) -> list[Path]:
    """Draw every axis that has a ladder, and the shapes, as files in
    results/figures/scaling/<data set>."""
    dataset = study.dataset
    folder = results / "figures" / "scaling" / dataset
    paths: list[Path] = []
    for axis in AXES:
        if curves := [curve for curve in study.curves if curve.axis is axis]:
            paths += write(laws(dataset, axis, curves), folder, f"laws-{axis.key}")
            paths += write(ranks(dataset, axis, curves), folder, f"rank-{axis.key}")
    if study.levels:
        paths += write(depth(dataset, study.levels), folder, "depth")
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
    lowest = np.inf
    for number, curve in enumerate(curves):
        _draw_points(panels[0], curve, number, 0.0)
        if curve.fit is not None:
            floor = curve.fit.law.E
            _draw_law(panels[0], curve, number, 0.0)
            _draw_points(panels[1], curve, number, floor)
            _draw_law(panels[1], curve, number, floor)
            lowest = min(lowest, float(curve.fit.law.at(curve.sizes[-1])) - floor)
    panels[0].set(xscale="log", ylabel="test LogLoss")
    panels[-1].set_xlabel(axis.title)
    if fitted:
        # Bands and points may come down to E, so the laws decide how far down the panel goes.
        panels[1].set(yscale="log", ylabel="test LogLoss - E", ylim=(lowest / 2, None))
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
        rank_bars, loss_bars = _bars(rungs, rank), _bars(rungs, logloss)
        _draw_bars(above, sizes, rank_bars, curve.recipe, number, "-")
        _draw_bars(below, rank_bars, loss_bars, curve.recipe, number, "none")
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
    below.set(
        ylabel="rank / limit",
        xlabel=f"depth ({', '.join(sorted({level.depth for level in levels}))})",
        xticks=sorted({level.layers(shape) for level in levels for shape in level.shapes}),
    )
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
    color = PALETTE[number % len(PALETTE)]
    axes.plot(sizes, curve.fit.law.at(sizes) - floor, color=color)
    axes.fill_between(sizes, low - floor, high - floor, color=color, alpha=0.2, linewidth=0)


def _bars(rungs: Sequence[Rung], of: Callable[[Record], float | None]) -> Bars:
    values = [[value for run in rung.runs if (value := of(run)) is not None] for rung in rungs]
    return [(mean(each), stdev(each) if len(each) > 1 else 0.0) for each in values]


def _draw_bars(axes: Axes, x: Bars, y: Bars, label: str, number: int, line: str) -> None:
    axes.errorbar(
        [value for value, _ in x],
        [value for value, _ in y],
        xerr=[sd for _, sd in x],
        yerr=[sd for _, sd in y],
        linestyle=line,
        elinewidth=0.6,
        label=label,
        **_look(number),
    )
