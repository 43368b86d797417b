"""Figures of one run: its learning curve and its ranks."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmark.measure.spectrum import METRICS, Spectrum
from benchmark.records.record import Record
from benchmark.reports.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    OVER_LIMIT,
    TITLES,
    column,
    name_stages,
    styled,
)


@styled
def learning_curve(record: Record) -> Figure:
    """LogLoss (train and valid) above, AUC (valid) below, over training steps; a dotted line at the
    best step."""
    figure = column(3.0)
    above, below = figure.subplots(2, 1, sharex=True)
    steps = [point.step for point in record.curve]
    train = [point.train_loss for point in record.curve]
    logloss = [point.valid.logloss for point in record.curve]
    auc = [point.valid.auc for point in record.curve]
    above.plot(steps, train, color=GREY, marker="o", linestyle="--", label="train")
    above.plot(steps, logloss, color=ORANGE, marker="s", label="valid")
    below.plot(steps, auc, color=BLUE, marker="^", label="valid")
    above.set_ylabel("LogLoss")
    below.set(ylabel="AUC", xlabel="training step")
    below.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    for axes in (above, below):
        axes.axvline(record.best_step, color=GREEN, linestyle=":", label="best")
        axes.legend()
    figure.suptitle(_title(record))
    return figure


@styled
def rank_trajectory(record: Record) -> Figure:
    """Each rank metric over its limit, stage by stage: untrained, and with the best weights (5-95 %
    of the samples)."""
    figure = column(3.6)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, metric in zip(panels.flat, METRICS, strict=True):
        _trajectory(axes, record, metric)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    for axes in panels[1]:
        axes.set_xlabel("stage")
    figure.supylabel(OVER_LIMIT)
    figure.suptitle(_title(record))
    return figure


def _trajectory(axes: Axes, record: Record, metric: str) -> None:
    stages = np.arange(len(record.spectra))
    initial = [spectra.initial for spectra in record.spectra]
    best = [spectra.best for spectra in record.spectra]
    low, high, trained = (_over_limit(best, metric, part) for part in ("q05", "q95", "mean"))
    untrained = _over_limit(initial, metric, "mean")
    axes.fill_between(stages, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(stages, untrained, color=GREY, marker="o", linestyle="--", label="untrained")
    axes.plot(stages, trained, color=BLUE, marker="s", label="best weights")
    axes.set(title=TITLES[metric], ylim=(0, 1.02))
    name_stages(axes, [spectra.stage for spectra in record.spectra])


def _over_limit(spectra: list[Spectrum | None], metric: str, statistic: str) -> NDArray[np.float64]:
    """[stages]; nan where every matrix of a stage is zero."""
    values = (s and getattr(getattr(s, metric), statistic) / s.limit for s in spectra)
    return np.array([np.nan if value is None else value for value in values])


def _title(record: Record) -> str:
    return f"{record.recipe_id}, seed {record.seed}"
