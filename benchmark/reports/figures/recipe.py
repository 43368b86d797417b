"""Figures of one recipe over its seeds: its ranks, and the learning curve of a single run."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmark.measure.spectrum import METRICS, TableSpectrum
from benchmark.model import block_part
from benchmark.records import ranks
from benchmark.records.archive import Runs
from benchmark.records.ranks import FORMS, WHEN, SpectrumForm, When
from benchmark.records.record import Record
from benchmark.reports.figures import style

FORM_TITLES: dict[SpectrumForm, str] = {"token": "token form", "batch": "batch form"}
RARE = 1e-3
"""Share of a stage's samples in one bin."""
FLOOR = 1e-4
"""Smallest sigma_i / sigma_1 that is drawn."""

Array = NDArray[np.float64]


def of_recipe(runs: Runs) -> dict[str, Figure]:
    """The figures by name, without `tables` if there are none; empty for a rank of 1 by shape."""
    if all(spectrum.limit == 1 for run in runs for *_, spectrum in ranks.all_spectra(run)):
        return {}
    figures = {
        "trajectory": trajectory(runs),
        "spectra": singular_values(runs),
        "density": density(runs),
        "training": training(runs),
    }
    return figures | ({"tables": tables(runs)} if runs[0].tables else {})


@style.styled
def learning_curve(record: Record) -> Figure:
    """LogLoss (train and valid) above, AUC (valid) below, over training steps."""
    figure = style.column(3.0)
    above, below = figure.subplots(2, 1, sharex=True)
    steps = [point.step for point in record.curve]
    train = [point.train_loss for point in record.curve]
    logloss = [point.valid.logloss for point in record.curve]
    auc = [point.valid.auc for point in record.curve]
    above.plot(steps, train, color=style.GREY, marker="o", linestyle="--", label="train")
    above.plot(steps, logloss, color=style.ORANGE, marker="s", label="valid")
    below.plot(steps, auc, color=style.BLUE, marker="^", label="valid")
    above.set_ylabel("LogLoss")
    below.set(ylabel="AUC", xlabel="training step")
    below.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    for axes in (above, below):
        axes.axvline(record.best_step, color=style.GREEN, linestyle=":", label="best")
        axes.legend()
    figure.suptitle(_title([record]))
    return figure


@style.styled
def trajectory(runs: Runs) -> Figure:
    """Each metric over its limit, stage by stage, in token and batch form, ± sd over the seeds."""
    figure = style.column(1.1 + 1.0 * len(METRICS))
    panels = figure.subplots(len(METRICS), len(FORMS), sharex=True, sharey="row", squeeze=False)
    for row, metric in zip(panels, METRICS, strict=True):
        row[0].set_ylabel(style.TITLES[metric].replace(" ", "\n"))
        for axes, form in zip(row, FORMS, strict=True):
            for when in WHEN:
                course = list(ranks.bands(runs, metric, form, when).values())
                style.draw_band(axes, range(len(course)), course, when)
    for axes, form in zip(panels[0], FORMS, strict=True):
        axes.set_title(FORM_TITLES[form])
    for axes in panels[-1]:
        style.name_stages(axes, runs[0].stages)
        axes.set_xlabel("stage")
    style.legend_below(figure, panels[0, 0], 2)
    figure.supylabel(style.OVER_LIMIT)
    figure.suptitle(_title(runs))
    return figure


@style.styled
def density(runs: Runs) -> Figure:
    """Histograms of the samples' effective rank at each stage and of its shift to the next."""
    stages = runs[0].stages
    figure = style.column(1.1 + 0.32 * len(stages))
    panels = figure.subplots(1, min(2, len(stages)), sharey=True, squeeze=False)[0]
    _ridges(panels[0], {when: _pooled(runs, when, "rank") for when in WHEN}, 0.0)
    panels[0].set_xlabel("effective rank / limit")
    for axes in panels[1:]:
        _ridges(axes, {when: _pooled(runs, when, "shift") for when in WHEN}, -1.0)
        axes.axvline(0, color="black", linewidth=0.5)
        axes.set_xlabel("shift from stage before")
    panels[0].set_yticks(-np.arange(len(stages)), stages)
    panels[0].set_ylabel("stage")
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    style.legend_below(figure, panels[0], 2)
    figure.suptitle(f"{_title(runs)}\nper sample; every row to its own height")
    return figure


def _pooled(runs: Runs, when: When, name: str) -> list[Array]:
    """The counts of each stage, summed over the seeds; empty without any."""
    pooled: list[Array] = []
    for stages in zip(*(run.spectra for run in runs), strict=True):
        densities = [getattr(stage, f"{when}_density") for stage in stages]
        counts = [getattr(each, name) for each in densities if each is not None]
        pooled.append(np.array(list(filter(None, counts)), dtype=np.float64).sum(0))
    return pooled


def _ridges(axes: Axes, counts: Mapping[When, Sequence[Array]], low: float) -> None:
    """Draw the histogram of each stage, downwards; the axis is cut where only rare samples lie."""
    used: list[float] = []
    for position, both in enumerate(zip(*counts.values(), strict=True)):
        highest = max((count.max() for count in both if count.any()), default=1.0)
        for when, count in zip(counts, both, strict=True):
            if not count.any():
                continue
            edges = np.linspace(low, 1.0, len(count) + 1)
            occupied = np.flatnonzero(count >= RARE * count.sum())
            used += [edges[occupied[0]], edges[occupied[-1] + 1]]
            color, _, line = style.LINES[when]
            heights = 0.85 * count / highest - position
            trained = when == "best"
            look = {"fill": True, "alpha": 0.45} if trained else {"linestyle": line}
            axes.stairs(heights, edges, baseline=-position, color=color, label=WHEN[when], **look)
    axes.set_xlim(min(used, default=0.0) - 0.01, max(used, default=1.0) + 0.01)


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
    axes.set(xlabel="training step", ylabel="effective rank / min(rows, columns)")
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
