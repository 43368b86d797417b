"""The figure of a comparison: quality seed by seed, the rank stage by stage, the ratio of costs."""

from collections.abc import Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from benchmark.measure.trajectory import over_seeds
from benchmark.records.ranks import WHEN
from benchmark.reports.compare import tables
from benchmark.reports.compare.sides import Side
from benchmark.reports.compare.tables import Gap, ratio, stage_values
from benchmark.reports.figures import style

COSTS = tables.PARAMETERS, tables.FLOPS, tables.SECONDS, tables.TRAIN, tables.PREDICT, tables.MEMORY
LOOKS = ((style.BLUE, "o"), (style.ORANGE, "s"))


@style.styled
def comparison(a: Side, b: Side, quality: Sequence[Gap]) -> Figure:
    """AUC and LogLoss of each run, the rank of both stage by stage, and the ratios of costs."""
    figure = style.column(5.0)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.9, 1.5))
    left = figure.add_subplot(grid[0, 0])
    right = figure.add_subplot(grid[0, 1], sharey=left)
    for axes, gap in zip((left, right), quality, strict=False):  # of AUC, then of LogLoss
        _quality(axes, (a, b), gap, named=axes is left)
    first = figure.add_subplot(grid[1, 0])
    second = figure.add_subplot(grid[1, 1], sharey=first)
    for axes, side in ((first, a), (second, b)):
        _rank(axes, side)
    first.set_ylabel("effective rank / limit")
    second.tick_params(labelleft=False)
    _cost(figure.add_subplot(grid[2, :]), a, b)
    style.legend_below(
        figure, first, 2, "rank (1m, 1f: mixing and FFN of block 1; c1: cross layer 1)"
    )
    seeds = f"{len(a.runs)} and {len(b.runs)} seeds"
    figure.suptitle(
        f"{a.runs[0].dataset}: {a.name} and {b.name}\n{seeds}; above: difference (95 % interval)"
    )
    return figure


def _quality(axes: Axes, sides: Sequence[Side], gap: Gap, *, named: bool) -> None:
    for place, (side, (color, marker)) in enumerate(zip(sides, LOOKS, strict=True)):
        values = [value for value in gap.quantity.values(side) if value is not None]
        axes.plot(values, [place] * len(values), color=color, marker=marker, **style.POINTS)
        axes.plot([mean(values)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=1.5)
    axes.set_yticks(range(len(sides)), [side.name for side in sides])
    axes.tick_params(labelleft=named)
    axes.set_ylabel("recipe" if named else "")
    axes.set_ylim(len(sides) - 0.4, -0.6)
    axes.margins(x=0.1)
    axes.set_xlabel(gap.quantity.title)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
    if (each := gap.difference) is not None:
        axes.set_title(f"{each.value:+.5f}\n({each.low:+.5f} to {each.high:+.5f})", fontsize=6)


def _rank(axes: Axes, side: Side) -> None:
    for when in WHEN:
        course = stage_values(side, when)
        style.draw_band(
            axes, range(len(course)), [over_seeds(each) for each in course.values()], when
        )
    style.name_stages(axes, list(map(style.short, stage_values(side, "best"))))
    axes.set_title(side.name)
    axes.set_xlabel("stage")


def _cost(axes: Axes, a: Side, b: Side) -> None:
    ratios = {quantity.title: ratio(a, b, quantity) for quantity in COSTS}
    shares = {title: share for title, share in ratios.items() if share is not None}
    for place, share in enumerate(shares.values()):
        axes.plot([1, share], [place, place], color=style.BLUE, marker="o", markevery=[1])
    axes.axvline(1, color="black", linewidth=0.5)
    axes.set_yticks(range(len(shares)), list(shares))
    axes.margins(y=0.1)
    axes.invert_yaxis()
    axes.set_xscale("log", base=2)
    axes.set_xlim(min(*shares.values(), 0.5) / 1.2, max(*shares.values(), 2.0) * 1.2)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel=f"{a.name} / {b.name}", ylabel="cost")
