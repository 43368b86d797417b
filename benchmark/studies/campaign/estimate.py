"""How long runs will take, estimated from records of earlier runs that are like them."""

import heapq
from collections.abc import Sequence
from math import inf, log
from statistics import mean
from typing import TypeVar

from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.measure.cost import outline
from benchmark.recipes.recipe import Recipe
from benchmark.records.record import Record
from benchmark.reports.words import duration

T = TypeVar("T")

START = 2.0
"""Seconds of a run that its record does not time: opening the data, writing, MLflow."""
ROW_FLOPS = 100_000
"""What a row costs besides matrix products, in FLOPs: lookups, elementwise work, the optimizer. A
small model takes no less."""


def seconds(recipe: Recipe, schema: Schema, rows: int, past: Sequence[Record]) -> float | None:
    """The expected seconds of one run on `rows` rows: in proportion to rows and epochs, and to the
    FLOPs of a row with ROW_FLOPS, after START.

    From past runs of the recipe, else of its model on the data set; of these the nearest in FLOPs.
    None without such runs, as other data take other numbers of epochs, or if the model cannot be
    built."""
    digest = recipe.digest()
    here = [run for run in past if run.dataset == recipe.dataset]
    model = [run for run in here if run.recipe["model"]["name"] == recipe.model]
    runs = [run for run in past if run.recipe_digest == digest] or model
    if not runs:
        return None
    try:
        flops = outline(recipe, schema).flops_per_sample
    except UsageError:
        return None
    distances = [abs(log((flops or 1) / (run.flops_per_sample or 1))) for run in runs]
    least, per_row = min(distances), []
    for run, distance in zip(runs, distances, strict=True):
        if distance == least:
            scale = (flops + ROW_FLOPS) / (run.flops_per_sample + ROW_FLOPS)
            run_rows = (run.train_rows or run.data.rows["train"]) * run.curve[-1].epoch
            per_row.append(scale * run.cost.total_seconds / run_rows)
    # Epochs until patience ends, of these runs, else of any on the data set.
    patient = [run for run in runs if run.stopped_by == "patience"]
    whole = patient or [run for run in here if run.stopped_by == "patience"] or runs
    epochs = min(mean(run.curve[-1].epoch for run in whole), recipe.train.epochs)
    return START + mean(per_row) * rows * epochs


def longest_first(times: Sequence[tuple[T, float | None]]) -> list[tuple[T, float | None]]:
    """The order to start in: an unknown length may be the longest."""
    return sorted(times, key=lambda timed: -inf if timed[1] is None else -timed[1])


def makespan(times: Sequence[float], jobs: int) -> float:
    """Seconds until the last of `times` ends, started in their order, `jobs` at once."""
    ends = [0.0] * jobs
    for time in times:
        heapq.heapreplace(ends, ends[0] + time)
    return max(ends)


def in_total(times: Sequence[float | None], jobs: int) -> str:
    """The length of all runs in words; those of unknown length are counted apart."""
    lengths = [time for time in times if time is not None]
    unknown = len(times) - len(lengths)
    total = f"about {duration(makespan(lengths, jobs))} on {jobs} at once" if lengths else ""
    apart = f"{unknown} of unknown length, as no earlier run is like them" if unknown else ""
    return "; ".join(filter(None, (total, apart)))
