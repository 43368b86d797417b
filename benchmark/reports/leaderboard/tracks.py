"""The tracks of a data set: which rows are comparable, and their ranks by AUC and by LogLoss."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import comb
from statistics import mean, stdev
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from benchmark.measure import standings
from benchmark.measure.sampling import Sampled, mean_placements, sampled
from benchmark.measure.significance import Interval, Placements, placements
from benchmark.measure.trajectory import over_seeds
from benchmark.records.archive import Runs
from benchmark.records.ranks import last_ratio
from benchmark.records.record import Record
from benchmark.utils.arrays import ClassScores

FULL_SEEDS = 5
"""Rows over fewer seeds are not ranked."""
POWER_SEEDS = (FULL_SEEDS, 10)
"""Numbers of seeds for which a table states the difference it finds, beside its own."""

Kind = Literal["fixed", "free"]
ScoresOf = Callable[[Record], ClassScores | None]
"""The test scores of a run by class, in the order of rows; None where they are not kept so."""
Line = dict[str, Any]
"""A row of a track's table by column."""
ONE = "one process"


class Basis(NamedTuple):
    """What ranked rows share; `data` is a digest."""

    precision: str
    processes: str
    numerics: int
    data: str
    seeds: tuple[int, ...]


def provenance(run: Record) -> str:
    """Where the values of a run's recipe come from, with the number of tries."""
    return "provenance not stated" if run.provenance is None else run.provenance.words()


class Measure(NamedTuple):
    """What rows are ranked by; `sign` is -1 where smaller values are better."""

    name: str
    title: str
    sign: int
    of: Callable[[Record], float]


AUC = Measure("auc", "AUC", 1, lambda run: run.metrics.test.auc)
LOGLOSS = Measure("logloss", "LogLoss", -1, lambda run: run.metrics.calibrated.logloss)
MEASURES = AUC, LOGLOSS
PLACE = "rank", "first", "last", "low", "high"
RANKING = tuple(f"{measure.name}_{part}" for measure in MEASURES for part in PLACE)
"""Columns of a table that depend on its other rows: of each measure the rank, the ends of the rank
interval, and of the 95 % interval of the value less the best of the other rows'."""


@dataclass(frozen=True)
class Track:
    """Competing rows: of the embedding size of the card (`fixed`), or of another (`free`), their
    values from one kind of source with one number of tries."""

    kind: Kind
    embedding_dim: int | None
    provenance: str
    table: pl.DataFrame
    """A row a recipe, ranked ones by falling AUC, then the others. The columns are those of `row`,
    `apart`, which says why a row is not ranked, and RANKING."""
    seeds: tuple[int, ...]
    detectable: dict[str, dict[int, float]]
    """By measure and number of seeds, the smallest true difference that is found with a power of
    80 %; empty for fewer than two ranked rows."""
    ranked: tuple[Runs, ...] = ()
    """The runs of the ranked rows over `seeds`, in no order of merit."""
    sampled: Sampled | None = None
    """What the choice of test rows leaves open; None where the scores are not kept by row."""
    further: "Track | None" = None
    """The ranked rows that have FULL_SEEDS or more seeds beside these, over those alone."""


def entries(records: Iterable[Record]) -> list[Runs]:
    """The runs of each recipe, data and numerics version, by seed, in an order that does not depend
    on that of the records."""
    ordered = sorted(records, key=lambda run: (*_identity(run), run.seed))
    return [list(runs) for _, runs in groupby(ordered, key=_identity)]


def _identity(run: Record) -> tuple[str, str, str, str, int]:
    name = run.name or ""
    return run.dataset, name, run.recipe_digest, run.data.arrays, run.numerics


def tracks(
    entries: Sequence[Runs], card_dim: int | None, scores_of: ScoresOf = lambda run: None
) -> list[Track]:
    """The tracks that have rows, those of most rows first; models without an embedding size are in
    the fixed one."""
    groups: dict[tuple[Kind, str], list[Runs]] = {}
    for runs in entries:
        of_card = card_dim is not None and embedding_dim(runs) in (None, card_dim)
        kind: Kind = "fixed" if of_card else "free"
        groups.setdefault((kind, provenance(runs[0])), []).append(runs)
    order = sorted(groups, key=lambda key: (key[0], -len(groups[key]), key[1]))
    return [
        _track(*key, card_dim if key[0] == "fixed" else None, groups[key], scores_of)
        for key in order
    ]


def row(runs: Runs) -> Line:
    """The columns of a recipe that depend on it alone: means over the seeds, with sd of several.

    AUC and gAUC are those of the weights with the best validation AUC; LogLoss, NE, calibration and
    ECE those of the best validation LogLoss, unless `one_monitor`. `rank_ratio` is the batch form's
    of the last stage, trained (None where that stage is all zero, or its matrices have one row or
    column)."""
    first = runs[0]
    auc = [run.metrics.test.auc for run in runs]
    losses = [run.metrics.calibrated for run in runs]
    logloss = [each.logloss for each in losses]
    gauc = over_seeds(run.metrics.test.gauc for run in runs)
    ratio = over_seeds(map(last_ratio, runs))
    return {
        "recipe": first.name or "",
        "recipe_digest": first.recipe_digest,
        "seeds": [run.seed for run in runs],
        "auc": mean(auc),
        "auc_sd": stdev(auc) if len(runs) > 1 else None,
        "gauc": gauc and gauc.mean,
        "logloss": mean(logloss),
        "logloss_sd": stdev(logloss) if len(runs) > 1 else None,
        "one_monitor": any(run.metrics.test_logloss is None for run in runs),
        "ne": mean(each.ne for each in losses),
        "calibration": mean(each.calibration for each in losses),
        "ece": mean(each.ece for each in losses),
        "rank_ratio": ratio and ratio.mean,
        "embedding_dim": embedding_dim(runs),
        "embedding_parameters": first.parameters.embedding,
        "dense_parameters": first.parameters.dense,
        "head_parameters": first.parameters.head,
        "flops_per_sample": first.flops_per_sample,
        "train_samples_per_s": mean(run.cost.train_samples_per_s for run in runs),
        "notes": list(first.notes),
        "numerics": first.numerics,
        "data_digest": first.data.arrays,
    }


def embedding_dim(runs: Runs) -> int | None:
    """The embedding size of the runs' model; None for a model without one."""
    size = runs[0].recipe["model"].get("embedding_dim")
    return size if isinstance(size, int) else None


def _track(
    kind: Kind, origin: str, dim: int | None, entries: Sequence[Runs], scores_of: ScoresOf
) -> Track:
    basis = _basis(entries)
    seeds = basis.seeds if basis else ()
    reasons = [_apart(runs, basis) for runs in entries]
    whole = [runs for runs, why in zip(entries, reasons, strict=True) if not why]
    ranked = [[run for run in runs if run.seed in seeds] for runs in whole]
    places = (_places(measure, ranked) for measure in MEASURES)
    lines = [
        row(runs) | {"apart": ""} | by_auc | by_logloss
        for runs, by_auc, by_logloss in zip(ranked, *places, strict=True)
    ]
    lines += [
        row(runs) | {"apart": why} | dict.fromkeys(RANKING)
        for runs, why in zip(entries, reasons, strict=True)
        if why
    ]
    table = pl.DataFrame(
        lines, infer_schema_length=None, schema_overrides={"notes": pl.List(pl.String)}
    ).sort(pl.col("apart") != "", -pl.col("auc"), "recipe", "recipe_digest", "data_digest")
    more = [[run for run in runs if run.seed not in seeds] for runs in whole]
    rest = [runs for runs in more if len(runs) >= FULL_SEEDS]
    further = _track(kind, origin, dim, rest, scores_of) if len(rest) > 1 else None
    found = _detectable(ranked), tuple(ranked), _sampled(ranked, scores_of)
    return Track(kind, dim, origin, table, seeds, *found, further)


def _places(measure: Measure, ranked: Sequence[Runs]) -> list[Line]:
    """The columns RANKING of one measure, a line a recipe."""
    if not ranked:
        return []
    samples = np.array([[measure.of(run) for run in runs] for runs in ranked])
    lines = []
    for place in standings.standings(measure.sign * samples):
        values = place.rank, place.first, place.last, *_ends(place.from_best, measure.sign)
        names = (f"{measure.name}_{part}" for part in PLACE)
        lines.append(dict(zip(names, values, strict=True)))
    return lines


def _ends(interval: Interval, sign: int) -> tuple[float | None, float | None]:
    """The ends in the direction of the measure, to the digits in which machines agree."""
    low, high = (
        None if end is None else float(f"{0.0 + sign * end:.6g}")
        for end in (interval.low, interval.high)
    )
    return (low, high) if sign == 1 else (high, low)


def _basis(entries: Sequence[Runs]) -> Basis | None:
    """The basis that most entries share; one of more seeds is cut to those of the basis. Of bases
    that equally many share the newest numerics decide, then the most seeds, then the order. Rows in
    float32 and of one process come before any others, however many these are."""
    full = sorted({_own(runs) for runs in entries if len(runs) >= FULL_SEEDS})
    sharing = {basis: sum(not _apart(runs, basis) for runs in entries) for basis in full}
    return max(full, key=lambda basis: _preference(basis, sharing[basis]), default=None)


def _preference(basis: Basis, sharing: int) -> tuple[bool, bool, int, int, int]:
    usual = basis.precision == "float32", basis.processes == ONE
    return *usual, sharing, basis.numerics, len(basis.seeds)


def _own(runs: Runs) -> Basis:
    first = runs[0]
    processes = ", ".join(sorted({_processes(run) for run in runs}))
    seeds = tuple(run.seed for run in runs)
    return Basis(first.precision, processes, first.numerics, first.data.arrays, seeds)


def _processes(run: Record) -> str:
    made = run.processes
    return ONE if made is None else f"{made.count} processes by {made.backend}"


def _apart(runs: Runs, basis: Basis | None) -> str:
    """Why a recipe is not ranked; empty where it is."""
    own = _own(runs)
    if len(own.seeds) < FULL_SEEDS or basis is None:
        return f"fewer than {FULL_SEEDS} seeds"
    if own.precision != basis.precision:
        return f"another precision ({own.precision})"
    if own.processes != basis.processes:
        return f"trained by {own.processes}"
    if own.numerics != basis.numerics:
        return f"numerics {own.numerics}, not {basis.numerics}"
    if own.data != basis.data:
        return f"other data ({own.data[:8]})"
    return "" if set(basis.seeds) <= set(own.seeds) else "other seeds"


def _sampled(ranked: Sequence[Runs], scores_of: ScoresOf) -> Sampled | None:
    """None for fewer than two rows, too."""
    placed: list[Placements] = []
    for runs in ranked if len(ranked) > 1 else ():
        scores = [scores_of(run) for run in runs]
        kept = [placements(each) for each in scores if each is not None]
        if len(kept) < len(scores):
            return None
        placed.append(mean_placements(kept))
    auc = np.array([[AUC.of(run) for run in runs] for runs in ranked])
    return sampled(auc, placed) if placed else None


def _detectable(ranked: Sequence[Runs]) -> dict[str, dict[int, float]]:
    """The detectable differences, to the digits in which machines agree."""
    if len(ranked) < 2:
        return {}
    pairs, numbers = comb(len(ranked), 2), sorted({*POWER_SEEDS, len(ranked[0])})
    found: dict[str, dict[int, float]] = {}
    for measure in MEASURES:
        sds = [stdev(measure.of(run) for run in runs) for runs in ranked]
        found[measure.name] = {
            seeds: float(f"{standings.detectable(sds, seeds, pairs):.6g}") for seeds in numbers
        }
    return found
