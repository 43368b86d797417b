"""Figures of one record, as wide as a column of a two-column page."""

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmark.measure.spectrum import METRICS, Distribution, Spectrum
from benchmark.records.record import Record

COLUMN = 3.35
"""Inches."""
MOST_LABELS = 16
"""Stages named on one axis; of a deeper model every second, third ... stage is named."""

ORANGE, GREEN, BLUE, GREY = "#d55e00", "#009e73", "#0072b2", "#666666"
"""From the palette of Okabe & Ito, told apart under every common colour blindness."""

TITLES = {
    "erank": "effective rank",
    "srank": "stable rank",
    "ia": "information abundance",
    "pr": "participation ratio",
}

STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
}


def learning_curve(record: Record) -> Figure:
    """LogLoss (train and valid) above, AUC (valid) below, over training steps; a dotted line at the best step."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 3.0), dpi=300, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        steps = [point.step for point in record.curve]
        above.plot(steps, [p.train_loss for p in record.curve], color=GREY, marker="o", linestyle="--", label="train")
        above.plot(steps, [p.valid.logloss for p in record.curve], color=ORANGE, marker="s", label="valid")
        below.plot(steps, [p.valid.auc for p in record.curve], color=BLUE, marker="^", label="valid")
        above.set_ylabel("LogLoss")
        below.set(ylabel="AUC", xlabel="training step")
        below.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        for axes in (above, below):
            axes.axvline(record.best_step, color=GREEN, linestyle=":", label="best")
            axes.legend()
        figure.suptitle(_title(record), fontsize=7)
    return figure


def rank_trajectory(record: Record) -> Figure:
    """Each rank metric over its limit, stage by stage: untrained, and with the best weights (5-95 % of the samples)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN, 3.6), dpi=300, layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        for axes, metric in zip(panels.flat, METRICS, strict=True):
            _trajectory(axes, record, metric)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        for axes in panels[1]:
            axes.set_xlabel("stage")
        figure.supylabel("rank / min(rows, columns)", fontsize=7)
        figure.suptitle(_title(record), fontsize=7)
    return figure


def _trajectory(axes: Axes, record: Record, metric: str) -> None:
    stages = np.arange(len(record.spectra))
    initial = [spectra.initial for spectra in record.spectra]
    best = [spectra.best for spectra in record.spectra]
    low, high = _over_limit(best, metric, lambda d: d.q05), _over_limit(best, metric, lambda d: d.q95)
    untrained, trained = (_over_limit(spectra, metric, lambda d: d.mean) for spectra in (initial, best))
    axes.fill_between(stages, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(stages, untrained, color=GREY, marker="o", linestyle="--", label="untrained")
    axes.plot(stages, trained, color=BLUE, marker="s", label="best weights")
    axes.set(title=TITLES[metric], ylim=(0, 1.02))
    named = stages[:: max(1, -(-len(stages) // MOST_LABELS))]
    axes.set_xticks(named, [record.spectra[position].stage for position in named], rotation=90)


def _over_limit(
    spectra: list[Spectrum | None], metric: str, statistic: Callable[[Distribution], float]
) -> NDArray[np.float64]:
    """[stages]; nan where every matrix of a stage is zero."""
    return np.array([np.nan if s is None else statistic(getattr(s, metric)) / s.limit for s in spectra])


def _title(record: Record) -> str:
    return f"{record.recipe_id}, seed {record.seed}"
