"""Which rows are comparable, and their ranks: Welch and Holm over seeds; beside it the bootstrap
over test rows too."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Literal

from benchmark.errors import BenchmarkError
from benchmark.measure import significance
from benchmark.measure.significance import Difference, Placements
from benchmark.records import scores
from benchmark.records.archive import Archive, Runs
from benchmark.records.record import Record, scores_path
from benchmark.reports.leaderboard.rows import Row, embedding_dim, make_row

FULL_SEEDS = 5
"""Rows over fewer seeds are not ranked."""
RESAMPLES = 2000
BOOTSTRAP_SEED = 2018

Basis = tuple[int, str, tuple[int, ...]]
"""What ranked rows have in common: numerics version, data digest, seeds."""


@dataclass(frozen=True)
class Standing:
    """A row of a table, and its place there. `from_best` is its AUC less the best row's: None for
    the best row, for one that is not ranked, and where the test logits are not kept row by row."""

    row: Row
    rank: int | None
    apart: str
    """Why it is not ranked."""
    from_best: Difference | None
    other_budget: bool
    """Whether most ranked rows were tuned with another number of trials."""


@dataclass(frozen=True)
class Track:
    """Rows that compete: of the embedding size of the data set's card (`fixed`), or of another
    (`free`)."""

    kind: Literal["fixed", "free"]
    embedding_dim: int | None
    standings: tuple[Standing, ...]
    """Ranked ones by falling AUC, then the others."""
    seeds: tuple[int, ...]
    detectable: float | None
    """The smallest true difference of AUC that is found with a power of 80 %; None for fewer than
    two ranked rows."""
    by_rows: bool
    """Whether the bootstrap could be made: the test logits of ranked rows are kept row by row."""

    @property
    def ranked(self) -> list[Standing]:
        return [standing for standing in self.standings if standing.rank is not None]


def tracks(groups: Sequence[Runs], card_dim: int | None, results: Path) -> list[Track]:
    """The tracks of one data set that have rows. Models without an embedding size are in the fixed
    one."""
    fixed: list[Runs] = []
    free: list[Runs] = []
    for runs in groups:
        at_the_cards = card_dim is not None and embedding_dim(runs[0]) in (None, card_dim)
        (fixed if at_the_cards else free).append(runs)
    found = _track("fixed", card_dim, fixed, results), _track("free", None, free, results)
    return [track for track in found if track.standings]


def _track(
    kind: Literal["fixed", "free"], dim: int | None, groups: Sequence[Runs], results: Path
) -> Track:
    basis = _basis(groups)
    reasons = [_apart(runs, basis) for runs in groups]
    seeds = basis[2] if basis else ()
    full = [
        [run for run in runs if run.seed in seeds]
        for runs, why in zip(groups, reasons, strict=True)
        if not why
    ]
    ranked = _ranked(full, results)
    others = [
        (make_row(runs, results), why) for runs, why in zip(groups, reasons, strict=True) if why
    ]
    others.sort(key=lambda other: _order(other[0]))
    apart = [Standing(row, None, why, None, False) for row, why in others]
    return Track(
        kind,
        dim,
        (*ranked, *apart),
        seeds,
        _detectable([standing.row.auc_sd or 0.0 for standing in ranked], len(seeds)),
        all(standing.from_best is not None for standing in ranked[1:]),
    )


def _basis(groups: Sequence[Runs]) -> Basis | None:
    """What most rows of enough seeds share, a row of more seeds being cut to them. Of bases that
    equally many share the newest numerics decide, then the most seeds, then the first in order."""
    found = sorted({_own(runs) for runs in groups if len(runs) >= FULL_SEEDS})
    sharing = {basis: sum(not _apart(runs, basis) for runs in groups) for basis in found}
    return max(found, key=lambda basis: (sharing[basis], basis[0], len(basis[2])), default=None)


def _own(runs: Runs) -> Basis:
    return runs[0].numerics, runs[0].data.arrays, tuple(run.seed for run in runs)


def _apart(runs: Runs, basis: Basis | None) -> str:
    """Why a row is not ranked; nothing where it is."""
    numerics, data, seeds = _own(runs)
    if len(seeds) < FULL_SEEDS or basis is None:
        return f"fewer than {FULL_SEEDS} seeds"
    if numerics != basis[0]:
        return f"numerics {numerics}, not {basis[0]}"
    if data != basis[1]:
        return f"other data ({data[:8]})"
    return "" if set(basis[2]) <= set(seeds) else "other seeds"


def _ranked(groups: Sequence[Runs], results: Path) -> list[Standing]:
    rows = sorted(
        ((make_row(runs, results), runs) for runs in groups), key=lambda pair: _order(pair[0])
    )
    ranks = significance.ranks([[run.metrics.test.auc for run in runs] for _, runs in rows])
    from_best = _from_best([runs for _, runs in rows], results)
    budgets = Counter(row.trials for row, _ in rows)
    usual = {trials for trials, count in budgets.items() if count == max(budgets.values())}
    return [
        Standing(
            row,
            rank,
            "",
            difference,
            len(budgets) > 1 and (len(usual) > 1 or row.trials not in usual),
        )
        for (row, _), rank, difference in zip(rows, ranks, from_best, strict=True)
    ]


def _order(row: Row) -> tuple[float, str, str, str]:
    return -row.auc, row.recipe, row.recipe_digest, row.data_digest


def _from_best(groups: Sequence[Runs], results: Path) -> list[Difference | None]:
    """Of each recipe from the first, over test rows and seeds; scores are read once."""
    absent: list[Difference | None] = [None] * len(groups)
    placed = [[_placements(run, results) for run in runs] for runs in groups]
    kept = [[run for run in runs if run is not None] for runs in placed]
    shapes = {(len(run.positive), len(run.negative)) for runs in kept for run in runs}
    if len(kept) < 2 or len(shapes) != 1 or any(None in runs for runs in placed):
        return absent
    best, *others = kept
    found = significance.bootstrap_differences(best, others, RESAMPLES, BOOTSTRAP_SEED)
    return [None, *(_turned(difference) for difference in found)]


def _placements(run: Record, results: Path) -> Placements | None:
    """None where the logits are not kept row by row, or their file cannot be read, which `verify`
    objects to."""
    try:
        found = scores.by_class(
            scores.load(scores_path(Archive(results).path(run.dataset, run.name or "", run.seed)))
        )
        return None if found is None else significance.placements(found)
    except (BenchmarkError, ValueError):
        return None


def _turned(difference: Difference) -> Difference:
    """Of b from a; without the last bits, in which machines differ."""
    return Difference(
        *(
            float(f"{value:.8g}")
            for value in (-difference.value, -difference.high, -difference.low, difference.p)
        )
    )


def _detectable(sds: Sequence[float], seeds: int) -> float | None:
    if len(sds) < 2:
        return None
    return float(f"{significance.detectable(sds, seeds, comb(len(sds), 2)):.6g}")
