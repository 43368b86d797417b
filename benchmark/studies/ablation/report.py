"""The ablation's tables: its cells, what each block does to the rank, and the effects of mixing, of
the FFN and of both together."""

from collections.abc import Mapping
from itertools import combinations

from benchmark.measure.effects import Effect, contrast
from benchmark.measure.significance import ALPHA, holm
from benchmark.recipes.recipe import dotted
from benchmark.records.archive import Archive, Runs
from benchmark.records.comparable import require_alike
from benchmark.records.measured import FORMS
from benchmark.records.ranks import last_ratio
from benchmark.reports.document import Report, Table
from benchmark.reports.quantities import QUANTITIES, Quantity, numbers_of, over_runs
from benchmark.reports.rank import blocks
from benchmark.reports.words import effect_in_words, effect_numbers, seeds_in_words, with_sd
from benchmark.studies.ablation import CELLS, LEVELS, VARIED, Ablation

Values = dict[str, list[float]]
"""The numbers of each cell, MIXING-FFN, over its seeds."""

WHAT = (
    "Made from the records in the folder of this name by `python -m benchmark study ablation`; do"
    " not edit. All cells have the same width and training, each its own number of parameters. Mean"
    " ± sd over seeds, with the best weights; LogLoss at its own best epoch. Retention is the rank"
    " ratio of the last stage over the highest of an earlier one, in batch form. FLOPs are forward"
    " matrix-multiply FLOPs of one sample (multiply-add = 2; elementwise work counts 0)."
)
EFFECTS = (
    "Effects are differences of two levels, averaged over the levels of the other factor that both"
    " have. (a − b) x (c − d) is by how much a − b is larger with c than with d. Intervals are"
    " Welch & Satterthwaite's, as the variances of the cells may differ, 95 % each by itself; an"
    " effect is not zero by Holm at 5 % over its table. What an interval says of a paper's effect"
    " is in the claims."
)
NOT_ANALYSED = (
    "Not analysed: it takes two levels of each factor, and two seeds of each cell that differ."
)


def load_cells(archive: Archive, dataset: str) -> dict[str, Runs]:
    """The records of every cell, MIXING-FFN, that has any, in order.

    Raises BenchmarkError where they differ in more than mixing, FFN and seed."""
    runs = archive.by_name(dataset, Ablation.name)
    require_alike(runs, VARIED)
    return {cell: runs[cell] for cell in CELLS if cell in runs}


def difference(values: Values, factor: str, level: str, over: str) -> Effect | None:
    """A level of a factor less another, averaged over the levels of the other that both have.

    None where these are fewer than two."""
    form = "{0}-{1}" if factor == "mixing" else "{1}-{0}"
    [others] = [levels for name, levels in LEVELS.items() if name != factor]
    pairs = [(form.format(level, other), form.format(over, other)) for other in others]
    shared = [pair for pair in pairs if values.keys() >= set(pair)]
    if len(shared) < 2:
        return None
    weight = 1 / len(shared)
    cells = [values[cell] for pair in shared for cell in pair]
    return contrast(cells, [weight, -weight] * len(shared))


def interaction(values: Values, mixing: tuple[str, str], ffn: tuple[str, str]) -> Effect | None:
    """By how much two levels of mixing differ more with one level of the FFN than with another.

    None where one of the four cells has no values."""
    corners = [f"{first}-{second}" for first in mixing for second in ffn]
    if not values.keys() >= set(corners):
        return None
    return contrast([values[corner] for corner in corners], [1, -1, -1, 1])


def report(archive: Archive, dataset: str) -> Report | None:
    """The report of a data set, None without records. Raises BenchmarkError as `load_cells`."""
    cells = load_cells(archive, dataset)
    if not cells:
        return None
    first = next(iter(cells.values()))[0]
    settings = {key: value for key, value in dotted(first.recipe).items() if key not in VARIED}
    fixed = ", ".join(f"{key} = {value}" for key, value in settings.items())
    effects = {key: _effects(over_runs(cells, quantity)) for key, quantity in QUANTITIES.items()}
    tables = (_effects_table(QUANTITIES[key], each) for key, each in effects.items())
    numbers = {
        "dataset": dataset,
        "settings": settings,
        "cells": {_title(cell): [numbers_of(run) for run in runs] for cell, runs in cells.items()},
        "effects": {
            key: {name: effect_numbers(effect) for name, effect in each.items()}
            for key, each in effects.items()
        },
    }
    caveat = first.caveat and f"**{first.caveat}**"
    remarks = filter(None, (WHAT, caveat, f"Held fixed: {fixed}.", blocks.WHAT, EFFECTS))
    titled = {_title(cell): runs for cell, runs in cells.items()}
    by_block = [blocks.block_by_block(titled, form) for form in reversed(FORMS)]
    all_tables = (_cells_table(cells), *by_block, *tables)
    return Report(f"Mixing x FFN on {dataset}", tuple(remarks), all_tables, numbers)


def _title(cell: str) -> str:
    return cell.replace("-", "/")


def _cells_table(cells: Mapping[str, Runs]) -> Table:
    rows, remarks = [], []
    for cell, runs in cells.items():
        seeds = seeds_in_words([run.seed for run in runs])
        measured = (with_sd([m.of(run) for run in runs], m.digits) for m in QUANTITIES.values())
        token = with_sd([last_ratio(run, "token") for run in runs], 3)
        cost = f"{runs[0].parameters.total:,}", f"{runs[0].flops_per_sample:,}"
        rows.append((_title(cell), seeds, *measured, token, *cost))
        remarks += [f"{_title(cell)}: {note}" for note in runs[0].notes]
    titles = (quantity.title for quantity in QUANTITIES.values())
    last = "rank ratio of the last stage, token form"
    head = ("mixing/FFN", "seeds", *titles, last, "parameters", "FLOPs/sample")
    return Table("Quality, rank in batch form, cost", head, tuple(rows), tuple(remarks))


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


def _effects_table(quantity: Quantity, effects: dict[str, Effect]) -> Table:
    title = f"Effects on {quantity.title}"
    if not effects:
        return Table(title, remarks=(NOT_ANALYSED,))
    rows = []
    adjusted = holm([effect.p for effect in effects.values()])
    for (name, effect), p in zip(effects.items(), adjusted, strict=True):
        words = effect_in_words(effect, f"+z.{quantity.digits}f")
        rows.append((name, words, "not zero" if p <= ALPHA else ""))
    head = ("difference", "estimate (95 % interval)", "")
    return Table(title, head, tuple(rows))
