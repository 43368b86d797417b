"""The figure of a comparison: quality seed by seed, the way of the rank, and the ratio of costs."""

from collections.abc import Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from benchmark.measure.trajectory import over_seeds
from benchmark.records.ranks import WHEN
from benchmark.reports.compare.sides import Side
from benchmark.reports.compare.tables import (
    AUC,
    FLOPS,
    LOGLOSS,
    MEMORY,
    PARAMETERS,
    PREDICT,
    SECONDS,
    TRAIN,
    Gap,
    gaps,
    ratio,
    stage_values,
    values,
)
from benchmark.reports.figures.style import (
    BLUE,
    ORANGE,
    column,
    draw_band,
    legend_below,
    name_stages,
    short,
    styled,
)

COSTS = (PARAMETERS, FLOPS, SECONDS, TRAIN, PREDICT, MEMORY)
LOOKS = ((BLUE, "o"), (ORANGE, "s"))


@styled
def comparison(a: Side, b: Side) -> Figure:
    """AUC and LogLoss of each run, with the difference of the means; the rank of both; costs of a
    over those of b."""
    figure = column(5.0)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.9, 1.5))
    found = gaps(a, b)
    left: Axes | None = None
    for place, quantity in enumerate((AUC, LOGLOSS)):
        left = figure.add_subplot(grid[0, place], sharey=left)
        _quality(
            left, (a, b), next(gap for gap in found if gap.quantity is quantity), named=place == 0
        )
    first = figure.add_subplot(grid[1, 0])
    second = figure.add_subplot(grid[1, 1], sharey=first)
    for axes, side in ((first, a), (second, b)):
        _rank(axes, side)
    first.set_ylabel("effective rank / limit")
    second.tick_params(labelleft=False)
    _cost(figure.add_subplot(grid[2, :]), a, b)
    legend_below(figure, first, 2, "rank (1m, 1f: mixing and FFN of block 1; c1: cross layer 1)")
    seeds = f"{len(a.runs)} and {len(b.runs)} seeds"
    figure.suptitle(
        f"{a.runs[0].dataset}: {a.name} and {b.name}\n{seeds}; above: difference (95 % interval)"
    )
    return figure


def _quality(axes: Axes, sides: Sequence[Side], gap: Gap, *, named: bool) -> None:
    for place, (side, (color, marker)) in enumerate(zip(sides, LOOKS, strict=True)):
        known = [value for value in values(side, gap.quantity) if value is not None]
        axes.plot(
            known,
            [place] * len(known),
            color=color,
            marker=marker,
            linestyle="none",
            fillstyle="none",
        )
        axes.plot([mean(known)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=1.5)
    axes.set_yticks(range(len(sides)), [side.name for side in sides])
    axes.tick_params(labelleft=named)
    axes.set_ylabel("recipe" if named else "")
    axes.set_ylim(len(sides) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.set_xlabel(gap.quantity.title)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
    if (found := gap.difference) is not None:
        axes.set_title(f"{found.value:+.5f}\n({found.low:+.5f} to {found.high:+.5f})", fontsize=6)


def _rank(axes: Axes, side: Side) -> None:
    for when in WHEN:
        course = stage_values(side, when)
        draw_band(axes, range(len(course)), [over_seeds(each) for each in course.values()], when)
    name_stages(axes, list(map(short, stage_values(side, "best"))))
    axes.set_title(side.name)
    axes.set_xlabel("stage")


def _cost(axes: Axes, a: Side, b: Side) -> None:
    known = [
        (quantity.title, share)
        for quantity in COSTS
        if (share := ratio(a, b, quantity)) is not None
    ]
    for place, (_, share) in enumerate(known):
        axes.plot([1, share], [place, place], color=BLUE, marker="o", markevery=[1])
    axes.axvline(1, color="black", linewidth=0.5)
    axes.set_yticks(range(len(known)), [title for title, _ in known])
    axes.margins(y=0.1)
    axes.invert_yaxis()
    axes.set_xscale("log", base=2)
    shares = [share for _, share in known]
    axes.set_xlim(min(*shares, 0.5) / 1.2, max(*shares, 2.0) * 1.2)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel=f"{a.name} / {b.name}", ylabel="cost")
