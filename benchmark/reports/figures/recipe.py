"""Figures of one recipe's ranks over its seeds."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.measure.spectrum import TableSpectrum
from benchmark.model import block_part
from benchmark.records import ranks
from benchmark.records.archive import Runs
from benchmark.records.ranks import FORMS, WHEN, SpectrumForm, When
from benchmark.records.record import Record
from benchmark.reports.figures import style

FORM_TITLES: dict[SpectrumForm, str] = {"token": "token form", "batch": "batch form"}
FLOOR = 1e-4
"""Smallest sigma_i / sigma_1 that is drawn."""


def of_recipe(runs: Runs) -> dict[str, Figure]:
    """The figures by name, without `tables` if there are none; empty for a rank of 1 by shape."""
    if all(spectrum.limit == 1 for run in runs for *_, spectrum in ranks.all_spectra(run)):
        return {}
    figures = {
        "trajectory": trajectory(runs),
        "spectra": singular_values(runs),
        "training": training(runs),
    }
    return figures | ({"tables": tables(runs)} if runs[0].tables else {})


@style.styled
def trajectory(runs: Runs) -> Figure:
    """The effective rank over its limit, stage by stage, in token and batch form, ± sd over the
    seeds."""
    figure = style.column(2.4)
    panels = figure.subplots(1, len(FORMS), sharey=True)
    for axes, form in zip(panels, FORMS, strict=True):
        style.draw_stages(axes, runs, form)
        style.name_stages(axes, runs[0].stages)
        axes.set_title(FORM_TITLES[form])
        axes.set_xlabel("stage")
    style.legend_below(figure, panels[0], 2)
    figure.supylabel(style.OVER_LIMIT)
    figure.suptitle(_title(runs))
    return figure


@style.styled
def singular_values(runs: Runs) -> Figure:
    """Mean sigma_i / sigma_1 of each stage, untrained and trained, token above batch form."""
    stages = runs[0].stages
    figure = style.column(0.9 + 1.35 * len(FORMS) + 0.1 * -(-len(stages) // 3))
    panels = figure.subplots(len(FORMS), len(WHEN), sharey="row", squeeze=False)
    for row, form in zip(panels, FORMS, strict=True):
        row[0].set_ylabel(FORM_TITLES[form])
        lowest = min(_decays(axes, runs, form, when) for axes, when in zip(row, WHEN, strict=True))
        row[0].set_ylim(max(FLOOR, 0.7 * lowest), 1.3)
    for axes, title in zip(panels[0], WHEN.values(), strict=True):
        axes.set_title(title)
    for axes in panels[-1]:
        axes.set_xlabel("i")
    style.legend_below(figure, panels[0, 0], 3)
    figure.supylabel("mean singular value, sigma_i / sigma_1")
    figure.suptitle(_title(runs))
    return figure


def _decays(axes: Axes, runs: Runs, form: SpectrumForm, when: When) -> float:
    """Draw a line for each stage and return the smallest value above 0."""
    stages = runs[0].stages
    each_run = [ranks.spectra(run, form, when) for run in runs]
    lowest = 1.0
    for position, stage in enumerate(stages):
        sigmas = [s.sigma for each in each_run if (s := each[stage]) is not None and s.sigma]
        decay = np.array(sigmas).mean(0) if sigmas else np.zeros(0)
        lowest = min([lowest, *decay[decay > 0]])
        look = _look(stage, position, stages)
        every = max(1, len(decay) // 6)
        axes.plot(np.arange(1, len(decay) + 1), decay, label=stage, markevery=every, **look)
    axes.set_yscale("log", nonpositive="clip")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return lowest


@style.styled
def training(runs: Runs) -> Figure:
    """The effective rank of each stage over training, mean over the seeds."""
    stages = runs[0].stages
    figure = style.column(2.5 + 0.1 * -(-len(stages) // 3))
    axes = figure.subplots()
    for stage, course in ranks.rank_curve(runs).items():
        look = _look(stage, stages.index(stage), stages)
        means = [band.mean for band in course.values()]
        axes.plot(list(course), means, label=stage, markevery=max(1, len(means) // 8), **look)
    for run in runs:
        axes.axvline(
            run.best_step,
            label="best step",
            color=style.GREEN,
            linestyle=":",
            linewidth=0.8,
            zorder=0,
        )
    axes.set(xlabel="training step", ylabel=style.OVER_LIMIT)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    style.legend_below(figure, axes, 3)
    figure.suptitle(f"{_title(runs)}, {runs[0].curve_probe_rows} probe rows")
    return figure


def _look(stage: str, position: int, stages: Sequence[str]) -> dict[str, Any]:
    """Deeper stages are lighter; mixing and FFN have markers of their own."""
    shade = matplotlib.colormaps["viridis"](0.9 * position / max(1, len(stages) - 1))
    other = ("s", "-.") if position else ("o", ":")
    looks = {"mixing": ("^", "-"), "ffn": ("v", "--")}
    marker, line = looks.get(block_part(stage) or "", other)
    return {"color": matplotlib.colors.to_hex(shade), "marker": marker, "linestyle": line}


@style.styled
def tables(runs: Runs) -> Figure:
    """Information abundance of each embedding table against cardinality and rows per seen id."""
    figure = style.column(2.0)
    panels = figure.subplots(1, 2, sharey=True)
    first = runs[0].tables
    sizes = [table.cardinality for table in first], [rows_per_id(runs, table) for table in first]
    limit = {"markersize": 6, "linestyle": "none", "label": "largest possible"}
    for axes, x in zip(panels, sizes, strict=True):
        axes.plot(x, [table.limit for table in first], style.GREY, marker="_", **limit)
        for weight, label, color, marker in (
            ("plain", "each id once", style.BLUE, "o"),
            ("weighted", "by its count", style.ORANGE, "^"),
        ):
            means = np.mean([_abundances(run, weight) for run in runs], axis=0)
            axes.plot(x, means, color=color, marker=marker, label=label, **style.POINTS)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
    panels[0].set(xlabel="cardinality", ylabel="information abundance")
    panels[1].set_xlabel("training rows per seen id")
    style.legend_below(figure, panels[0], 3)
    seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"
    figure.suptitle(f"{runs[0].recipe_id}, {len(first)} embedding tables, {seeds}")
    return figure


def _abundances(run: Record, weight: str) -> list[float]:
    """One value a field; nan where its table is zero."""
    each = [getattr(table, weight) for table in run.tables]
    return [np.nan if rank is None else rank.ia for rank in each]


def rows_per_id(runs: Runs, table: TableSpectrum) -> float:
    """Average number of training rows for each id that training has seen."""
    return (runs[0].train_rows or runs[0].data.rows["train"]) / table.seen


def _title(runs: Runs) -> str:
    seeds = f"seed {runs[0].seed}" if len(runs) == 1 else f"{len(runs)} seeds"
    return f"{runs[0].recipe_id}, {seeds}"
