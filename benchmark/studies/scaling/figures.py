"""The figures of ladders: laws, rank against size, loss against rank; and of shapes: loss and rank
against depth."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.figures.style import MARKERS, PALETTE, column, legend_below, styled, write
from benchmark.studies.scaling.curves import Curve, logloss, rank
from benchmark.studies.scaling.ladders import AXES, STUDY, Axis, Rung
from benchmark.studies.scaling.report import Findings
from benchmark.studies.scaling.shapes import Level

Band = tuple[float, float]

POINTS = 60
RANK = "effective rank / min(rows, columns), last stage, trained"


def draw(found: Findings, results: Path) -> list[Path]:
    """Of each axis that has a ladder, and of the shapes, as files."""
    dataset = found.dataset
    folder = Archive(results).figures(dataset, STUDY)
    written: list[Path] = []
    for axis in AXES:
        if on_it := [curve for curve in found.curves if curve.axis is axis]:
            written += write(laws(dataset, axis, on_it), folder, f"laws-{axis.key}")
            written += write(ranks(dataset, axis, on_it), folder, f"rank-{axis.key}")
    if found.levels:
        written += write(depth(dataset, found.levels), folder, "depth")
    return written


@styled
def laws(dataset: str, axis: Axis, found: Sequence[Curve]) -> Figure:
    """Loss against size, and below it loss minus E of the ladders with a law; laws with their 95 %
    bands."""
    fitted = [(number, curve) for number, curve in enumerate(found) if curve.fit is not None]
    figure = column(3.4 if fitted else 2.2)
    panels: list[Axes] = list(
        figure.subplots(2 if fitted else 1, 1, sharex=True, squeeze=False)[:, 0]
    )
    for number, curve in enumerate(found):
        _points(panels[0], curve, number, 0.0)
        _law(panels[0], curve, number, 0.0)
    for number, curve in fitted:
        assert curve.fit is not None
        _points(panels[1], curve, number, curve.fit.law.E)
        _law(panels[1], curve, number, curve.fit.law.E)
    panels[0].set(xscale="log", ylabel="test LogLoss")
    panels[-1].set_xlabel(axis.title)
    if fitted:
        panels[1].set(
            yscale="log",
            ylabel="test LogLoss - E",
            ylim=(_least(curve for _, curve in fitted) / 2, None),
        )
    legend_below(figure, panels[0], 3)
    figure.suptitle(f"{dataset}: a point a run; lines: laws with 95 % bands")
    return figure


@styled
def ranks(dataset: str, axis: Axis, found: Sequence[Curve]) -> Figure:
    """Rank against size, and loss against rank; means over seeds, ± sd."""
    figure = column(3.8)
    above, below = figure.subplots(2, 1)
    for number, curve in enumerate(found):
        known = _with(curve.rungs, rank)
        sizes = [(float(axis.of(rung.first)), 0.0) for rung in known]
        found_ranks, losses = ([_band(rung, of) for rung in known] for of in (rank, logloss))
        _bars(above, sizes, found_ranks, curve.recipe, number, "-")
        _bars(below, found_ranks, losses, curve.recipe, number, "none")
    above.set(xscale="log", xlabel=axis.title, ylabel="rank / limit")
    below.set(xlabel=RANK, ylabel="test LogLoss")
    legend_below(figure, above, 3)
    figure.suptitle(f"{dataset}: a point a size, ± sd over seeds")
    return figure


@styled
def depth(dataset: str, found: Sequence[Level]) -> Figure:
    """Loss against depth, and below it rank against depth, a line a level; means over seeds, ±
    sd."""
    figure = column(3.4)
    above, below = figure.subplots(2, 1, sharex=True)
    for number, level in enumerate(found):
        for axes, of in ((above, logloss), (below, rank)):
            known = _with(level.shapes, of)
            depths = [(float(level.layers(shape)), 0.0) for shape in known]
            label = f"{level.recipe}, {level.flops} FLOPs"
            _bars(axes, depths, [_band(shape, of) for shape in known], label, number, "-")
    above.set(ylabel="test LogLoss")
    below.set(
        ylabel="rank / limit",
        xlabel=f"depth ({', '.join(sorted({level.depth for level in found}))})",
        xticks=sorted({level.layers(shape) for level in found for shape in level.shapes}),
    )
    legend_below(figure, above, 1)
    figure.suptitle(f"{dataset}: width against depth at equal FLOPs, ± sd over seeds")
    return figure


def _points(axes: Axes, curve: Curve, number: int, floor: float) -> None:
    runs = [run for rung in curve.rungs for run in rung.runs]
    losses = np.array([logloss(run) - floor for run in runs])
    shown = losses > 0 if floor else np.ones(len(runs), bool)
    axes.plot(
        np.array([curve.axis.of(run) for run in runs])[shown],
        losses[shown],
        linestyle="none",
        color=PALETTE[number % len(PALETTE)],
        marker=MARKERS[number % len(MARKERS)],
        label=(
            curve.recipe if curve.fit is not None else f"{curve.recipe} ({_why_points_only(curve)})"
        ),
    )


def _why_points_only(curve: Curve) -> str:
    if curve.refused:
        return "not fitted"
    return "no law" if curve.tried is None else "no power law"


def _least(fitted: Iterable[Curve]) -> float:
    """Of what the laws lie above their E, the least: bands and points may come down to it."""
    return min(
        float(curve.fit.law.at(curve.sizes[-1])) - curve.fit.law.E
        for curve in fitted
        if curve.fit is not None
    )


def _law(axes: Axes, curve: Curve, number: int, floor: float) -> None:
    if curve.fit is None:
        return
    sizes = np.geomspace(curve.sizes[0], curve.sizes[-1], POINTS)
    low, high = curve.fit.border.band(sizes)
    color = PALETTE[number % len(PALETTE)]
    axes.plot(sizes, curve.fit.law.at(sizes) - floor, color=color)
    axes.fill_between(sizes, low - floor, high - floor, color=color, alpha=0.2, linewidth=0)


def _with(rungs: Sequence[Rung], of: Callable[[Record], float | None]) -> list[Rung]:
    """Those all of whose runs have the value."""
    return [rung for rung in rungs if all(of(run) is not None for run in rung.runs)]


def _band(rung: Rung, of: Callable[[Record], float | None]) -> Band:
    """Mean and sd over seeds."""
    values = [value for run in rung.runs if (value := of(run)) is not None]
    return mean(values), stdev(values) if len(values) > 1 else 0.0


def _bars(
    axes: Axes, x: Sequence[Band], y: Sequence[Band], recipe: str, number: int, line: str
) -> None:
    axes.errorbar(
        [value for value, _ in x],
        [value for value, _ in y],
        xerr=[sd for _, sd in x],
        yerr=[sd for _, sd in y],
        color=PALETTE[number % len(PALETTE)],
        marker=MARKERS[number % len(MARKERS)],
        linestyle=line,
        elinewidth=0.6,
        label=recipe,
    )
