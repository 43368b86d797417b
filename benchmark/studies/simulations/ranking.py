"""Do the leaderboard's ranks and intervals hold what they promise? Simulated tables whose truth is
known."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import comb
from pathlib import Path

import numpy as np

from benchmark.measure.significance import ALPHA
from benchmark.measure.standings import POWER, better, detectable, from_best
from benchmark.reports.document import Document, Report, Table
from benchmark.studies.simulations import share
from benchmark.utils.arrays import Vector

COMMAND = "python -m benchmark significance"
ROWS = (8, 15)
SEEDS = (5, 10)
SPREADS = (1.0, 3.0, 10.0)
"""The largest over the smallest seed sd of a table; those between are even in logarithm."""
EQUAL, ONE_BETTER, STEPS = TRUTHS = "equal rows", "one row better", "rows in steps"
STEP = 0.5
"""Difference of neighbouring rows in steps, in sds."""
BATCH = 1000
"""Tables that are held at a time."""


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

    @property
    def detectable(self) -> float:
        """The difference that such a table states."""
        return float(f"{detectable(self.sds, self.seeds, comb(self.rows, 2)):.6g}")

    def means(self, truth: str) -> Vector:
        """The true means [rows], of which the first is the largest."""
        row = np.arange(self.rows, dtype=np.float64)
        if truth == ONE_BETTER:
            return -self.detectable * np.minimum(row, 1)
        return -STEP * row if truth == STEPS else 0 * row


@dataclass(frozen=True)
class RankingOutcome:
    """Counts of simulated tables.

    `false_better`: a row is called better than one it is not better than. `missed`: an interval
    does not hold the true distance of its row from the best other one. `ended`: the interval of a
    row ends at 0 though none is better, for the row for which that happens most; `any_ended`: for
    any row. `found`: the first row is called better, by other row."""

    design: RankingDesign
    truth: str
    tables: int
    false_better: int
    missed: int
    ended: int
    any_ended: int
    found: tuple[int, ...]


def outcomes(tables: int, seed: int) -> Iterator[RankingOutcome]:
    """Every design with every truth, each with that many tables."""
    for at, (rows, seeds, spread, truth) in enumerate(product(ROWS, SEEDS, SPREADS, TRUTHS)):
        random = np.random.default_rng([seed, at])
        yield simulate(RankingDesign(rows, seeds, spread), truth, tables, random)


def simulate(
    design: RankingDesign, truth: str, tables: int, random: np.random.Generator
) -> RankingOutcome:
    means = design.means(truth)
    is_better = means[:, None] > means
    distances = np.array([mean - np.delete(means, at).max() for at, mean in enumerate(means)])
    false = missed = any_at_zero = 0
    by_row, found = np.zeros(design.rows, np.int64), np.zeros(design.rows - 1, np.int64)
    for start in range(0, tables, BATCH):
        shape = min(BATCH, tables - start), design.rows, design.seeds
        samples = means[:, None] + random.standard_normal(shape) * design.sds[:, None]
        called = better(samples)
        low, high = from_best(samples)
        at_zero = (high == 0) & (means == means.max())
        false += int((called & ~is_better).any(axis=(1, 2)).sum())
        missed += int(((distances < low) | (distances > high)).any(axis=1).sum())
        any_at_zero += int(at_zero.any(axis=1).sum())
        by_row += at_zero.sum(axis=0)
        found += called[:, 0, 1:].sum(axis=0)
    counts = false, missed, int(by_row.max()), any_at_zero, tuple(map(int, found))
    return RankingOutcome(design, truth, tables, *counts)


def documents(report: Report, results: Path) -> list[Document]:
    return report.documents(results / "significance", COMMAND)


def report(outcomes: Sequence[RankingOutcome], seed: int) -> Report:
    false, missed, ended = (
        max(getattr(each, name) / each.tables for each in outcomes)
        for name in ("false_better", "missed", "ended")
    )
    least = min(each.found[0] / each.tables for each in outcomes if each.truth == ONE_BETTER)
    remarks = (
        f"Simulated tables of normal values; made by `{COMMAND}`. Ranks: Welch's t-test on every"
        f" pair of rows, Holm over all pairs at {ALPHA:.0%}. Distance from the best other row:"
        f" Hsu's multiple comparisons with the best, {1 - ALPHA:.0%} for all rows together. ± is"
        f" 1.96 standard errors of the simulation (generator seed {seed}).",
        f"In no design more than {false:.1%} of the tables call a row better that is not, or more"
        f" than {missed:.1%} have an interval that misses, and the interval of a given row that is"
        f" as good as any ends at 0 in no more than {ended:.1%}. A difference of the size that a"
        f" table states is found in at least {least:.1%} of them.",
    )
    numbers = {"seed": seed, "outcomes": [asdict(each) for each in outcomes]}
    return Report("Do ranks and intervals hold?", remarks, (_table(outcomes),), numbers)


def _table(outcomes: Sequence[RankingOutcome]) -> Table:
    rows = []
    for each in outcomes:
        design = each.design
        parts = each.truth, str(design.rows), str(design.seeds), f"{design.spread:g}"
        counts = each.false_better, each.missed, each.ended, each.any_ended
        shares = [share(count, each.tables) for count in counts]
        power = "", "", ""
        if each.truth == ONE_BETTER:
            least, most = (f"{end(each.found[1:]) / each.tables:.1%}" for end in (min, max))
            found = share(each.found[0], each.tables)
            power = f"{design.detectable:.2f}", found, f"{least} to {most}"
        rows.append((*parts, *shares, *power))
    head = (
        *("truth", "rows", "seeds", "largest / smallest sd", "a false better"),
        *("an interval misses", "a best row ends at 0", "any best row ends at 0"),
        *("difference in sds", "found", "in other pairs"),
    )
    remarks = (
        f"{min(each.tables for each in outcomes):,} tables a line. Steps are of {STEP:g} sds. An"
        " interval misses: one or more of a table. Equal rows are 0 apart, which every interval"
        " holds by its form, so beside it stands how often one ends there: that of a given row (the"
        " row for which it happens most), and that of any. Such an end says that the row is not"
        " better than the best other one, not that it is worse.",
        f"The difference is that which a table states to be found with {POWER:.0%}, between two"
        " rows of its root mean square sd (`found`); beside a quieter row the better one is found"
        " more often, beside a noisier one less often.",
    )
    return Table("Errors and power", head, tuple(rows), remarks)
