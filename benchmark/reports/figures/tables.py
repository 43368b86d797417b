"""The figure of the embedding tables: does a field with more ids use more directions?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmark.measure.tables import TableSpectrum
from benchmark.records.archive import Runs
from benchmark.reports.figures.style import BLUE, GREY, ORANGE, column, legend_below, styled


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
    figure.suptitle(
        f"{runs[0].recipe_id}, {len(first)} embedding tables, {len(runs)}"
        f" seed{'s' * (len(runs) > 1)}"
    )
    return figure


def rows_per_id(runs: Runs, table: TableSpectrum) -> float:
    """How often an id that training has seen occurs there, on average."""
    return (runs[0].train_rows or runs[0].data.rows["train"]) / table.seen


def _fields(axes: Axes, runs: Runs, x: NDArray[np.float64]) -> None:
    limit = np.array([table.limit for table in runs[0].tables])
    axes.plot(
        x, limit, color=GREY, marker="_", markersize=6, linestyle="none", label="largest possible"
    )
    for name, color, marker in (("plain", BLUE, "o"), ("weighted", ORANGE, "^")):
        label = "each id once" if name == "plain" else "by its count"
        axes.plot(
            x,
            _means(runs, name),
            color=color,
            marker=marker,
            linestyle="none",
            fillstyle="none",
            label=label,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)


def _means(runs: Runs, name: str) -> Sequence[float]:
    """Over the seeds, field by field; nan where a table is zero."""
    each = [[getattr(table, name) for table in run.tables] for run in runs]
    return [
        float(np.mean([np.nan if r is None else r.ia for r in ranks]))
        for ranks in zip(*each, strict=True)
    ]
