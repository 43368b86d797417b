"""How long runs will take, from the records of earlier ones; nothing is said where there is none
that is like them."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log
from pathlib import Path
from statistics import mean

from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.measure.cost import flops_per_sample
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.words import duration
from benchmark.studies.campaign.cells import Planned


@dataclass(frozen=True)
class Past:
    """What an earlier run took: `epochs` is the number it ran, until its patience ended if it is
    `whole`; `seconds` is that of one row in one epoch, on average."""

    dataset: str
    model: str
    digest: str
    epochs: int
    whole: bool
    seconds: float
    flops: int


def past(found: Record) -> Past:
    epochs = found.curve[-1].epoch
    rows = found.train_rows or found.data.rows["train"]
    return Past(
        dataset=found.dataset,
        model=found.recipe["model"]["name"],
        digest=found.recipe_digest,
        epochs=epochs,
        whole=found.stopped_by == "patience",
        seconds=found.cost.total_seconds / (rows * epochs),
        flops=found.flops_per_sample,
    )


def seconds(recipe: Recipe, schema: Schema, rows: int, history: Sequence[Past]) -> float | None:
    """Of one run: from runs of the recipe, else of its model on the data set, else of its model; of
    these from the nearest in FLOPs, in proportion to rows, epochs and FLOPs. None where there are
    none, or the model cannot be built.
    """
    digest = recipe.digest()
    alike: tuple[Callable[[Past], bool], ...] = (
        lambda run: run.digest == digest,
        lambda run: (run.dataset, run.model) == (recipe.dataset, recipe.model),
        lambda run: run.model == recipe.model,
    )
    runs = next((chosen for test in alike if (chosen := [run for run in history if test(run)])), [])
    if not runs:
        return None
    try:
        flops = flops_per_sample(on_meta(recipe, schema).model, schema)
    except UsageError:
        return None
    nearest = min(_distance(flops, run.flops) for run in runs)
    near = [run for run in runs if _distance(flops, run.flops) == nearest]
    each = mean(run.seconds * (flops / run.flops if run.flops else 1.0) for run in near)
    return each * rows * _epochs(recipe, runs, history)


def _distance(flops: int, others: int) -> float:
    return abs(log((flops or 1) / (others or 1)))


def _epochs(recipe: Recipe, runs: Sequence[Past], history: Sequence[Past]) -> float:
    """Those until patience ends: of runs like it, else of any on the data set; at most those
    allowed."""
    whole = [run.epochs for run in runs if run.whole]
    whole = whole or [run.epochs for run in history if run.whole and run.dataset == recipe.dataset]
    return min(mean(whole or [run.epochs for run in runs]), recipe.train.epochs)


def history(results: Path) -> list[Past]:
    """Every earlier run below `results` whose record can be read, ranked or of a study."""
    return [past(run) for run in Archive(results).readable()]


def longest_first(
    times: Sequence[tuple[Planned, float | None]],
) -> list[tuple[Planned, float | None]]:
    """In the order of their start: those of unknown length may be the longest."""
    return sorted(times, key=lambda timed: -inf if timed[1] is None else -timed[1])


def makespan(times: Sequence[float], jobs: int) -> float:
    """Seconds until the last of `times` is over, started in their order on `jobs` at once."""
    ends = [0.0] * jobs
    for time in times:
        heapq.heapreplace(ends, ends[0] + time)
    return max(ends)


def in_total(times: Sequence[float | None], jobs: int) -> str:
    """The plan's length in words; runs of unknown length are counted apart."""
    known = [time for time in times if time is not None]
    unknown = len(times) - len(known)
    said = f"about {duration(makespan(known, jobs))} on {jobs} at once" if known else ""
    apart = f"{unknown} of unknown length, as no earlier run is like them" if unknown else ""
    return "; ".join(filter(None, (said, apart)))
