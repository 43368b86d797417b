"""Run a record's recipe again from the start: the proof that no other check gives."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Literal

import torch

from benchmark.errors import BenchmarkError, UsageError
from benchmark.records.archive import Archive, Place, Runs, readable, records_in
from benchmark.records.environment import Environment
from benchmark.records.record import NUMERICS, Record, whole
from benchmark.records.tuning import TUNING_SEED
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run, RunEvent
from benchmark.verify import proof
from benchmark.verify.data import Data, OpenData
from benchmark.verify.recipe import parsed

MOST_SD = 4.0
"""Largest distance of a replay from the record, in the sd of seeds that the board shows."""
FEWEST = 5
"""Degrees of freedom of that sd."""
METRICS: dict[str, Callable[[Record], float]] = {
    "AUC": lambda run: run.metrics.test.auc,
    "LogLoss": lambda run: run.metrics.calibrated.logloss,
}

Watch = Callable[[RunEvent], None]


@dataclass(frozen=True)
class Replayed:
    """The comparison of a record, or of its row, with runs made again, and what differs."""

    how: Literal["bit for bit", "within 4 sd", "judged"]
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One line; of several faults the first."""
        more = f", and {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
        outcome = f"not {self.how}: {self.faults[0]}{more}" if self.faults else self.how
        return "; ".join((outcome, *self.notes))


def replay(record: Record, path: Path, data: Data, watch: Watch) -> Replayed:
    """Train the recipe again with the record's seed and threads, without reading or writing any
    checkpoint. Raises BenchmarkError where it cannot be run here."""
    again = _run(record, record.seed, data, watch)
    return compare(record, again, other_rows(record, path))


def fresh(
    record: Record, path: Path, data: Data, watch: Watch, *, count: int, draw: int
) -> Replayed:
    """Train the recipe with `count` seeds that the record's row does not have, drawn by the
    reviewer's number `draw`, and compare the means. Raises BenchmarkError as `replay`."""
    beside = (other for _, other in readable(records_in(path.parent)))
    row = [other for other in beside if other.recipe_digest == record.recipe_digest]
    seeds = fresh_seeds(record, {other.seed for other in row}, count, draw)
    runs = [_run(record, seed, data, watch) for seed in seeds]
    note = f"seeds {', '.join(map(str, seeds))} against the row's {len(row)}"
    return replace(compare_means(row, runs, other_rows(record, path)), notes=(note,))


def fresh_seeds(record: Record, taken: Container[int], count: int, draw: int) -> list[int]:
    """Seeds that follow from the scores handed in and from a number that came later."""
    free = [seed for seed in range(TUNING_SEED) if seed not in taken]
    return sorted(free, key=lambda seed: _drawn(draw, f"{record.digests.scores}/{seed}"))[:count]


def other_rows(record: Record, path: Path) -> list[list[Record]]:
    """The runs of each other ranked recipe on the same rows: the submitter's own seeds set no
    tolerance."""
    place = Place.of(path)
    rows: dict[str, list[Record]] = defaultdict(list)
    for _, other in readable(Archive(place.results).paths(record.dataset) if place else []):
        same = (other.data.arrays, other.numerics) == (record.data.arrays, record.numerics)
        if same and other.recipe_digest != record.recipe_digest:
            rows[other.recipe_digest].append(other)
    return list(rows.values())


def _run(record: Record, seed: int, data: Data, watch: Watch) -> Record:
    if why := why_not(record, data):
        raise BenchmarkError(f"it cannot be replayed here: {why}")
    assert data.card is not None and data.store is not None
    recipe = replace(parsed(record), name=record.name)
    job = Job(recipe, data.card, data.store, seed, record.threads, record.device, record.train_rows)
    threads = torch.get_num_threads()
    try:
        for event in Run(job):
            watch(event)
    finally:
        torch.set_num_threads(threads)
    assert isinstance(event, Finished)
    return event.record


def why_not(record: Record, data: Data) -> str:
    """The reason why a replay is not possible here; empty where it is."""
    if data.card is None or data.store is None:
        return data.why_not
    if record.numerics != NUMERICS:
        return f"it is of numerics {record.numerics}, today's is {NUMERICS}"
    if record.data != data.store.fingerprint:
        return "its data are not today's"
    if record.processes is not None:
        return f"it was made by {record.shared_by} processes, which torchrun starts"
    if record.device == "cuda" and not torch.cuda.is_available():
        return "it was made on a GPU, and no GPU was found"
    return ""


def compare(record: Record, again: Record, others: Sequence[Runs]) -> Replayed:
    """`others` are the rows over whose seeds a replay on another machine is judged."""
    theirs = _machine(record.environment)
    ours = _machine(again.environment)
    ours["machine"] = again.environment.like(theirs["machine"])
    unlike = [name for name in ours if theirs.get(name) != ours[name]]
    notes = []
    if record.environment.source != again.environment.source:
        notes.append("the source differs from the record's, its numerics version does not")
    if not unlike:
        return Replayed("bit for bit", tuple(differences(record, again)), tuple(notes))
    notes.append(f"not the record's {', '.join(unlike)}")
    return replace(_judged([record], [again], others, MOST_SD), notes=tuple(notes))


def compare_means(row: Runs, runs: Runs, others: Sequence[Runs]) -> Replayed:
    """A row against runs of seeds that its submitter did not choose, which the sd is taken of
    too."""
    return _judged(row, runs, [*others, runs], MOST_SD * sqrt(1 / len(row) + 1 / len(runs)))


def _judged(stated: Runs, again: Runs, rows: Sequence[Runs], sds: float) -> Replayed:
    """Whether two means lie within so many pooled sd of the seeds of rows."""
    freedom = sum(len(row) - 1 for row in rows)
    if freedom < FEWEST:
        why = f"the sd of the other recipes' seeds has {freedom} degrees of freedom, it takes"
        why += f" {FEWEST}: replay it on its own machine, or run more --fresh-seeds"
        return Replayed("judged", (why,))
    faults = []
    for name, metric in METRICS.items():
        own, other = (mean(map(metric, runs)) for runs in (stated, again))
        limit = sds * pooled_sd([list(map(metric, row)) for row in rows])
        if not abs(own - other) <= limit:
            apart = f"more than {MOST_SD:g} sd ({limit:.2g}) apart"
            faults.append(f"test {name} is {own}, the replay gives {other}: {apart}")
    return Replayed("within 4 sd", tuple(faults))


def pooled_sd(rows: Sequence[Sequence[float]]) -> float:
    """The sd within rows, one of them of two or more."""
    squares = sum((value - mean(row)) ** 2 for row in rows for value in row)
    return sqrt(squares / sum(len(row) - 1 for row in rows))


def differences(record: Record, again: Record) -> Iterator[str]:
    """Every value that the replay does not give; recipes are compared by their digest."""
    if not record.warnings:  # an older record states none
        again = again.model_copy(update={"warnings": ()})
    for one, other in zip_longest(*(proof.leaves(whole(each)) for each in (record, again))):
        if one is None or other is None or one[1] != other[1]:
            yield f"{(one or other)[1]} stands in one alone"
            return
        if one[2] != other[2] and proof.of(one[0]) != "reported":
            yield f"{one[1]} is {one[2]}, the replay gives {other[2]}"


def possible(paths: Sequence[Path], open_data: OpenData) -> list[Path]:
    """The records that can be run again here."""
    runnable = []
    for path, record in readable(paths):
        with suppress(BenchmarkError):
            if not why_not(record, open_data(record.dataset)):
                runnable.append(path)
    return runnable


def sample(paths: Sequence[Path], count: int, seed: int) -> list[Path]:
    """Draw up to `count` paths in the order of SHA-256 of seed and place, wherever the results lie.
    Raises UsageError without any path."""
    if not paths:
        raise UsageError("--replay-sample: there is no record that can be replayed here")
    return sorted(paths, key=lambda path: _drawn(seed, "/".join(path.parts[-4:])))[:count]


def _drawn(seed: int, name: str) -> str:
    """The place of a name in a draw, as text to sort by."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _machine(environment: Environment) -> dict[str, str]:
    """The machine and versions, on which the last bits of a run depend."""
    own = {"machine": environment.machine, "python": environment.python}
    return own | dict(sorted(environment.versions.items()))
