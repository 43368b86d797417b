"""The figure of rank against loss: a point for each recipe, a marker for each family."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.measure.trajectory import Band
from benchmark.reports.figures.style import MARKERS, PALETTE, column, legend_below, styled
from benchmark.reports.rank.loss import RankLossPoint, by_family


@styled
def rank_against_quality(dataset: str, points: Sequence[RankLossPoint]) -> Figure:
    """Test LogLoss and AUC over the trained last stage's effective rank, ± sd over the seeds;
    `points` are ordered by family."""
    families = by_family(points)
    figure = column(3.2 + 0.11 * -(-len(families) // 3))
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, quality in ((above, "logloss"), (below, "auc")):
        for number, (family, members) in enumerate(families.items()):
            _family(axes, family, members, quality, number)
    above.set_ylabel("test LogLoss")
    below.set(ylabel="test AUC", xlabel="effective rank / min(rows, columns), last stage, trained")
    legend_below(figure, above, 3)
    figure.suptitle(f"{dataset}: a point a recipe, ± sd over seeds")
    return figure


def _family(
    axes: Axes, family: str, members: Sequence[RankLossPoint], quality: str, number: int
) -> None:
    bands: list[Band] = [getattr(point, quality) for point in members]
    axes.errorbar(
        [point.rank.mean for point in members],
        [band.mean for band in bands],
        xerr=[point.rank.sd or 0 for point in members],
        yerr=[band.sd or 0 for band in bands],
        color=PALETTE[number % len(PALETTE)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=4,
        linestyle="none",
        elinewidth=0.6,
        label=family,
    )
