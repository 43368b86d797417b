"""Does the leaderboard's rule hold what it promises? Simulated tables with known differences."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
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
from benchmark.reports.document import Document, Report, Table
from benchmark.reports.leaderboard.tracks import BOOTSTRAP_SEED
from benchmark.studies.simulations import share
from benchmark.utils.arrays import Vector

COMMAND = "python -m benchmark significance"
ROWS = (4, 8, 15)
SEEDS = (5, 10)
SPREADS = (1.0, 3.0, 10.0)
"""The largest over the smallest seed sd of a table; those between are even in logarithm."""
DESIGN = "rows", "seeds", "largest / smallest sd"
BATCH = 1000
"""Tables whose pairs are held at a time."""
POSITIVES, NEGATIVES, RECIPE_SEEDS, RESAMPLES = 300, 900, 5, 500


@dataclass(frozen=True)
class RankingDesign:
    """One table; its first two rows have the root mean square of all sds, which is 1."""

    rows: int
    seeds: int
    spread: float

    @property
    def sds(self) -> Vector:
        others = np.geomspace(1, self.spread, self.rows - 2)
        return np.concatenate([[1.0, 1.0], others / np.sqrt(np.mean(others**2))])

    def cells(self) -> tuple[str, str, str]:
        """The columns DESIGN."""
        return str(self.rows), str(self.seeds), f"{self.spread:g}"


@dataclass(frozen=True)
class RankingOutcome:
    """Counts over simulated tables whose first row is better than all others by `difference`, or
    equal to them (0).

    `false_better` counts tables in which a row is called better than one it is not better than;
    `found`, by other row, those in which the first row is called better than it."""

    design: RankingDesign
    difference: float
    tables: int
    false_better: int
    found: tuple[int, ...]


@dataclass(frozen=True)
class TwoRecipes:
    """Simulated scores of two equally good recipes: sd of each recipe's own effect on a test row,
    and of a seed's effect on the distance of the classes."""

    name: str
    row_effect: float
    seed_effect: float


@dataclass(frozen=True)
class IntervalCoverage:
    """`outside` counts intervals of the bootstrap without 0; `welch` counts Welch's tests over the
    seeds alone that call the two different."""

    case: TwoRecipes
    draws: int
    outside: int
    welch: int


CASES = (TwoRecipes("seeds vary most", 0.1, 0.1), TwoRecipes("recipes differ by row", 0.5, 0.02))


def outcomes(tables: int, seed: int) -> Iterator[RankingOutcome]:
    for number, parts in enumerate(product(ROWS, SEEDS, SPREADS)):
        design = RankingDesign(*parts)
        stated = detectable(list(design.sds), design.seeds, comb(design.rows, 2))
        for shifted, difference in enumerate((0.0, float(f"{stated:.6g}"))):
            random = np.random.default_rng([seed, number, shifted])
            yield simulate(design, difference, tables, random)


def simulate(
    design: RankingDesign, difference: float, tables: int, random: np.random.Generator
) -> RankingOutcome:
    false, detected = 0, np.zeros(design.rows - 1, np.int64)
    pairs = combinations(range(design.rows), 2)
    true = np.array([first == 0 and difference > 0 for first, _ in pairs])
    for start in range(0, tables, BATCH):
        shape = min(BATCH, tables - start), design.rows, design.seeds
        values = random.standard_normal(shape) * design.sds[:, None]
        values[:, 0] += difference
        better, worse = called(values)
        false += int((worse | (better & ~true)).any(axis=1).sum())
        if difference > 0:
            detected += better[:, : design.rows - 1].sum(axis=0)
    return RankingOutcome(design, difference, tables, false, tuple(map(int, detected)))


def called(values: Vector) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the first row of each pair is called better, and whether worse [tables, pairs].

    values [tables, rows, seeds]; pairs in the order of combinations. The rule of
    `significance.ranks`, for many tables at once."""
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
        interval = bootstrap_difference(runs_a, runs_b, RESAMPLES, BOOTSTRAP_SEED)
        outside += not interval.low <= 0 <= interval.high
        auc_a, auc_b = ([placements(run).auc for run in runs] for runs in (runs_a, runs_b))
        different += welch(auc_a, auc_b).p <= ALPHA
    return IntervalCoverage(case, draws, outside, different)


def _recipe_pair(
    case: TwoRecipes, random: np.random.Generator
) -> tuple[list[ClassScores], list[ClassScores]]:
    rows = POSITIVES + NEGATIVES
    label = np.arange(rows) < POSITIVES
    shared = random.standard_normal(rows)

    def scores() -> list[ClassScores]:
        own = shared + case.row_effect * random.standard_normal(rows)
        apart = 1 + case.seed_effect * random.standard_normal(RECIPE_SEEDS)
        logits = [own + label * one + 0.1 * random.standard_normal(rows) for one in apart]
        return [(logit[:POSITIVES], logit[POSITIVES:]) for logit in logits]

    return scores(), scores()


def report(tables: int, draws: int, seed: int) -> Report:
    covered = [
        coverage(case, draws, np.random.default_rng([seed, 1000 + at]))
        for at, case in enumerate(CASES)
    ]
    return as_report(list(outcomes(tables, seed)), covered, seed)


def documents(report: Report, results: Path) -> list[Document]:
    return report.documents(results / "significance", COMMAND)


def as_report(
    outcomes: Sequence[RankingOutcome], covered: Sequence[IntervalCoverage], seed: int
) -> Report:
    shifted = [each for each in outcomes if each.difference > 0]
    worst = max(each.false_better / each.tables for each in outcomes)
    least = min(each.found[0] / each.tables for each in shifted)
    remarks = (
        f"Simulated tables of normal values; made by `{COMMAND}`. The rule: Welch's t-test on every"
        f" pair of rows, Holm over all pairs at {ALPHA:.0%}. ± is 1.96 standard errors of the"
        f" simulation (generator seed {seed}).",
        f"In no design more than {worst:.1%} of the tables call a row better that is not. A"
        f" difference of the size that a table states is found in at least {least:.1%} of them.",
    )
    numbers = {
        "seed": seed,
        "outcomes": [asdict(each) for each in outcomes],
        "coverage": [asdict(each) for each in covered],
    }
    rows = tuple(
        (*each.design.cells(), f"{each.tables:,}", share(each.false_better, each.tables))
        for each in outcomes
        if each.difference == 0
    )
    bound = f"Holm's bound is {ALPHA:.0%}. Pairs share rows, so less of it is used up."
    equal = Table("Equal rows", (*DESIGN, "tables", "with a false better"), rows, (bound,))
    tables = (equal, _shifted(shifted), _covered(covered))
    return Report("Does the ranking rule hold?", remarks, tables, numbers)


def _shifted(outcomes: Sequence[RankingOutcome]) -> Table:
    rows = []
    for each in outcomes:
        least, most = (f"{end(each.found[1:]) / each.tables:.1%}" for end in (min, max))
        first, false = (share(n, each.tables) for n in (each.found[0], each.false_better))
        size = f"{each.difference:.2f}"
        rows.append((*each.design.cells(), size, first, f"{least}, {most}", false))
    return Table(
        f"One row better by the difference that is to be found with {POWER:.0%}",
        (
            *(*DESIGN, "difference in sds", "found"),
            *("least and most in other pairs", "with a false better"),
        ),
        tuple(rows),
        (
            "The difference is stated for two rows of the table's root mean square sd (`found`);"
            " beside a quieter row the better one is found more often, beside a noisier one less"
            " often.",
        ),
    )


def _covered(coverages: Sequence[IntervalCoverage]) -> Table:
    rows = []
    for each in coverages:
        shares = share(each.outside, each.draws), share(each.welch, each.draws)
        rows.append((each.case.name, f"{each.draws:,}", *shares))
    welch_title = "Welch over seeds calls them different"
    return Table(
        "The bootstrap over test rows and seeds",
        ("two equally good recipes", "draws", "intervals without 0", welch_title),
        tuple(rows),
        (
            f"{RECIPE_SEEDS} seeds each, {POSITIVES} positive and {NEGATIVES} negative test rows."
            " Ranks are statements about recipes on this very test split. Where recipes are good on"
            " different rows, another split of as many rows may order them otherwise: seeds alone"
            " do not show it, the interval does. With five seeds that vary a lot the interval is a"
            " little narrow, since resamples do not know how uncertain an sd of five values is.",
        ),
    )
