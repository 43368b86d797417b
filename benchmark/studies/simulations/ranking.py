"""Does the leaderboard's rule hold what it promises? Tables of made-up rows whose true differences
are known."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from benchmark.measure.significance import (
    ALPHA,
    POWER,
    ClassScores,
    bootstrap_difference,
    detectable,
    placements,
    welch,
    welch_freedom,
)
from benchmark.reports.document import Report, Table
from benchmark.reports.leaderboard.tracks import BOOTSTRAP_SEED

Vector = NDArray[np.float64]

ROWS = (4, 8, 15)
SEEDS = (5, 10)
SPREADS = (1.0, 3.0, 10.0)
"""The largest over the smallest seed sd of a table; those between them are spaced evenly in
logarithm."""
BATCH = 1000
"""Tables whose pairs are held at a time."""


@dataclass(frozen=True)
class RankingDesign:
    """Of one table. Its first two rows have the root mean square of all sds, which is 1."""

    rows: int
    seeds: int
    spread: float

    @property
    def sds(self) -> Vector:
        others = np.geomspace(1, self.spread, self.rows - 2)
        return np.concatenate([[1.0, 1.0], others / np.sqrt(np.mean(others**2))])


@dataclass(frozen=True)
class RankingOutcome:
    """Counts over simulated tables, whose first row is better than all others by `difference`, or
    equal to them (0)."""

    design: RankingDesign
    difference: float
    tables: int
    false_better: int
    """Tables in which a row is called better than one it is not better than."""
    found: tuple[int, ...]
    """By other row: tables in which the first row is called better than it."""


@dataclass(frozen=True)
class TwoRecipes:
    """Made-up scores of two equally good recipes: sd of each recipe's own effect on a test row, and
    of a seed's effect on how far apart the classes are."""

    name: str
    row_effect: float
    seed_effect: float


@dataclass(frozen=True)
class IntervalCoverage:
    case: TwoRecipes
    draws: int
    outside: int
    """Intervals of the bootstrap without 0."""
    welch: int
    """Welch's tests over the seeds alone that call the two different."""


CASES = (TwoRecipes("seeds vary most", 0.1, 0.1), TwoRecipes("recipes differ by row", 0.5, 0.02))
SHIFTED = (
    *("rows", "seeds", "largest / smallest sd", "difference in sds"),
    *("found", "least and most in other pairs", "with a false better"),
)
POSITIVES, NEGATIVES, RECIPE_SEEDS, RESAMPLES = 300, 900, 5, 500


def outcomes(tables: int, seed: int) -> Iterator[RankingOutcome]:
    designs = [
        RankingDesign(rows, seeds, spread) for rows in ROWS for seeds in SEEDS for spread in SPREADS
    ]
    for number, design in enumerate(designs):
        least = float(f"{detectable(list(design.sds), design.seeds, comb(design.rows, 2)):.6g}")
        for difference in (0.0, least):
            yield simulate(
                design,
                difference,
                tables,
                np.random.default_rng([seed, number, int(difference > 0)]),
            )


def simulate(
    design: RankingDesign, difference: float, tables: int, random: np.random.Generator
) -> RankingOutcome:
    false, found = 0, np.zeros(design.rows - 1, np.int64)
    true = np.array(
        [first == 0 and difference > 0 for first, _ in combinations(range(design.rows), 2)]
    )
    for start in range(0, tables, BATCH):
        shape = min(BATCH, tables - start), design.rows, design.seeds
        values = random.standard_normal(shape) * design.sds[:, None]
        values[:, 0] += difference
        better, worse = called(values)
        false += int((worse | (better & ~true)).any(axis=1).sum())
        if difference > 0:
            found += better[:, : design.rows - 1].sum(axis=0)
    return RankingOutcome(design, difference, tables, false, tuple(map(int, found)))


def called(values: Vector) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each pair of rows, in the order of combinations: is the first called better, or worse?
    values [tables, rows, seeds]; the rule of `significance.ranks`, for many tables at once."""
    seeds = values.shape[2]
    mean, square = values.mean(axis=2), values.var(axis=2, ddof=1) / seeds
    first, second = np.array(list(combinations(range(values.shape[1]), 2))).T
    total = square[:, first] + square[:, second]
    errors = (mean[:, first] - mean[:, second]) / np.sqrt(total)
    p = 2 * t.sf(np.abs(errors), welch_freedom(square[:, first] / total, seeds, seeds))
    order = np.argsort(p, axis=1)
    small = np.take_along_axis(p, order, axis=1) <= ALPHA / np.arange(p.shape[1], 0, -1)
    rejected = np.empty_like(small)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(small, axis=1), axis=1)
    return rejected & (errors > 0), rejected & (errors < 0)


def coverage(case: TwoRecipes, draws: int, random: np.random.Generator) -> IntervalCoverage:
    outside = different = 0
    for _ in range(draws):
        runs_a, runs_b = _recipe_pair(case, random)
        found = bootstrap_difference(runs_a, runs_b, RESAMPLES, BOOTSTRAP_SEED)
        outside += not found.low <= 0 <= found.high
        auc_a, auc_b = ([_auc(run) for run in runs] for runs in (runs_a, runs_b))
        different += welch(auc_a, auc_b).p <= ALPHA
    return IntervalCoverage(case, draws, outside, different)


def report(tables: int, draws: int, seed: int) -> Report:
    found = list(outcomes(tables, seed))
    covered = [
        coverage(case, draws, np.random.default_rng([seed, 1000 + at]))
        for at, case in enumerate(CASES)
    ]
    return as_report(found, covered, seed)


def as_report(found: list[RankingOutcome], covered: list[IntervalCoverage], seed: int) -> Report:
    null, shifted = (
        [one for one in found if (one.difference > 0) is better] for better in (False, True)
    )
    worst, least = (
        max(one.false_better / one.tables for one in found),
        min(one.found[0] / one.tables for one in shifted),
    )
    return Report(
        "Does the ranking rule hold?",
        (
            (
                "Simulated tables of normal values; made by `python -m benchmark significance`."
                " The rule: Welch's t-test on every pair of rows, Holm over all pairs at"
                f" {_percent(ALPHA, 0)}. ± is 1.96 standard errors of the simulation (generator"
                f" seed {seed})."
            ),
            (
                f"In no design more than {_percent(worst)} of the tables call a row better that is"
                " not. A difference of the size that a table states is found in at least"
                f" {_percent(least)} of them."
            ),
        ),
        (_null(null), _shifted(shifted), _covered(covered)),
        {
            "seed": seed,
            "outcomes": [asdict(one) for one in found],
            "coverage": [asdict(one) for one in covered],
        },
    )


def files(made: Report, results: Path) -> dict[Path, str]:
    numbers = json.dumps(made.numbers, indent=1) + "\n"
    return {results / "significance.md": made.markdown(), results / "significance.json": numbers}


def _null(found: list[RankingOutcome]) -> Table:
    return Table(
        "Equal rows",
        ("rows", "seeds", "largest / smallest sd", "tables", "with a false better"),
        tuple(
            (*_design(one.design), f"{one.tables:,}", _share(one.false_better, one.tables))
            for one in found
        ),
        (f"Holm's bound is {_percent(ALPHA, 0)}. Pairs share rows, so less of it is used up.",),
    )


def _shifted(found: list[RankingOutcome]) -> Table:
    return Table(
        f"One row better by the difference that is to be found with {_percent(POWER, 0)}",
        SHIFTED,
        tuple(
            (
                *_design(one.design),
                f"{one.difference:.2f}",
                _share(one.found[0], one.tables),
                (
                    f"{_percent(min(one.found[1:]) / one.tables)},"
                    f" {_percent(max(one.found[1:]) / one.tables)}"
                ),
                _share(one.false_better, one.tables),
            )
            for one in found
        ),
        (
            (
                "The difference is stated for two rows of the table's root mean square sd"
                " (`found`); beside a quieter row the better one is found more often, beside a"
                " noisier one less often."
            ),
        ),
    )


def _covered(found: list[IntervalCoverage]) -> Table:
    return Table(
        "The bootstrap over test rows and seeds",
        (
            "two equally good recipes",
            "draws",
            "intervals without 0",
            "Welch over seeds calls them different",
        ),
        tuple(
            (
                one.case.name,
                f"{one.draws:,}",
                _share(one.outside, one.draws),
                _share(one.welch, one.draws),
            )
            for one in found
        ),
        (
            (
                f"{RECIPE_SEEDS} seeds each, {POSITIVES} positive and {NEGATIVES} negative test"
                " rows. Ranks are statements about recipes on this very test split. Where recipes"
                " are good on different rows, another split of as many rows may order them"
                " otherwise: seeds alone do not show it, the interval does. With five seeds that"
                " vary a lot the interval is a little narrow, since resamples do not know how"
                " uncertain an sd of five values is."
            ),
        ),
    )


def _recipe_pair(
    case: TwoRecipes, random: np.random.Generator
) -> tuple[list[ClassScores], list[ClassScores]]:
    rows = POSITIVES + NEGATIVES
    label = np.arange(rows) < POSITIVES
    shared = random.standard_normal(rows)
    recipes: list[list[ClassScores]] = []
    for _ in range(2):
        own = shared + case.row_effect * random.standard_normal(rows)
        apart = 1 + case.seed_effect * random.standard_normal(RECIPE_SEEDS)
        logits = [own + label * one + 0.1 * random.standard_normal(rows) for one in apart]
        recipes.append([(logit[:POSITIVES], logit[POSITIVES:]) for logit in logits])
    return recipes[0], recipes[1]


def _auc(run: ClassScores) -> float:
    return placements(run).auc


def _design(design: RankingDesign) -> tuple[str, str, str]:
    return str(design.rows), str(design.seeds), f"{design.spread:g}"


def _share(count: int, of: int) -> str:
    share = count / of
    return f"{_percent(share)} ± {100 * 1.96 * np.sqrt(share * (1 - share) / of):.1f}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
