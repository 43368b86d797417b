"""The ablation's tables: its cells, and the effects of mixing, of the FFN and of both together."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmark.measure.significance import Effect, contrast
from benchmark.recipes.recipe import dotted
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_alike
from benchmark.records.ranks import When
from benchmark.records.ranks import ranks as ranks_of
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table
from benchmark.reports.words import derived, seeds_in_words, with_sd
from benchmark.studies.ablation import CELLS, LEVELS, VARIED, Ablation

Cells = dict[str, list[Record]]
"""The records of each cell, MIXING-FFN, by seed."""
Values = dict[str, list[float]]
"""The numbers of each cell, MIXING-FFN, over its seeds."""

WHAT = (
    "Made from the records in the folder of this name by `python -m benchmark study ablation`; do"
    " not edit. All cells have the same width and training, each its own number of parameters. Mean"
    " ± sd over seeds. erank / limit is the mean effective rank per sample over its largest"
    " possible value, with the best weights. FLOPs are forward matrix-multiply FLOPs of one sample"
    " (multiply-add = 2; elementwise work counts 0)."
)
EFFECTS = (
    "Effects are differences of two levels, averaged over the levels of the other factor that both"
    " have. (a − b) x (c − d) is by how much a − b is larger with c than with d. The 95 % intervals"
    " are Welch & Satterthwaite's, as the variances of the cells may differ. Each stands by itself:"
    " of many, one in twenty leaves out an effect of zero by chance."
)
NOT_ANALYSED = (
    "Not analysed: it takes two levels of each factor, and two seeds of each cell that differ."
)


def ranks(run: Record, when: When = "best") -> dict[str, float | None]:
    """Mean effective rank over its limit, stage by stage."""
    return ranks_of(run, "erank", "token", when)


@dataclass(frozen=True)
class Measure:
    """A number of a run that is compared, and the digits its tables show."""

    title: str
    digits: int
    of: Callable[[Record], float | None]


MEASURES = {
    "auc": Measure("test AUC", 5, lambda run: run.metrics.test.auc),
    "logloss": Measure("test LogLoss", 5, lambda run: run.metrics.test.logloss),
    "rank": Measure("erank / limit of the last stage", 3, lambda run: [*ranks(run).values()][-1]),
}


def load_cells(results: Path, dataset: str) -> Cells:
    """The records of every cell that has any, in order.

    Raises BenchmarkError where they differ in more than mixing, FFN and seed."""
    runs = Archive(results).by_name(dataset, Ablation.name)
    require_alike(runs, VARIED)
    return {cell: runs[cell] for cell in CELLS if cell in runs}


def cell_values(cells: Cells, measure: Measure, least: int = 2) -> Values:
    """The values of a measure in each cell that has `least` of them.

    Empty where no cell's values vary over its seeds, as no interval can be given then."""
    values: Values = {}
    for cell, runs in cells.items():
        numbers = [value for run in runs if (value := measure.of(run)) is not None]
        if len(numbers) >= least:
            values[cell] = numbers
    return values if any(len(set(numbers)) > 1 for numbers in values.values()) else {}


def difference(values: Values, factor: str, level: str, over: str, unit: str = "") -> Effect | None:
    """A level of a factor less another, averaged over the levels of the other that both have.

    None where these are fewer than two."""
    [(other_factor, levels)] = [item for item in LEVELS.items() if item[0] != factor]
    pairs = {}
    for other in levels:
        form = f"{{}}-{other}" if factor == "mixing" else f"{other}-{{}}"
        pair = form.format(level), form.format(over)
        if values.keys() >= set(pair):
            pairs[other] = pair
    if len(pairs) < 2:
        return None
    cells = [values[cell] for pair in pairs.values() for cell in pair]
    weights = [1 / len(pairs), -1 / len(pairs)] * len(pairs)
    return contrast(cells, weights, unit, f"over {other_factor} {', '.join(pairs)}")


def interaction(values: Values, mixing: tuple[str, str], ffn: tuple[str, str]) -> Effect | None:
    """By how much two levels of mixing differ more with one level of the FFN than with another.

    None where one of the four cells has no values."""
    corners = [f"{first}-{second}" for first in mixing for second in ffn]
    if not values.keys() >= set(corners):
        return None
    return contrast([values[corner] for corner in corners], [1, -1, -1, 1], "")


def report(results: Path, dataset: str) -> Report | None:
    """The report of a data set, None without records. Raises BenchmarkError as `load_cells`."""
    cells = load_cells(results, dataset)
    if not cells:
        return None
    first = next(iter(cells.values()))[0]
    settings = {key: value for key, value in dotted(first.recipe).items() if key not in VARIED}
    fixed = ", ".join(f"{key} = {value}" for key, value in settings.items())
    caveat = [f"**{first.caveat}**"] if first.caveat else []
    effects = {key: _effects(cell_values(cells, measure)) for key, measure in MEASURES.items()}
    tables = [_effects_table(MEASURES[key], each) for key, each in effects.items()]
    intervals = {
        key: {name: (effect.value, effect.low, effect.high) for name, effect in each.items()}
        for key, each in effects.items()
    }
    numbers = {
        "dataset": dataset,
        "settings": settings,
        "cells": {_title(cell): [_numbers(run) for run in runs] for cell, runs in cells.items()},
        "effects": derived(intervals),
    }
    remarks = (WHAT, *caveat, f"Held fixed: {fixed}.", EFFECTS)
    return Report(f"Mixing x FFN on {dataset}", remarks, (_cells_table(cells), *tables), numbers)


def _title(cell: str) -> str:
    return cell.replace("-", "/")


def _numbers(run: Record) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "auc": run.metrics.test.auc,
        "logloss": run.metrics.test.logloss,
        "erank": {"initial": ranks(run, "initial"), "best": ranks(run)},
        "parameters": asdict(run.parameters),
        "flops_per_sample": run.flops_per_sample,
    }


def _cells_table(cells: Cells) -> Table:
    rows, remarks = [], []
    stages = list(ranks(next(iter(cells.values()))[0]))
    for cell, runs in cells.items():
        paths = [ranks(run) for run in runs]
        means = [with_sd([path[stage] for path in paths], 3).split(" ")[0] for stage in stages]
        seeds = seeds_in_words([run.seed for run in runs])
        auc = with_sd([run.metrics.test.auc for run in runs], 5)
        logloss = with_sd([run.metrics.test.logloss for run in runs], 5)
        cost = f"{runs[0].parameters.total:,}", f"{runs[0].flops_per_sample:,}"
        rows.append((_title(cell), seeds, auc, logloss, *means, *cost))
        remarks += [f"{_title(cell)}: {note}" for note in runs[0].notes]
    head = ("mixing/FFN", "seeds", "test AUC", "LogLoss", *stages, "parameters", "FLOPs/sample")
    title = "Quality, erank / limit after every stage, cost"
    return Table(title, head, tuple(rows), tuple(remarks))


def _effects(values: Values) -> dict[str, Effect]:
    """Every difference of two levels, then every interaction, by its name."""
    effects: dict[str, Effect | None] = {}
    for factor, levels in LEVELS.items():
        for a, b in combinations(levels, 2):
            effects[f"{factor} {a} − {b}"] = difference(values, factor, a, b)
    for a, b in combinations(LEVELS["mixing"], 2):
        for c, d in combinations(LEVELS["FFN"], 2):
            effects[f"({a} − {b}) x ({c} − {d})"] = interaction(values, (a, b), (c, d))
    return {name: effect for name, effect in effects.items() if effect is not None}


def _effects_table(measure: Measure, effects: dict[str, Effect]) -> Table:
    rows = []
    for name, effect in effects.items():
        ends = effect.value, effect.low, effect.high
        estimate, low, high = (f"{number:+.{measure.digits}f}" for number in ends)
        judgement = "" if effect.low <= 0 <= effect.high else "not zero"
        rows.append((name, estimate, f"{low} to {high}", judgement))
    title = f"Effects on {measure.title}"
    head = ("difference", "estimate", "95 % interval", "")
    return Table(title, head, tuple(rows)) if rows else Table(title, remarks=(NOT_ANALYSED,))
