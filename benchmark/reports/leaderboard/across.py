"""Is there a ranking beyond one data set? Tuned rows that several boards of real data rank, side by
side, and how far the boards agree on their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from statistics import mean
from typing import Any

import numpy as np

from benchmark.data import catalog
from benchmark.measure.concordance import FEWEST_ROWS, Concordance, concordance
from benchmark.measure.standings import Standing, standings
from benchmark.records.archive import Runs
from benchmark.reports.document import Report, Table
from benchmark.reports.leaderboard.boards import Board
from benchmark.reports.leaderboard.tracks import MEASURES, Measure, Track
from benchmark.reports.words import derived
from benchmark.utils.arrays import Vector

INTRODUCTION = (
    "The rows of tuning studies that are ranked on all of these boards of real data, ranked anew"
    " among themselves on each, by the mean of the rank intervals' middles. Kendall's W is 1 where"
    " boards order them alike; its interval is of the true means' W, from what seeds leave open"
    " (`benchmark/measure/concordance.py`). A ranking beyond one data set is found where its lower"
    " end is above what random orders reach in 5 % of draws."
)


@dataclass(frozen=True)
class Across:
    """The rows that boards have in common, by a measure."""

    measure: Measure
    datasets: tuple[str, ...]
    standings: dict[str, tuple[Standing, ...]]
    """Of each recipe on each board."""
    concordance: Concordance


def across(boards: Sequence[Board], measure: Measure) -> list[Across]:
    """Of every two boards or more with FEWEST_ROWS common rows or more, the most boards first."""
    tuned = {board.dataset: _tuned(board) for board in boards if _is_real(board.dataset)}
    counts = range(len(tuned), 1, -1)
    chosen = chain.from_iterable(combinations(tuned, count) for count in counts)
    found = (_across(measure, {name: tuned[name] for name in names}) for names in chosen)
    return [each for each in found if each is not None]


def _is_real(dataset: str) -> bool:
    return dataset in catalog.card_names() and not catalog.find_card(dataset).card.generator


def _tuned(board: Board) -> dict[str, Runs]:
    """The runs of the ranked rows of the fixed track's largest block of tuned rows, by recipe."""
    blocks = [_of_studies(track) for track in board.tracks if track.kind == "fixed"]
    return max(blocks, key=len, default={})


def _of_studies(track: Track) -> dict[str, Runs]:
    stated = ((runs, runs[0].provenance) for runs in track.ranked)
    return {
        runs[0].name or "": runs for runs, source in stated if source and source.kind == "study"
    }


def _across(measure: Measure, boards: Mapping[str, Mapping[str, Runs]]) -> Across | None:
    recipes = sorted(set.intersection(*(set(rows) for rows in boards.values())))
    if len(recipes) < FEWEST_ROWS:
        return None
    samples = [_samples(measure, [rows[recipe] for recipe in recipes]) for rows in boards.values()]
    places = zip(*(standings(each) for each in samples), strict=True)
    by_recipe = dict(zip(recipes, places, strict=True))
    return Across(measure, tuple(boards), by_recipe, concordance(samples))


def _samples(measure: Measure, rows: Sequence[Runs]) -> Vector:
    return measure.sign * np.array([[measure.of(run) for run in runs] for runs in rows])


def report(boards: Sequence[Board]) -> Report | None:
    """For each measure the rows of the most boards, and how far any of the boards agree; None where
    no boards have rows in common."""
    found = [each for measure in MEASURES if (each := across(boards, measure))]
    if not found:
        return None
    tables = tuple(table for each in found for table in (_ranks(each[0]), _agreement(each)))
    numbers = {"across": [_plain(one) for each in found for one in each]}
    return Report("Across data sets", (INTRODUCTION,), tables, numbers)


def _ranks(found: Across) -> Table:
    """The rank intervals on each board, and their mean, from the best on."""
    means = {recipe: _mean_interval(places) for recipe, places in found.standings.items()}
    rows = tuple(
        (
            recipe,
            *map(_interval, found.standings[recipe]),
            "{:.1f} to {:.1f}".format(*means[recipe]),
        )
        for recipe in sorted(means, key=lambda recipe: (sum(means[recipe]), recipe))
    )
    title = f"Rank intervals by test {found.measure.title}"
    return Table(title, ("recipe", *found.datasets, "mean"), rows)


def _interval(place: Standing) -> str:
    return f"{place.first} to {place.last}"


def _mean_interval(places: Sequence[Standing]) -> tuple[float, float]:
    return mean(place.first for place in places), mean(place.last for place in places)


def _agreement(found: Sequence[Across]) -> Table:
    head = (
        "boards",
        "rows",
        "Kendall's W, 95 %",
        "random orders reach",
        "p",
        "a ranking beyond one?",
    )
    rows = []
    for each in found:
        agreed = each.concordance
        low, high = agreed.interval.low, agreed.interval.high
        cells = (
            f"{agreed.w:.2f} ({low:.2f} to {high:.2f})",
            f"{agreed.by_chance:.2f}",
            f"{agreed.p:.4f}",
            "found" if agreed.found else "not found",
        )
        rows.append((", ".join(each.datasets), str(len(each.standings)), *cells))
    return Table(f"Agreement by test {found[0].measure.title}", head, tuple(rows))


def _plain(found: Across) -> dict[str, Any]:
    """As JSON values."""
    agreed = found.concordance
    values = {
        "w": agreed.w,
        "w_low": agreed.interval.low,
        "w_high": agreed.interval.high,
        "by_chance": agreed.by_chance,
        "p": agreed.p,
    }
    intervals = {
        recipe: [[place.first, place.last] for place in places]
        for recipe, places in found.standings.items()
    }
    head = {"measure": found.measure.name, "datasets": found.datasets}
    return {**head, **derived(values), "found": agreed.found, "rank_intervals": intervals}
