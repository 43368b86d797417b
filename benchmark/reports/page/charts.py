"""The numbers that the page draws, as JSON values; all else it shows is in its tables."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any

from benchmark.measure.spectrum import SpectrumForm, TableRank
from benchmark.measure.trajectory import Band, over_seeds
from benchmark.records.archive import Runs
from benchmark.records.measured import FORMS
from benchmark.records.ranks import WHEN, bands
from benchmark.records.record import Record
from benchmark.reports.compare.tables import gap
from benchmark.reports.leaderboard.tracks import MEASURES
from benchmark.reports.page.rows import Row
from benchmark.reports.words import derived

MOST_POINTS = 30
"""Evaluations of a learning curve that are drawn; of more, every second, third ... and the best."""
UNIT = 1e-5
"""Of the quality in a learning curve, in which whole numbers take less room."""


def of_row(row: Row) -> dict[str, Any]:
    """What a row's page and the plots of its board show."""
    runs, parameters = row.runs, row.runs[0].parameters
    return {
        "board": row.board.dataset,
        "recipe": row.anchor.partition("/")[2],
        "ranked": row.ranked,
        "parameters": parameters.dense + parameters.head,
        "flops": row.line["flops_per_sample"],
        "seeds": [[run.seed, *(rounded(each.of(run)) for each in MEASURES)] for run in runs],
        "curves": [curve(run) for run in runs],
        "stages": runs[0].stages,
        "ranks": {form: _courses(runs, form) for form in FORMS},
        "tables": _tables(runs),
    }


def pairs(rows: Sequence[Row]) -> dict[str, Any]:
    """The difference of each two rows of one data and numerics version by every measure, with its
    95 % interval by Welch's test, by the anchors of both."""
    found: dict[str, Any] = {}
    for one, other in combinations(rows, 2):
        if _basis(one) == _basis(other):
            found[f"{one.anchor} {other.anchor}"] = [_gap(each.of, one, other) for each in MEASURES]
    return found


def rounded(value: float) -> float:
    """To six significant digits, in which machines agree."""
    return float(f"{value:.6g}")


def _basis(row: Row) -> tuple[str, int]:
    return row.line["data_digest"], row.line["numerics"]


def _gap(of: Callable[[Record], float], one: Row, other: Row) -> list[float] | None:
    difference = gap(list(map(of, one.runs)), list(map(of, other.runs)))
    if difference is None:
        return None
    return [float(f"{x:.3g}") for x in (difference.value, difference.low, difference.high)]


def curve(run: Record) -> dict[str, Any]:
    """The steps, AUCs and LogLosses of the evaluations, these in UNITs."""
    every = -(-len(run.curve) // MOST_POINTS) or 1
    best = {each.step for each in (run.best, run.best_logloss) if each}
    shown = (each for n, each in enumerate(run.curve) if n % every == 0 or each.step in best)
    points = [
        (each.step, round(each.valid.auc / UNIT), round(each.valid.logloss / UNIT))
        for each in shown
    ]
    return {"seed": run.seed, "best": run.best.step, "points": points}


def _courses(runs: Runs, form: SpectrumForm) -> dict[str, Any]:
    """The rank ratio of each stage, mean and sd over the seeds, untrained and trained."""
    courses = {title: bands(runs, form, when).values() for when, title in WHEN.items()}
    return {title: [_band(band) for band in course] for title, course in courses.items()}


def _band(band: Band | None) -> list[float] | None:
    return None if band is None else [float(derived(each)) for each in (band.mean, band.sd or 0.0)]


def _tables(runs: Iterable[Record]) -> list[Any]:
    """By field its name, cardinality, largest possible rank, and mean information abundance with
    each id once and by its count."""
    tabled = [run.tables for run in runs if run.tables]
    return [
        [fields[0].field, fields[0].cardinality, fields[0].limit]
        + [_abundance(getattr(each, weight) for each in fields) for weight in ("plain", "weighted")]
        for fields in zip(*tabled, strict=True)
    ]


def _abundance(ranks: Iterable[TableRank | None]) -> float | None:
    band = over_seeds(None if rank is None else rank.ia for rank in ranks)
    return None if band is None else float(derived(band.mean))
