"""The tracks of a data set: which rows are comparable, and their ranks.

Ranks are Welch's and Holm's over seeds; beside them stands a bootstrap over seeds and test rows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from math import comb
from statistics import mean, stdev
from typing import Any, Literal

import polars as pl

from benchmark.errors import BenchmarkError
from benchmark.measure import significance
from benchmark.measure.significance import ClassScores, Difference
from benchmark.measure.trajectory import over_seeds
from benchmark.records import scores
from benchmark.records.archive import Archive, Runs
from benchmark.records.ranks import trajectories
from benchmark.records.record import Record, scores_path
from benchmark.records.tuning import tuning_cost

FULL_SEEDS = 5
"""Rows over fewer seeds are not ranked."""
RESAMPLES = 2000
BOOTSTRAP_SEED = 2018

Line = dict[str, Any]
"""A row of a track's table by column."""
Basis = tuple[int, str, tuple[int, ...]]
"""The numerics version, data digest and seeds that ranked rows share."""

RANKING = ("rank", "apart", "from_best", "other_budget")
"""Columns of a table that depend on its other rows."""
INTERVAL = pl.Struct(dict.fromkeys(("value", "low", "high", "p"), pl.Float64))


@dataclass(frozen=True)
class Entry:
    """The runs of one recipe, data and numerics version, by seed."""

    runs: Runs
    logits: dict[int, ClassScores]
    """Test logits by seed; without a run whose logits are not kept row by row, or whose file cannot
    be read, which `verify` reports."""
    trials: int | None
    """Finished trials and hours of the tuning study; None without one that can be read."""
    hours: float | None


@dataclass(frozen=True)
class Track:
    """Competing rows: of the embedding size of the card (`fixed`), or of another (`free`)."""

    kind: Literal["fixed", "free"]
    embedding_dim: int | None
    table: pl.DataFrame
    """A row a recipe, ranked ones by falling AUC, then the others. The columns are those of `row`
    and RANKING: `apart` says why a row is not ranked; `from_best` is its AUC less the best row's,
    with interval and p; `other_budget` whether most ranked rows were tuned with another number of
    trials."""
    seeds: tuple[int, ...]
    detectable: float | None
    """The smallest true difference of AUC that is found with a power of 80 %; None for fewer than
    two ranked rows."""
    by_rows: bool
    """Whether the bootstrap was possible: the test logits of ranked rows are kept row by row."""


def entries(records: Iterable[Record], archive: Archive) -> list[Entry]:
    """The entries of ranked records, in an order that does not depend on that of the records."""
    ordered = sorted(records, key=lambda run: (*_identity(run), run.seed))
    return [_entry(list(runs), archive) for _, runs in groupby(ordered, _identity)]


def _identity(run: Record) -> tuple[str, str, str, str, int]:
    return run.dataset, run.name or "", run.recipe_digest, run.data.arrays, run.numerics


def _entry(runs: Runs, archive: Archive) -> Entry:
    trials = hours = None
    if (study := runs[0].tuned) is not None:
        with suppress(BenchmarkError):
            trials, hours = tuning_cost(archive.results, study)
    logits: dict[int, ClassScores] = {}
    for run in runs:
        path = scores_path(archive.path(run.dataset, run.name or "", run.seed))
        with suppress(BenchmarkError):
            if (by_class := scores.by_class(scores.load(path))) is not None:
                logits[run.seed] = by_class
    return Entry(runs, logits, trials, hours)


def tracks(entries: Sequence[Entry], card_dim: int | None) -> list[Track]:
    """The tracks that have rows; models without an embedding size are in the fixed one."""
    fixed: list[Entry] = []
    free: list[Entry] = []
    for entry in entries:
        of_card = card_dim is not None and embedding_dim(entry.runs) in (None, card_dim)
        (fixed if of_card else free).append(entry)
    both = [_track("fixed", card_dim, fixed)] if fixed else []
    return both + ([_track("free", None, free)] if free else [])


def row(entry: Entry) -> Line:
    """The columns of an entry that depend on it alone: means over the seeds, with sd of several.

    `erank` is that of the last stage, per sample, over its limit (None where that stage is all
    zero); `collapse` is its ratio to that of the tokens, or of the embedding.
    """
    runs, first = entry.runs, entry.runs[0]
    auc = [run.metrics.test.auc for run in runs]
    logloss = [run.metrics.test.logloss for run in runs]
    paths = trajectories(runs, "erank", "token", "best")
    erank = over_seeds(list(path.values.values())[-1] for path in paths)
    collapse = over_seeds(path.collapse for path in paths)
    return {
        "recipe": first.name or "",
        "recipe_digest": first.recipe_digest,
        "seeds": [run.seed for run in runs],
        "auc": mean(auc),
        "auc_sd": stdev(auc) if len(runs) > 1 else None,
        "logloss": mean(logloss),
        "logloss_sd": stdev(logloss) if len(runs) > 1 else None,
        "ne": mean(run.metrics.test.ne for run in runs),
        "calibration": mean(run.metrics.test.calibration for run in runs),
        "erank": erank and erank.mean,
        "collapse": collapse and collapse.mean,
        "embedding_dim": embedding_dim(runs),
        "embedding_parameters": first.parameters.embedding,
        "dense_parameters": first.parameters.dense,
        "head_parameters": first.parameters.head,
        "flops_per_sample": first.flops_per_sample,
        "train_samples_per_s": mean(run.cost.train_samples_per_s for run in runs),
        "tuned": first.tuned,
        "trials": entry.trials,
        "hours": entry.hours,
        "notes": list(first.notes),
        "numerics": first.numerics,
        "data_digest": first.data.arrays,
    }


def embedding_dim(runs: Runs) -> int | None:
    """The embedding size of the runs' model; None for a model without one."""
    size = runs[0].recipe["model"].get("embedding_dim")
    return size if isinstance(size, int) else None


def _track(kind: Literal["fixed", "free"], dim: int | None, entries: Sequence[Entry]) -> Track:
    basis = _basis(entries)
    apart = [_apart(entry, basis) for entry in entries]
    seeds = basis[2] if basis else ()
    entries = [
        entry if why else replace(entry, runs=[run for run in entry.runs if run.seed in seeds])
        for entry, why in zip(entries, apart, strict=True)
    ]
    table = pl.DataFrame(
        [row(entry) for entry in entries],
        infer_schema_length=None,
        schema_overrides={"notes": pl.List(pl.String)},
    )
    order = pl.col("apart") != "", -pl.col("auc"), "recipe", "recipe_digest", "data_digest"
    table = table.with_columns(apart=pl.Series(apart)).with_row_index("entry").sort(*order)
    competing = [entries[at] for at in table.filter(pl.col("apart") == "")["entry"]]
    rest: list[None] = [None] * (len(entries) - len(competing))

    samples = [[run.metrics.test.auc for run in entry.runs] for entry in competing]
    ranks = pl.Series("rank", [*significance.ranks(samples), *rest], pl.Int64)
    differences = _from_best(competing)
    from_best = [*(each and asdict(each) for each in differences), *rest]
    unusual = [*_other_budget([entry.trials for entry in competing]), *(False for _ in rest)]
    table = table.drop("entry").with_columns(
        ranks, pl.Series("from_best", from_best, INTERVAL), pl.Series("other_budget", unusual)
    )
    by_rows = None not in differences[1:]
    return Track(kind, dim, table, seeds, _detectable(samples), by_rows)


def _basis(entries: Sequence[Entry]) -> Basis | None:
    """The basis that most entries share; one of more seeds is cut to those of the basis. Of bases
    that equally many share the newest numerics decide, then the most seeds, then the order."""
    full = sorted({_own(entry) for entry in entries if len(entry.runs) >= FULL_SEEDS})
    sharing = {basis: sum(not _apart(entry, basis) for entry in entries) for basis in full}
    return max(full, key=lambda basis: (sharing[basis], basis[0], len(basis[2])), default=None)


def _own(entry: Entry) -> Basis:
    first = entry.runs[0]
    return first.numerics, first.data.arrays, tuple(run.seed for run in entry.runs)


def _apart(entry: Entry, basis: Basis | None) -> str:
    """Why an entry is not ranked; empty where it is."""
    numerics, data, seeds = _own(entry)
    if len(seeds) < FULL_SEEDS or basis is None:
        return f"fewer than {FULL_SEEDS} seeds"
    if numerics != basis[0]:
        return f"numerics {numerics}, not {basis[0]}"
    if data != basis[1]:
        return f"other data ({data[:8]})"
    return "" if set(basis[2]) <= set(seeds) else "other seeds"


def _from_best(entries: Sequence[Entry]) -> list[Difference | None]:
    """The AUC of each entry less the first one's, by bootstrap over test rows and seeds; None for
    the first, and for all where the logits of one are not kept row by row."""
    absent: list[Difference | None] = [None] * len(entries)
    if len(entries) < 2 or any(run.seed not in one.logits for one in entries for run in one.runs):
        return absent
    logits = [[entry.logits[run.seed] for run in entry.runs] for entry in entries]
    try:
        best, *others = [[significance.placements(each) for each in runs] for runs in logits]
        differences = significance.bootstrap_differences(best, others, RESAMPLES, BOOTSTRAP_SEED)
    except ValueError:
        return absent
    return [None, *map(_reversed, differences)]


def _reversed(of: Difference) -> Difference:
    """The difference of b from a, without the last bits, in which machines differ."""
    return Difference(*(float(f"{x:.8g}") for x in (-of.value, -of.high, -of.low, of.p)))


def _other_budget(trials: Sequence[int | None]) -> list[bool]:
    budgets = Counter(trials)
    usual = [number for number, count in budgets.items() if count == max(budgets.values())]
    return [len(budgets) > 1 and (len(usual) > 1 or number not in usual) for number in trials]


def _detectable(samples: Sequence[Sequence[float]]) -> float | None:
    """The detectable difference, to the digits in which machines agree."""
    if len(samples) < 2:
        return None
    sds = [stdev(sample) for sample in samples]
    return float(f"{significance.detectable(sds, len(samples[0]), comb(len(sds), 2)):.6g}")
