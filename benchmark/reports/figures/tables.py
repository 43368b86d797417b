"""The figure of the embedding tables: does a field with more ids use more directions?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmark.measure.spectrum import TableSpectrum
from benchmark.records.archive import Runs
from benchmark.reports.figures.style import BLUE, GREY, ORANGE, POINTS, column, legend_below, styled


@styled
def tables(runs: Runs) -> Figure:
    """Information abundance of each field's table against its cardinality and how often a seen id
    occurs."""
    figure = column(2.0)
    left, right = figure.subplots(1, 2, sharey=True)
    first = runs[0].tables
    _fields(left, runs, np.array([table.cardinality for table in first]))
    _fields(right, runs, np.array([rows_per_id(runs, table) for table in first]))
    left.set(xlabel="cardinality", ylabel="information abundance")
    right.set_xlabel("training rows per seen id")
    legend_below(figure, left, 3)
    seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"
    figure.suptitle(f"{runs[0].recipe_id}, {len(first)} embedding tables, {seeds}")
    return figure


def rows_per_id(runs: Runs, table: TableSpectrum) -> float:
    """Average number of training rows for each id that training has seen."""
    return (runs[0].train_rows or runs[0].data.rows["train"]) / table.seen


def _fields(axes: Axes, runs: Runs, x: NDArray[np.float64]) -> None:
    limit = np.array([table.limit for table in runs[0].tables])
    axes.plot(x, limit, GREY, marker="_", markersize=6, linestyle="none", label="largest possible")
    for name, label, color, marker in (
        ("plain", "each id once", BLUE, "o"),
        ("weighted", "by its count", ORANGE, "^"),
    ):
        axes.plot(x, _means(runs, name), color=color, marker=marker, label=label, **POINTS)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)


def _means(runs: Runs, name: str) -> NDArray[np.float64]:
    """Means over the seeds, field by field; nan where a table is zero."""
    ranks = [[getattr(table, name) for table in run.tables] for run in runs]
    values = np.array([[np.nan if each is None else each.ia for each in row] for row in ranks])
    means: NDArray[np.float64] = values.mean(axis=0)
    return means
