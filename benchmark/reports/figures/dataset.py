"""Figures of the ranks that the recipes of a data set found, a panel a recipe."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.records.archive import Runs
from benchmark.records.ranks import WHEN, bands, block_bands, blocks
from benchmark.reports.figures.style import (
    TITLES,
    column,
    draw_band,
    legend_below,
    name_stages,
    short,
    styled,
)

MOST_LEVEL = 8
"""Stage names that fit side by side under a panel; of more, each stands upright."""

LINEAR = 0.01
"""Amplitudes up to this are drawn to a linear scale."""


def of_dataset(recipes: Mapping[str, Runs], metric: str) -> dict[str, Figure]:
    """By name, the figures of all recipes; those with a single stage, or with a single block, have
    no place in one."""
    layered = {name: runs for name, runs in recipes.items() if len(runs[0].spectra) > 1}
    deep = {name: runs for name, runs in layered.items() if blocks(runs) > 1}
    found = {"trajectory": trajectories(layered, metric)} if layered else {}
    return found | ({"amplitude": amplitudes(deep, metric)} if deep else {})


@styled
def trajectories(recipes: Mapping[str, Runs], metric: str) -> Figure:
    """A panel a recipe: the metric over its limit, stage by stage, untrained and trained, ± sd over
    the seeds."""
    figure, panels = _panels(recipes, metric)
    for axes, runs in zip(panels, recipes.values(), strict=True):
        stages = [stage.stage for stage in runs[0].spectra]
        for when in WHEN:
            draw_band(
                axes, range(len(stages)), list(bands(runs, metric, "token", when).values()), when
            )
        name_stages(axes, list(map(short, stages)), rotation=90 if len(stages) > MOST_LEVEL else 0)
    legend_below(
        figure, panels[0], 2, "stage (1m, 1f: mixing and FFN of block 1; c1: cross layer 1)"
    )
    figure.supylabel(f"{TITLES[metric]} / limit")
    return figure


@styled
def amplitudes(recipes: Mapping[str, Runs], metric: str) -> Figure:
    """A panel a recipe: (rise - fall) / 2 of each block, untrained and trained, ± sd over the
    seeds.

    A steady damping is a straight line where the scale is logarithmic."""
    figure, panels = _panels(recipes, metric)
    for axes, runs in zip(panels, recipes.values(), strict=True):
        numbers = range(1, blocks(runs) + 1)
        for when in WHEN:
            draw_band(axes, numbers, block_bands(runs, metric, when, "amplitude"), when)
        axes.set_yscale("symlog", linthresh=LINEAR)
        axes.axhline(0, color="black", linewidth=0.5, zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    legend_below(figure, panels[0], 2, "block")
    figure.supylabel(f"amplitude (beyond ±{LINEAR} log.)")
    return figure


def _panels(recipes: Mapping[str, Runs], metric: str) -> tuple[Figure, list[Axes]]:
    """A panel a recipe, titled, two side by side."""
    rows = -(-len(recipes) // 2)
    figure = column(1.0 + (0.78 if rows > 2 else 1.1) * rows)
    panels = figure.subplots(rows, 2, sharey=True, squeeze=False).flat
    for axes, (name, runs) in zip(panels, recipes.items(), strict=False):
        axes.set_title(f"{name} ({len(runs)})", pad=2)
    for axes in panels[len(recipes) :]:
        axes.set_axis_off()
    first = next(iter(recipes.values()))[0]
    what = f"{TITLES[metric]} / min(rows, columns)"
    figure.suptitle(f"{first.dataset}, {what}\nrecipe (number of seeds), ± sd over seeds")
    return figure, list(panels[: len(recipes)])
