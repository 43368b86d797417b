"""The figure of the ablation: test LogLoss against the rank that its cells end with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmark.records.archive import Archive, Runs
from benchmark.records.ranks import last_ratio
from benchmark.reports.figures.style import (
    LOGLOSS,
    MARKERS,
    PALETTE,
    POINTS,
    RANK_RATIO,
    column,
    legend_below,
    styled,
    write,
)
from benchmark.studies.ablation import LEVELS, Ablation
from benchmark.studies.ablation.report import load_cells


def draw(archive: Archive, dataset: str) -> list[Path]:
    """Draw the cells of a data set. Raises BenchmarkError as `load_cells`."""
    folder = archive.figures(dataset, Ablation.name)
    return write(rank_and_loss(dataset, load_cells(archive, dataset)), folder, "rank-logloss")


@styled
def rank_and_loss(dataset: str, cells: Mapping[str, Runs]) -> Figure:
    """A point a run; the marker tells the mixing, the colour the FFN."""
    figure = column(2.8)
    axes = figure.subplots()
    for cell, runs in cells.items():
        mixing, ffn = cell.split("-")
        marker = MARKERS[LEVELS["mixing"].index(mixing)]
        color = PALETTE[LEVELS["FFN"].index(ffn)]
        ranks = np.array([last_ratio(run) for run in runs], np.float64)
        losses = [run.metrics.calibrated.logloss for run in runs]
        axes.plot(ranks, losses, label=f"{mixing}/{ffn}", marker=marker, color=color, **POINTS)
    axes.set(xlabel=f"{RANK_RATIO} of the last stage", ylabel=LOGLOSS)
    legend_below(figure, axes, 3, "mixing/FFN")
    figure.suptitle(f"{dataset}, mixing/FFN of the ablation: a point a run")
    return figure
