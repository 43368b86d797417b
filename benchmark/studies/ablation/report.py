"""The ablation's tables: its cells, and the effects of mixing, of the FFN and of both together."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations, product
from pathlib import Path
from statistics import mean
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.measure.effects import Effect, contrast
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_alike
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table, derived, seeds_in_words, with_sd
from benchmark.studies.ablation.design import FACTORS, GRID, LEVELS, VARIED, CellName, folder
from benchmark.studies.campaign.variants import ranks

Cells = dict[CellName, list[Record]]
Values = dict[CellName, list[float]]


@dataclass(frozen=True)
class Measure:
    """A number of a run that is compared, and the digits its tables show."""

    key: str
    title: str
    digits: int
    of: Callable[[Record], float | None]


MEASURES = (
    Measure("auc", "test AUC", 5, lambda run: run.metrics.test.auc),
    Measure("logloss", "test LogLoss", 5, lambda run: run.metrics.test.logloss),
    Measure(
        "rank",
        "erank / limit of the last stage",
        3,
        lambda run: list(ranks(run, "best").values())[-1],
    ),
)


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


def load_cells(results: Path, dataset: str) -> Cells:
    """The records of every cell that has any, in the order of the grid.

    Raises BenchmarkError where they differ in more than mixing, FFN and seed."""
    runs = Archive(results).by_name(dataset, "ablation")
    require_alike(runs, VARIED)
    return {cell: runs[folder(cell)] for cell in GRID if folder(cell) in runs}


def measured(cells: Cells, measure: Measure, least: int = 2) -> Values:
    """The values of a measure in each cell that has `least` of them.

    Raises BenchmarkError where no cell's values vary, so that no interval can be given."""
    values: Values = {}
    for cell, runs in cells.items():
        numbers = [value for run in runs if (value := measure.of(run)) is not None]
        if len(numbers) >= least:
            values[cell] = numbers
    if values and all(len(set(numbers)) == 1 for numbers in values.values()):
        raise BenchmarkError(
            "the seeds of each cell give equal values: there is no variance to judge effects by"
        )
    return values


def difference(values: Values, factor: int, level: str, over: str, unit: str) -> Effect | None:
    """One level of a factor (0 or 1 of FACTORS) less another, averaged over the other factor.

    The average is over the levels of the other factor that both have; None for fewer than two."""

    def cell(name: str, other: str) -> CellName:
        return (name, other) if factor == 0 else (other, name)

    others = [
        other
        for other in LEVELS[1 - factor]
        if values.keys() >= {cell(level, other), cell(over, other)}
    ]
    if len(others) < 2:
        return None
    sides = [values[cell(name, other)] for name in (level, over) for other in others]
    weights = [sign / len(others) for sign in (1, -1) for _ in others]
    return contrast(sides, weights, unit, f"over {FACTORS[1 - factor]} {', '.join(others)}")


def interaction(values: Values, mixing: CellName, ffn: CellName, unit: str) -> Effect | None:
    """By how much two levels of mixing differ more with one level of the FFN than with another.

    None where one of the four cells has no values."""
    corners = list(product(mixing, ffn))
    if not values.keys() >= set(corners):
        return None
    return contrast([values[corner] for corner in corners], [1, -1, -1, 1], unit)


def report(results: Path, dataset: str) -> Report | None:
    """The report of a data set, None without records. Raises BenchmarkError as `load_cells`."""
    cells = load_cells(results, dataset)
    if not cells:
        return None
    first = next(iter(cells.values()))[0]
    tables, effects = [], {}
    for measure in MEASURES:
        table, effects[measure.key] = _effects(cells, measure)
        tables.append(table)
    settings = {
        f"{group}.{key}": value
        for group in ("model", "train")
        for key, value in first.recipe[group].items()
        if f"{group}.{key}" not in VARIED
    }
    numbers = {
        "dataset": dataset,
        "settings": settings,
        "cells": {"/".join(cell): [_numbers(run) for run in runs] for cell, runs in cells.items()},
        "effects": effects,
    }
    remarks = [WHAT, *([f"**{first.caveat}**"] if first.caveat else [])]
    remarks.append(f"Held fixed: {', '.join(f'{key} = {v}' for key, v in settings.items())}.")
    return Report(
        f"Mixing x FFN on {dataset}", (*remarks, EFFECTS), (_table(cells), *tables), numbers
    )


def _numbers(run: Record) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "auc": run.metrics.test.auc,
        "logloss": run.metrics.test.logloss,
        "erank": {"initial": ranks(run, "initial"), "best": ranks(run, "best")},
        "parameters": asdict(run.parameters),
        "flops_per_sample": run.flops_per_sample,
    }


def _table(cells: Cells) -> Table:
    rows, remarks = [], []
    stages = list(ranks(next(iter(cells.values()))[0], "best"))
    for cell, runs in cells.items():
        name, first = "/".join(cell), runs[0]
        paths = [ranks(run, "best") for run in runs]
        rows.append(
            (
                name,
                seeds_in_words([run.seed for run in runs]),
                with_sd([run.metrics.test.auc for run in runs], 5),
                with_sd([run.metrics.test.logloss for run in runs], 5),
                *(_mean([path[stage] for path in paths]) for stage in stages),
                f"{first.parameters.total:,}",
                f"{first.flops_per_sample:,}",
            )
        )
        remarks += [f"{name}: {note}" for note in first.notes]
    head = ("mixing/FFN", "seeds", "test AUC", "LogLoss", *stages, "parameters", "FLOPs/sample")
    title = "Quality, erank / limit after every stage, cost"
    return Table(title, head, tuple(rows), tuple(remarks))


def _mean(values: list[float | None]) -> str:
    numbers = [value for value in values if value is not None]
    return f"{mean(numbers):.3f}" if len(numbers) == len(values) else ""


def _effects(cells: Cells, measure: Measure) -> tuple[Table, dict[str, Any]]:
    """The effects on a measure, as a table and as numbers; or the reason why there are none."""
    title = f"Effects on {measure.title}"
    try:
        effects = dict(_contrasts(measured(cells, measure), measure.title))
    except BenchmarkError as reason:
        return Table(title, remarks=(f"Not analysed: {reason}.",)), {}
    if not effects:
        return Table(
            title,
            remarks=("Not analysed: it takes two levels of each factor and two seeds; run more.",),
        ), {}
    rows = tuple(_row(name, effect, measure.digits) for name, effect in effects.items())
    numbers = {name: (effect.value, effect.low, effect.high) for name, effect in effects.items()}
    return Table(title, ("difference", "estimate", "95 % interval", ""), rows), derived(numbers)


def _contrasts(values: Values, unit: str) -> Iterator[tuple[str, Effect]]:
    """Every difference of two levels, then every interaction, by its name."""
    mixing, ffn = (list(combinations(levels, 2)) for levels in LEVELS)
    for factor, pairs in enumerate((mixing, ffn)):
        for level, over in pairs:
            if (effect := difference(values, factor, level, over, unit)) is not None:
                yield f"{FACTORS[factor]} {level} − {over}", effect
    for first, second in product(mixing, ffn):
        if (effect := interaction(values, first, second, unit)) is not None:
            yield f"({' − '.join(first)}) x ({' − '.join(second)})", effect


def _row(name: str, effect: Effect, digits: int) -> tuple[str, ...]:
    value, low, high = (f"{x:+.{digits}f}" for x in (effect.value, effect.low, effect.high))
    judgement = "" if effect.low <= 0 <= effect.high else "not zero"
    return name, value, f"{low} to {high}", judgement
