"""Run a record's recipe again from the start: the proof that no other check gives."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from statistics import stdev
from typing import Literal

import torch

from benchmark.errors import BenchmarkError, UsageError
from benchmark.records.archive import readable, records_in
from benchmark.records.environment import Environment
from benchmark.records.record import NUMERICS, Record, whole
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run, RunEvent
from benchmark.verify import proof
from benchmark.verify.data import Data, OpenData
from benchmark.verify.recipe import parsed

FEWEST_SEEDS = 3
MOST_SD = 4.0
"""Largest distance of a replay on another machine from the record, in sd of the row's seeds."""


@dataclass(frozen=True)
class Replayed:
    """The comparison of a record with its replay, and what differs."""

    how: Literal["bit for bit", "within 4 sd", "not judged"]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One line; of several faults the first."""
        more = f", and {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
        outcome = f"not {self.how}: {self.faults[0]}{more}" if self.faults else self.how
        return "; ".join((outcome, *self.notes))


def replay(record: Record, path: Path, data: Data, watch: Callable[[RunEvent], None]) -> Replayed:
    """Train the recipe again with the record's seed and threads, without reading or writing any
    checkpoint. Raises BenchmarkError where it cannot be run here."""
    if why := why_not(record, data):
        raise BenchmarkError(f"it cannot be replayed here: {why}")
    assert data.card is not None and data.store is not None
    recipe = replace(parsed(record), name=record.name)
    job = Job(
        recipe, data.card, data.store, record.seed, record.threads, record.device, record.train_rows
    )
    threads = torch.get_num_threads()
    try:
        for event in Run(job):
            watch(event)
    finally:
        torch.set_num_threads(threads)
    assert isinstance(event, Finished)
    beside = (other for _, other in readable(records_in(path.parent)))
    row = [other for other in beside if other.recipe_digest == record.recipe_digest]
    return compare(record, event.record, row)


def why_not(record: Record, data: Data) -> str:
    """The reason why a replay is not possible here; empty where it is."""
    if data.card is None or data.store is None:
        return data.why_not
    if record.numerics != NUMERICS:
        return f"it is of numerics {record.numerics}, today's is {NUMERICS}"
    if record.data != data.store.fingerprint:
        return "its data are not today's"
    if record.device == "cuda" and not torch.cuda.is_available():
        return "it was made on a GPU, and no GPU was found"
    return ""


def compare(record: Record, again: Record, row: Sequence[Record]) -> Replayed:
    """`row` are the recipe's records, over whose seeds a replay on another machine is judged."""
    theirs = _machine(record.environment)
    ours = _machine(again.environment)
    unlike = [name for name in ours if theirs.get(name) != ours[name]]
    notes = []
    if record.environment.source != again.environment.source:
        notes.append("the source differs from the record's, its numerics version does not")
    if not unlike:
        return Replayed("bit for bit", tuple(differences(record, again)), tuple(notes))
    notes.append(f"not the record's {', '.join(unlike)}")
    if len(row) < FEWEST_SEEDS:
        notes.append(f"the row has {len(row)} seeds, and its sd takes {FEWEST_SEEDS}")
        return Replayed("not judged", (), tuple(notes))
    return Replayed("within 4 sd", tuple(_far(record, again, row)), tuple(notes))


def differences(record: Record, again: Record) -> Iterator[str]:
    """Every value that the replay does not give; recipes are compared by their digest."""
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

    keys = {path: f"{seed}:{'/'.join(path.parts[-4:])}".encode() for path in paths}
    return sorted(paths, key=lambda path: hashlib.sha256(keys[path]).hexdigest())[:count]


def _machine(environment: Environment) -> dict[str, str]:
    """The machine and versions, on which the last bits of a run depend."""
    own = {"machine": environment.machine, "python": environment.python}
    return own | dict(sorted(environment.versions.items()))


def _far(record: Record, again: Record, row: Sequence[Record]) -> Iterator[str]:
    for name in ("auc", "logloss"):
        stated, replayed = getattr(record.metrics.test, name), getattr(again.metrics.test, name)
        limit = MOST_SD * stdev(getattr(other.metrics.test, name) for other in row)
        if not abs(replayed - stated) <= limit:
            apart = f"more than {MOST_SD:g} sd ({limit:.2g}) apart"
            yield f"test {name} is {stated}, the replay gives {replayed}: {apart}"
