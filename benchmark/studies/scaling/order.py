"""Does the order of recipes change with size? Rungs of several ladders of about one size, ranked as
on a board: at a quarter, once and four times the card's band of dense parameters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, log
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmark.measure import standings
from benchmark.measure.standings import Standing
from benchmark.reports.document import Table
from benchmark.reports.leaderboard.tracks import MEASURES, Measure
from benchmark.reports.words import derived, seeds_in_words, with_sd
from benchmark.studies.scaling.ladders import Rung, rate

SIZES = {"1/4 of the band": 0.25, "the band": 1.0, "4 times the band": 4.0}
MIN_SEEDS = 2

Band = tuple[float, float]
"""Least and most dense parameters, without the head."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class Order:
    """How recipes of about one size rank by a measure, over the seeds that all of them have."""

    measure: Measure
    size: str
    band: Band
    seeds: tuple[int, ...]
    rungs: dict[str, Rung]
    values: dict[str, list[float]]
    """By seed, of each recipe."""
    standings: dict[str, Standing]
    better: frozenset[Pair]
    """The pairs of which the first recipe is significantly better."""
    detectable: float
    """The smallest true difference that is found with a power of 80 %."""


def orders(ladders: Mapping[str, Sequence[Rung]], band: Band) -> dict[Measure, list[Order]]:
    """By measure, of each size at which two recipes or more have a rung on all rows and two seeds
    or more in common."""
    found: dict[Measure, list[Order]] = {measure: [] for measure in MEASURES}
    for size, times in SIZES.items():
        own = times * band[0], times * band[1]
        nearest = {recipe: _nearest(rungs, own) for recipe, rungs in ladders.items()}
        rungs = {recipe: rung for recipe, rung in nearest.items() if rung is not None}
        seeds = _common_seeds(rungs.values())
        if len(rungs) > 1 and len(seeds) >= MIN_SEEDS:
            for measure in MEASURES:
                found[measure].append(_order(measure, size, own, seeds, rungs))
    return {measure: each for measure, each in found.items() if each}


def _nearest(rungs: Sequence[Rung], band: Band) -> Rung | None:
    """Of the rungs in a band, the one nearest to its geometric middle."""
    middle = log(band[0] * band[1]) / 2

    def distance(rung: Rung) -> float:
        return abs(log(rung.first.parameters.dense) - middle)

    return min((rung for rung in rungs if _is_in(rung, band)), key=distance, default=None)


def _is_in(rung: Rung, band: Band) -> bool:
    run = rung.first
    return run.train_rows is None and band[0] <= run.parameters.dense <= band[1]


def _common_seeds(rungs: Iterable[Rung]) -> tuple[int, ...]:
    own = [{run.seed for run in rung.runs} for rung in rungs]
    return tuple(sorted(set.intersection(*own))) if own else ()


def _order(
    measure: Measure, size: str, band: Band, seeds: tuple[int, ...], rungs: dict[str, Rung]
) -> Order:
    values = {
        recipe: [measure.of(run) for run in rung.runs if run.seed in seeds]
        for recipe, rung in rungs.items()
    }
    samples = measure.sign * np.array(list(values.values()))
    recipes, is_better = list(rungs), standings.better(samples)
    return Order(
        measure,
        size,
        band,
        seeds,
        rungs,
        values,
        dict(zip(recipes, standings.standings(samples), strict=True)),
        frozenset((recipes[one], recipes[other]) for one, other in np.argwhere(is_better)),
        standings.detectable([*map(stdev, values.values())], len(seeds), comb(len(rungs), 2)),
    )


def reversals(orders: Iterable[Order]) -> list[Pair]:
    """The pairs of which the first recipe is significantly better at one size and the second at a
    larger one."""
    found = {
        (one, other)
        for small, large in combinations(orders, 2)
        for one, other in small.better
        if (other, one) in large.better
    }
    return sorted(found)


def table(measure: Measure, orders: Sequence[Order]) -> Table:
    """The recipes of each size from the best on."""
    head = ("size", "recipe", "dense parameters", "learning rate", f"test {measure.title}")
    rows = tuple(row for order in orders for row in _rows(order))
    title = f"Order of recipes by size, test {measure.title}"
    return Table(title, (*head, "rank interval"), rows, tuple(_remarks(orders)), key=1)


def _rows(order: Order) -> Iterator[tuple[str, ...]]:
    sign = order.measure.sign
    for recipe in sorted(order.values, key=lambda name: -sign * mean(order.values[name])):
        run, place = order.rungs[recipe].first, order.standings[recipe]
        value = with_sd(order.values[recipe], 5)
        size = f"{run.parameters.dense:,}"
        interval = f"{place.first} to {place.last}"
        yield order.size, recipe, size, f"{rate(run):g}", value, interval


def _remarks(orders: Sequence[Order]) -> Iterator[str]:
    yield (
        "Dense parameters are those of the card's band, without the head. Rank intervals as on the"
        " boards: Welch's t-test of every pair of a size, Holm over the pairs at 5 %."
    )
    for order in orders:
        low, high = order.band
        yield (
            f"{order.size} ({low:,.0f} to {high:,.0f}): seeds {seeds_in_words(order.seeds)};"
            f" a true difference of {order.detectable:.5f} is found with a power of 80 %."
        )
    pairs = [f"{one} above {other} at the smaller size" for one, other in reversals(orders)]
    yield f"Orders significantly reversed at a larger size: {'; '.join(pairs) or 'none'}."


def numbers(order: Order) -> dict[str, Any]:
    """An order as JSON values."""
    recipes = [
        {
            "recipe": recipe,
            "dense_parameters": order.rungs[recipe].first.parameters.dense,
            order.measure.name: mean(values),
            "sd": stdev(values),
            "first": order.standings[recipe].first,
            "last": order.standings[recipe].last,
        }
        for recipe, values in order.values.items()
    ]
    head = {"measure": order.measure.name, "size": order.size, "seeds": list(order.seeds)}
    return {**head, "detectable": derived(order.detectable), "recipes": recipes}
