"""What the ablation's records show: a table of cells, and the effects of mixing, FFN and both
together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import dotted
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_alike
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table
from benchmark.reports.words import seeds_in_words, with_sd
from benchmark.studies.ablation.design import FFN, GRID, MIXING, STUDY, VARIED, folder
from benchmark.studies.ablation.factorial import Effect, Factorial, Name, analyse
from benchmark.studies.campaign.variants import ranks

FACTORS = ("mixing", "FFN")
DOUBTFUL_RATIO = 3.0
"""Of the sd of two cells: from here on the pooled intervals are called doubtful."""

Cells = dict[Name, list[Record]]


@dataclass(frozen=True)
class Measure:
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


def cells(results: Path, dataset: str) -> Cells:
    """The records of every cell that has any, in the order of the grid. Raises BenchmarkError for
    records that are no one study."""
    runs = Archive(results).by_name(dataset, STUDY)
    require_alike(runs, VARIED)
    return {cell: runs[folder(cell)] for cell in GRID if folder(cell) in runs}


def report(results: Path, dataset: str) -> Report | None:
    """From the records alone; None where there is none. Raises BenchmarkError for records that are
    no one study."""
    there = cells(results, dataset)
    if not there:
        return None
    first = next(iter(there.values()))[0]
    settings = _settings(first)
    analyses = [analysis(there, measure) for measure in MEASURES]
    return Report(
        f"Mixing x FFN on {dataset}",
        tuple(_remarks(first, settings)),
        (_table(there), *(_section(*each) for each in zip(MEASURES, analyses, strict=True))),
        {
            "dataset": dataset,
            "settings": settings,
            "cells": {
                "/".join(cell): [_numbers(run) for run in each] for cell, each in there.items()
            },
            "analyses": {
                measure.key: asdict(each) if isinstance(each, Factorial) else each
                for measure, each in zip(MEASURES, analyses, strict=True)
            },
        },
    )


def _settings(run: Record) -> dict[str, Any]:
    return {key: value for key, value in dotted(run.recipe).items() if key not in VARIED}


def _remarks(first: Record, settings: dict[str, Any]) -> Iterator[str]:
    yield (
        "Made from the records in the folder of this name by `python -m benchmark ablate`; do not"
        " edit. All cells have the same width and training, each its own number of parameters. Mean"
        " ± sd over seeds. erank / limit is the mean effective rank per sample over its largest"
        " possible value, with the best weights. FLOPs are forward matrix-multiply FLOPs of one"
        " sample (multiply-add = 2; elementwise work counts 0)."
    )
    if first.caveat:
        yield f"**{first.caveat}**"
    yield "Held fixed: " + ", ".join(f"{key} = {value}" for key, value in settings.items()) + "."


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
    stages = list(ranks(next(iter(cells.values()))[0], "best"))
    rows = []
    for cell, runs in cells.items():
        paths = [ranks(run, "best") for run in runs]
        rows.append(
            (
                "/".join(cell),
                seeds_in_words([run.seed for run in runs]),
                with_sd([run.metrics.test.auc for run in runs], 5),
                with_sd([run.metrics.test.logloss for run in runs], 5),
                *(_mean([path[stage] for path in paths]) for stage in stages),
                f"{runs[0].parameters.total:,}",
                f"{runs[0].flops_per_sample:,}",
            )
        )
    head = ("mixing/FFN", "seeds", "test AUC", "LogLoss", *stages, "parameters", "FLOPs/sample")
    notes = tuple(
        f"{'/'.join(cell)}: {note}" for cell, runs in cells.items() for note in runs[0].notes
    )
    return Table("Quality, erank / limit after every stage, cost", head, tuple(rows), notes)


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):.3f}" if len(known) == len(values) else ""


def analysis(cells: Cells, measure: Measure) -> Factorial | str:
    """The analysis, or why there is none."""
    values = {cell: {run.seed: measure.of(run) for run in runs} for cell, runs in cells.items()}
    known = {
        cell: {seed: value for seed, value in runs.items() if value is not None}
        for cell, runs in values.items()
    }
    try:
        return analyse(known, FACTORS, (MIXING, FFN))
    except BenchmarkError as refusal:
        return str(refusal)


def _section(measure: Measure, found: Factorial | str) -> Table:
    title = f"Effects on {measure.title}"
    if isinstance(found, str):
        return Table(title, remarks=(f"Not analysed: {found}.",))
    rows = [
        *(
            _effect(f"{factor} {effect.of[0]}", effect, measure)
            for factor, effects in zip(FACTORS, found.main, strict=True)
            for effect in effects
        ),
        *(_effect("/".join(effect.of), effect, measure) for effect in found.interaction),
    ]
    return Table(
        title,
        ("effect of", "estimate", "95 % interval", ""),
        tuple(rows),
        tuple(_judgement(found, measure)),
    )


def _effect(name: str, effect: Effect, measure: Measure) -> tuple[str, ...]:
    low, high = effect.estimate - effect.half_width, effect.estimate + effect.half_width
    form = f"{{:+.{measure.digits}f}}"
    interval = f"{form.format(low)} to {form.format(high)}"
    return name, form.format(effect.estimate), interval, "not zero" if effect.differs else ""


def _judgement(found: Factorial, measure: Measure) -> Iterator[str]:
    mixing, ffn = found.levels
    yield (
        f"Two-way analysis of variance, {len(mixing)} x {len(ffn)} cells, seeds"
        f" {seeds_in_words(found.seeds)}, grand mean {found.mean:.{measure.digits}f}, sd within"
        f" cells {found.residual_sd:.{measure.digits + 1}f} ({found.residual_df} degrees of"
        " freedom). Main effects are differences from the grand mean, averaged over the other"
        " factor; those of a pair are what is left of its mean after both main effects."
    )
    for test in found.tests:
        yield (
            f"F test of {test.source}: F({test.df}, {found.residual_df}) = {test.f:.2f}, p ="
            f" {test.p:.2g}, {100 * test.share:.0f} % of the sum of squares."
        )
    yield (
        "Each interval is a 95 % one by itself: of many, one in twenty leaves out an effect of zero"
        " by chance."
    )
    if found.sd_ratio is not None:
        doubt = "are in doubt" if found.sd_ratio >= DOUBTFUL_RATIO else "rest on that"
        yield (
            "The intervals take all cells to vary alike. The largest sd of a cell is"
            f" {found.sd_ratio:.1f} times the smallest (Bartlett's test of equal variances: p ="
            f" {found.bartlett_p:.2g}); intervals and F tests {doubt}."
        )
    yield from (f"Left out: {what}." for what in found.left_out)
