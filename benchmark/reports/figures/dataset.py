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


def of_dataset(recipes: Mapping[str, Runs]) -> dict[str, Figure]:
    """The figures by name: trajectories of several stages, amplitudes of several blocks."""
    layered = {name: runs for name, runs in recipes.items() if len(runs[0].spectra) > 1}
    deep = {name: runs for name, runs in layered.items() if blocks(runs) > 1}
    figures = {"trajectory": trajectories(layered)} if layered else {}
    return figures | ({"amplitude": amplitudes(deep)} if deep else {})


@style.styled
def trajectories(recipes: Mapping[str, Runs]) -> Figure:
    """The effective rank over its limit by stage, untrained and trained, ± sd over the seeds."""
    figure, panels = _panels(recipes)
    for axes, runs in zip(panels, recipes.values(), strict=True):
        style.draw_stages(axes, runs, "token")
        stages = list(map(style.short, runs[0].stages))
        style.name_stages(axes, stages, rotation=90 if len(stages) > MOST_LEVEL else 0)
    title = "stage (1m, 1f: mixing and FFN of block 1; c1: cross layer 1)"
    style.legend_below(figure, panels[0], 2, title)
    figure.supylabel("effective rank / limit")
    return figure


@style.styled
def amplitudes(recipes: Mapping[str, Runs]) -> Figure:
    """(rise - fall) / 2 of each block, untrained and trained, ± sd over the seeds. A steady damping
    is a straight line where the scale is logarithmic."""
    figure, panels = _panels(recipes)
    for axes, runs in zip(panels, recipes.values(), strict=True):
        numbers = range(1, blocks(runs) + 1)
        for when in WHEN:
            style.draw_band(axes, numbers, block_bands(runs, "erank", when, "amplitude"), when)
        axes.set_yscale("symlog", linthresh=LINEAR)
        axes.axhline(0, color="black", linewidth=0.5, zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    style.legend_below(figure, panels[0], 2, "block")
    figure.supylabel(f"amplitude (beyond ±{LINEAR} log.)")
    return figure


def _panels(recipes: Mapping[str, Runs]) -> tuple[Figure, list[Axes]]:
    """A titled panel for each recipe, two side by side."""
    rows = -(-len(recipes) // 2)
    figure = style.column(1.0 + (0.78 if rows > 2 else 1.1) * rows)
    panels = figure.subplots(rows, 2, sharey=True, squeeze=False).flat
    for axes, (name, runs) in zip(panels, recipes.items(), strict=False):
        axes.set_title(f"{name} ({len(runs)})", pad=2, fontsize=6)
    for axes in panels[len(recipes) :]:
        axes.set_axis_off()
    figure.suptitle(
        f"{runs[0].dataset}, {style.OVER_LIMIT}\nrecipe (number of seeds), ± sd over seeds"
    )
    return figure, list(panels[: len(recipes)])
