"""Rank over all recipes of a data set, and whether it goes with loss, as tables."""

from collections.abc import Mapping
from itertools import groupby
from statistics import mean

from benchmark.measure.trajectory import over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import WHEN, SpectrumForm, When, bands, trajectories
from benchmark.reports.document import Table
from benchmark.reports.figures.style import TITLES
from benchmark.reports.rank.loss import RankLossPoint, Relation
from benchmark.reports.words import bars, mean_sd, seeds_in_words

QUALITIES = {"logloss": "test LogLoss", "auc": "test AUC"}


def overview(recipes: Mapping[str, Runs], metric: str = "erank") -> tuple[Table, Table]:
    """A row a recipe: where its representation ends, and how it moves on the way there."""
    ends = Table(
        f"{TITLES[metric]} / min(rows, columns) of the last stage",
        (
            "recipe",
            "seeds",
            "test AUC",
            *(f"token, {said}" for said in WHEN.values()),
            "batch, trained",
        ),
        tuple((name, *_end(runs, metric)) for name, runs in recipes.items()),
    )
    head = [f"{part}, {said}" for part in ("collapse", "amplitude") for said in WHEN.values()]
    moves = Table(
        f"{TITLES[metric]} / min(rows, columns) on the way there, token form",
        ("recipe", "stages, trained", *head, "damping, trained"),
        tuple((name, *_move(runs, metric)) for name, runs in recipes.items()),
        (
            (
                "Mean ± sd over seeds; stages: a bar each, from 0 to 1. Collapse: the last stage"
                " over tokens (over the embedding where there are no tokens). Amplitude: (rise -"
                " fall) / 2, signed, mean over blocks. Damping: the slope of ln amplitude over the"
                " block, of the seeds with all amplitudes above 0."
            ),
        ),
    )
    return ends, moves


def _end(runs: Runs, metric: str) -> tuple[str, ...]:
    return (
        seeds_in_words([run.seed for run in runs]),
        mean_sd(over_seeds(run.metrics.test.auc for run in runs), 5),
        *(_last(runs, metric, "token", when) for when in WHEN),
        _last(runs, metric, "batch", "best"),
    )


def _move(runs: Runs, metric: str) -> tuple[str, ...]:
    paths = {when: trajectories(runs, metric, "token", when) for when in WHEN}
    swings = {
        when: [mean(path.amplitude) for path in each if path.amplitude]
        for when, each in paths.items()
    }
    return (
        bars(bands(runs, metric, "token", "best").values()),
        *(mean_sd(over_seeds(path.collapse for path in paths[when])) for when in WHEN),
        *(mean_sd(over_seeds(swings[when]), 4, "+") for when in WHEN),
        mean_sd(over_seeds(path.damping for path in paths["best"]), 2, "+"),
    )


def _last(runs: Runs, metric: str, form: SpectrumForm, when: When) -> str:
    found = list(bands(runs, metric, form, when).values())
    return mean_sd(found[-1]) if found else ""


def rank_and_loss(
    points: list[RankLossPoint], left_out: Mapping[str, str], relations: list[Relation]
) -> Table:
    """The correlations as they are, a row a scope."""
    rows = [
        (scope, str(each[0].recipes), *map(_cell, each))
        for scope, each in (
            (scope, list(same)) for scope, same in groupby(relations, key=lambda r: r.scope)
        )
    ]
    head = (
        (
            "",
            "recipes",
            *(f"{QUALITIES[r.quality]}, {r.kind}" for r in relations[: len(rows[0]) - 2]),
        )
        if rows
        else ()
    )
    remarks = (
        (
            "Correlation of effective rank / min(rows, columns) of the trained last stage in token"
            " form with quality on the test split, and its 95 % interval (Fisher's z). A point is a"
            " recipe, the mean over its seeds. A family is a model; pooled: less the means of the"
            " families, each of which costs a degree of freedom. Recipes differ in more than rank:"
            " none of this is an effect of rank."
        ),
        *(f"Left out: {recipe}, {why}." for recipe, why in left_out.items()),
    )
    return Table("Does rank go with loss?", head, tuple(rows), remarks)


def _cell(relation: Relation) -> str:
    found = relation.found
    if isinstance(found, str):
        return found
    if found.interval is None:
        return f"{found.estimate:+.3f}, all in line: no interval"
    low, high = found.interval
    return f"{found.estimate:+.3f} ({low:+.3f} to {high:+.3f})"
