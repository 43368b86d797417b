"""A job: what to run, and the parts that its run starts from."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import torch

from benchmark.data.card import Card
from benchmark.data.schema import Split
from benchmark.data.store import Store
from benchmark.distributed.world import ALONE, World
from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes.precision import set_precision
from benchmark.recipes.recipe import Built, Recipe
from benchmark.records.archive import adhoc_place, ranked_place, record_file
from benchmark.utils import torchrun
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.types import Device


@dataclass(frozen=True)
class Job:
    """What to run. `rows` limits the training split to its first rows and makes the run ad hoc, and
    so does `apart`, which keeps a committed recipe's run beside the record that is there; `place`
    is the folder of a study's record, below the results folder; `world` are the processes that
    train together."""

    recipe: Recipe
    card: Card
    store: Store
    seed: int
    threads: int
    device: Device = "cpu"
    rows: int | None = None
    place: PurePath | None = None
    apart: bool = False
    world: World = ALONE

    @property
    def name(self) -> str | None:
        """The committed recipe's name; None for an ad hoc run."""
        return None if self.apart or self.rows is not None else self.recipe.name

    def identity(self) -> dict[str, Any]:
        """What the numbers of the run depend on, versions aside."""
        return {
            "recipe": self.recipe.digest(),
            "data": asdict(self.store.fingerprint),
            "seed": self.seed,
            "rows": self.rows,
            "threads": self.threads,
            "device": self.device,
        }

    def path(self, results: Path) -> Path:
        """Path of the record: only an unaltered committed recipe is ranked."""
        recipe, place = self.recipe, self.place
        if place is None and self.name is not None:
            place = ranked_place(recipe.dataset, self.name)
        elif place is None:
            data = self.store.fingerprint.arrays
            place = adhoc_place(recipe.dataset, recipe.model, recipe.digest(), data, self.rows)
        return results / place / record_file(self.seed)


def require_device(device: Device) -> None:
    """Raise BenchmarkError for a missing GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        raise BenchmarkError("--device cuda: no GPU was found; use --device cpu")


def open_device(job: Job) -> torch.device:
    """The job's device, with its threads and precision set. Raises BenchmarkError for a missing GPU
    and UsageError for a precision that the device lacks."""
    require_device(job.device)
    device = torch.device(job.device)
    if device.type == "cuda" and job.world.size > 1:
        device = torch.device("cuda", torchrun.local_rank())
    set_precision(job.recipe.train.precision, device)
    keep_freed_memory()
    torch.set_num_threads(job.threads)
    return device


def seeded_model(job: Job, device: torch.device) -> Built:
    """The untrained model, whose weights follow from the seed, by torch's generator."""
    torch.manual_seed(job.seed)
    built = job.recipe.build(job.store.schema)
    return replace(built, model=built.model.to(device))


def steps_per_epoch(recipe: Recipe, rows: int) -> int:
    """Raises UsageError if the run would end before its first evaluation."""
    steps = -(-rows // recipe.train.batch_size)
    if (recipe.train.evaluate_every or 1) > recipe.train.epochs * steps:
        raise UsageError(
            f"{recipe.id}: train.evaluate_every = {recipe.train.evaluate_every} is more than the "
            f"{recipe.train.epochs * steps} steps of the run"
        )
    return steps


def first_rows(split: Split, rows: int | None) -> Split:
    if rows is None:
        return split
    if rows > len(split):
        raise UsageError(f"--rows {rows}: there are only {len(split)} training rows")
    first = Split(
        split.dense[:rows],
        split.sparse[:rows],
        split.label[:rows],
        None if split.group is None else split.group[:rows],
    )
    if not 0 < first.positives < len(first):
        raise UsageError(f"--rows {rows}: these training rows hold a single class; take more")
    return first
