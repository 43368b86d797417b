"""The ranks of all recipes of a data set, and whether they go with loss, as tables."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import mean

from benchmark.measure.trajectory import over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import WHEN, bands, trajectories
from benchmark.reports.document import Cells, Table
from benchmark.reports.figures.style import TITLES
from benchmark.reports.rank.loss import RankLossPoint, Relation, relations
from benchmark.reports.words import bars, mean_sd, seeds_in_words

QUALITIES = {"logloss": "test LogLoss", "auc": "test AUC"}


def overview(recipes: Mapping[str, Runs], metric: str = "erank") -> tuple[Table, Table]:
    """A row a recipe: where its representation ends, and how it moves on the way there."""
    title = f"{TITLES[metric]} / min(rows, columns)"
    tokens = (f"token, {shown}" for shown in WHEN.values())
    ends = Table(
        f"{title} of the last stage",
        ("recipe", "seeds", "test AUC", *tokens, "batch, trained"),
        tuple((name, *_end(runs, metric)) for name, runs in recipes.items()),
    )
    parts = [f"{part}, {shown}" for part in ("collapse", "amplitude") for shown in WHEN.values()]
    remark = (
        "Mean ± sd over seeds; stages: a bar each, from 0 to 1. Collapse: the last stage over"
        " tokens (over the embedding where there are no tokens). Amplitude: (rise - fall) / 2,"
        " signed, mean over blocks. Damping: the slope of ln amplitude over the block, of the seeds"
        " with all amplitudes above 0."
    )
    moves = Table(
        f"{title} on the way there, token form",
        ("recipe", "stages, trained", *parts, "damping, trained"),
        tuple((name, *_move(runs, metric)) for name, runs in recipes.items()),
        (remark,),
    )
    return ends, moves


def _end(runs: Runs, metric: str) -> Cells:
    auc = mean_sd(over_seeds(run.metrics.test.auc for run in runs), 5)
    tokens = (bands(runs, metric, "token", when) for when in WHEN)
    courses = (*tokens, bands(runs, metric, "batch", "best"))
    last = (mean_sd(list(course.values())[-1]) if course else "" for course in courses)
    return seeds_in_words([run.seed for run in runs]), auc, *last


def _move(runs: Runs, metric: str) -> Cells:
    paths = [trajectories(runs, metric, "token", when) for when in WHEN]
    collapse = (over_seeds(path.collapse for path in each) for each in paths)
    swing = (over_seeds(mean(path.amplitude) for path in each if path.amplitude) for each in paths)
    return (
        bars(bands(runs, metric, "token", "best").values()),
        *map(mean_sd, collapse),
        *(mean_sd(band, 4, "+") for band in swing),
        mean_sd(over_seeds(path.damping for path in paths[-1]), 2, "+"),
    )


def rank_and_loss(points: Sequence[RankLossPoint], left_out: Mapping[str, str]) -> Table:
    """The correlations of rank with quality, a row a scope."""
    every = groupby(relations(points), key=lambda relation: relation.scope)
    scopes = [list(each) for _, each in every]
    rows = [(each[0].scope, str(each[0].recipes), *map(_cell, each)) for each in scopes]
    titles = [f"{QUALITIES[each.quality]}, {each.kind}" for each in scopes[0]]
    remark = (
        "Correlation of effective rank / min(rows, columns) of the trained last stage in token"
        " form with quality on the test split, and its 95 % interval (Fisher's z). A point is a"
        " recipe, the mean over its seeds. A family is a model; pooled: less the means of the"
        " families, each of which costs a degree of freedom. Recipes differ in more than rank:"
        " none of this is an effect of rank."
    )
    missing = (f"Left out: {recipe}, {why}." for recipe, why in left_out.items())
    head = ("", "recipes", *titles)
    return Table("Does rank go with loss?", head, tuple(rows), (remark, *missing))


def _cell(relation: Relation) -> str:
    each = relation.found
    if isinstance(each, str):
        return each
    if each.interval is None:
        return f"{each.estimate:+.3f}, all in line: no interval"
    low, high = each.interval
    return f"{each.estimate:+.3f} ({low:+.3f} to {high:+.3f})"
