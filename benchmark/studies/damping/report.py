"""The tables of the damping study: rise, fall and amplitude of the rank, block by block."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.measure.trajectory import Trajectory, summarise
from benchmark.records.archive import Archive
from benchmark.records.comparable import require_alike
from benchmark.records.ranks import WHEN, ranks
from benchmark.records.record import Record
from benchmark.reports.document import Report, Table
from benchmark.reports.words import seeds_in_words, with_sd

WHAT = (
    "Made from the records in the folder of this name by `python -m benchmark study damping`; do"
    " not edit. Rank is the mean effective rank per sample over its largest possible value. In"
    " block l, rise is what the mixing adds to it and fall what the FFN adds; the amplitude is"
    " (rise - fall) / 2, signed. Mean ± sd over seeds. Damping is the slope of ln amplitude over l"
    " of each seed, where all its amplitudes are above 0: below 0 the oscillation dies down."
)
PARTS = ("rise", "fall", "amplitude")


def report(results: Path, dataset: str) -> Report | None:
    """A table for each variant, None without records.

    Raises BenchmarkError for records of a variant that differ in more than their seed."""
    variants = Archive(results).by_name(dataset, "damping")
    if not variants:
        return None
    caveat = next(iter(variants.values()))[0].caveat
    numbers = {name: [_numbers(run) for run in runs] for name, runs in variants.items()}
    return Report(
        f"Damping on {dataset}",
        (WHAT, f"**{caveat}**") if caveat else (WHAT,),
        tuple(_table(name, runs) for name, runs in variants.items()),
        {"dataset": dataset, "variants": numbers},
    )


def _paths(run: Record) -> dict[str, Trajectory]:
    """The trajectories of the effective rank, untrained and trained."""
    return {title: summarise(ranks(run, "erank", "token", when)) for when, title in WHEN.items()}


def _table(name: str, runs: Sequence[Record]) -> Table:
    require_alike({name: list(runs)}, ())
    by_run = [_paths(run) for run in runs]
    paths = {title: [each[title] for each in by_run] for title in WHEN.values()}
    head = ("block", *(f"{part}, {title}" for title in paths for part in PARTS))
    rows = []
    for block in range(min(len(path.amplitude) for each in paths.values() for path in each)):
        cells = [
            with_sd([getattr(path, part)[block] for path in each], 4)
            for each in paths.values()
            for part in PARTS
        ]
        rows.append((str(block + 1), *cells))
    seeds = seeds_in_words([run.seed for run in runs])
    auc = with_sd([run.metrics.test.auc for run in runs], 5)
    remarks = [_damping(title, each) for title, each in paths.items()]
    return Table(name, head, tuple(rows), (f"Seeds {seeds}; test AUC {auc}.", *remarks))


def _damping(title: str, paths: Sequence[Trajectory]) -> str:
    slopes = [path.damping for path in paths if path.damping is not None]
    text = f"{title.capitalize()}: {len(slopes)} of {len(paths)} seeds have all amplitudes above 0"
    if slopes:
        text += f", damping {with_sd(slopes, 3)}"
    if collapse := with_sd([path.collapse for path in paths], 3):
        text += f"; last stage over tokens {collapse}"
    return f"{text}."


def _numbers(run: Record) -> dict[str, Any]:
    test = run.metrics.test
    paths = {title: asdict(path) for title, path in _paths(run).items()}
    return {"seed": run.seed, "auc": test.auc, "logloss": test.logloss, **paths}
