"""Small runs that several processes make together, interrupted and gone on with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.data import catalog
from benchmark.distributed.world import World
from benchmark.recipes import recipe as recipes
from benchmark.records import record
from benchmark.runs.job import Job
from benchmark.runs.run import Resumed
from benchmark.runs.session import Session, checkpoint_folder
from benchmark.training.checkpoint import Cadence
from benchmark.training.fit import Stepped
from benchmark.utils.interrupts import Interrupted
from tests import kill_harness

SETTINGS = [
    "train.batch_size=200",
    "train.epochs=2",
    "train.evaluate_every=5",
    "train.learning_rate=1e-4",
]
STEPS = 20

Told = dict[str, Any]


def job(world: World, model: str = "dcnv2") -> Job:
    """Twenty steps, evaluated every five."""
    found, store = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    recipe = recipes.override(recipes.find(model, "synthetic_tiny"), SETTINGS)
    return Job(recipe, found.card, store, 0, threads=1, rows=2000, world=world)


def run(
    world: World,
    results: Path,
    leave_after: int = STEPS,
    every: int = 3,
    watch: Callable[[int], None] | None = None,
) -> Told:
    """Run to the end, or to an interruption after so many steps of the run; what was told, the step
    it went on from, the losses, and the record without its times."""
    told: Told = {"messages": [], "resumed": None, "losses": {}, "record": None}

    def see(event: object) -> None:
        if isinstance(event, Resumed):
            told["resumed"] = event.step
        if isinstance(event, Stepped):
            told["losses"][event.step] = event.loss
            if watch is not None:
                watch(event.step)

    own = job(world)
    session = Session(
        results,
        cadence=Cadence(steps=every),
        watch=see,
        leave=lambda: len(told["losses"]) > 0 and max(told["losses"]) == leave_after < STEPS,
    )
    try:
        made = session.run(own, [], told["messages"].append)
        told["record"] = kill_harness.without_times(record.whole(made))
    except Interrupted as interrupted:
        told["interrupted"] = interrupted.step
    told["checkpoints"] = sorted(path.name for path in checkpoint_folder(own).glob("*"))
    return told
