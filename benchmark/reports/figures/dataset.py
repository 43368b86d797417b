"""Figures of the ranks of all recipes of a data set, a panel each."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.records.archive import Runs
from benchmark.records.ranks import WHEN, block_bands, blocks
from benchmark.reports.figures import style

MOST_LEVEL = 8
"""Stage names that fit side by side below a panel; more are drawn upright."""

LINEAR = 0.01
"""Amplitudes up to this are drawn to a linear scale."""


def of_dataset(recipes: Mapping[str, Runs], kind: str = "recipe") -> dict[str, Figure]:
    """The figures by name: trajectories of several stages, amplitudes of several blocks. `kind` is
    the word for what has a panel, e.g. "variant"."""
    layered = {name: runs for name, runs in recipes.items() if len(runs[0].stages) > 1}
    deep = {name: runs for name, runs in layered.items() if blocks(runs) > 1}
    figures = {"trajectory": trajectories(layered, kind)} if layered else {}
    return figures | ({"amplitude": amplitudes(deep, kind)} if deep else {})


@style.styled
def trajectories(recipes: Mapping[str, Runs], kind: str = "recipe") -> Figure:
    """The rank ratio by stage in batch form, untrained and trained, ± sd over the seeds."""
    figure, panels = _panels(recipes, kind, style.RANK_RATIO)
    for axes, runs in zip(panels, recipes.values(), strict=True):
        style.draw_stages(axes, runs, "batch")
        stages = list(map(style.short, runs[0].stages))
        style.name_stages(axes, stages, rotation=90 if len(stages) > MOST_LEVEL else 0)
    title = "stage (1m, 1f: mixing and FFN of block 1; c1: cross layer 1)"
    style.legend_below(figure, panels[0], 2, title)
    figure.supylabel(style.RANK_RATIO)
    return figure


@style.styled
def amplitudes(recipes: Mapping[str, Runs], kind: str = "recipe") -> Figure:
    """(rise - fall) / 2 of each block, untrained and trained, ± sd over the seeds. A steady damping
    is a straight line where the scale is logarithmic."""
    figure, panels = _panels(recipes, kind, "amplitude = (rise - fall) / 2 of the rank ratio")
    for axes, runs in zip(panels, recipes.values(), strict=True):
        numbers = range(1, blocks(runs) + 1)
        for when in WHEN:
            style.draw_band(axes, numbers, block_bands(runs, "batch", when, "amplitude"), when)
        axes.set_yscale("symlog", linthresh=LINEAR)
        axes.axhline(0, color="black", linewidth=0.5, zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    style.legend_below(figure, panels[0], 2, "block (rise: at its mixing; fall: at its FFN)")
    figure.supylabel(f"amplitude (beyond ±{LINEAR} log.)")
    return figure


def _panels(recipes: Mapping[str, Runs], kind: str, drawn: str) -> tuple[Figure, list[Axes]]:
    """A titled panel for each recipe, two side by side."""
    rows = -(-len(recipes) // 2)
    figure = style.column(1.0 + (0.78 if rows > 2 else 1.1) * rows)
    panels = figure.subplots(rows, 2, sharey=True, squeeze=False).flat
    for axes, (name, runs) in zip(panels, recipes.items(), strict=False):
        axes.set_title(f"{name} ({len(runs)})", pad=2, fontsize=6)
    for axes in panels[len(recipes) :]:
        axes.set_axis_off()
    title = f"{runs[0].dataset}, {drawn}\n{kind} (number of seeds), ± sd over seeds"
    figure.suptitle(title)
    return figure, list(panels[: len(recipes)])
