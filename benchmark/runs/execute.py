"""One run carried out: its events shown, its checkpoints and its record written."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.data.catalog import cache_folder
from benchmark.records.archive import record_key
from benchmark.records.environment import current
from benchmark.records.record import NUMERICS, Record
from benchmark.runs import saved_model
from benchmark.runs.run import Finished, Job, Run, RunEvent, save
from benchmark.training.checkpoint import Cadence, Checkpoints
from benchmark.training.fit import Evaluated, Stepped
from benchmark.utils.files import canonical_sha256
from benchmark.utils.interrupts import Interrupted, Interrupts
from benchmark.utils.types import Notify

CHECKPOINT_VERSION = 1

Watch = Callable[[RunEvent], None]
Leave = Callable[[], bool]


def execute(
    job: Job,
    results: Path,
    watchers: Sequence[Watch] = (),
    *,
    notify: Notify,
    cadence: Cadence,
    fresh: bool = False,
    save_model: Path | None = None,
    leave: Leave | None = None,
) -> Record:
    """Runs a job, from its last checkpoint where there is one and it is not to be `fresh`, and
    writes what it finds.

    Watchers see `Finished` when the record is written. `save_model` is the folder of the best
    weights. Raises Interrupted, with a checkpoint written, at Ctrl-C, at SIGTERM and where `leave`
    says so. Raises BenchmarkError where another process is at the same run."""
    checkpoints = Checkpoints(checkpoint_folder(job), _made_by(), current().source, notify)
    with Interrupts() as interrupts, checkpoints.locked() as usable:
        if fresh:
            checkpoints.clear()
        run = Run(job, checkpoints.latest())
        try:
            for event in run:
                if isinstance(event, Finished):
                    save(event, job.path(results))
                    if save_model is not None:
                        saved_model.save(
                            run.model, event.record, job.store, _model_folder(job, save_model)
                        )
                for watch in watchers:
                    watch(event)
                interrupts.deferring = isinstance(event, Stepped | Evaluated)
                if interrupts.deferring and leave is not None and leave():
                    interrupts.caught = signal.SIGTERM
                leaving = interrupts.caught is not None
                if usable and _is_due(event, checkpoints, cadence, leaving=leaving):
                    checkpoints.write(run.checkpoint())
                interrupts.deliver()
        except Interrupted as interrupted:
            raise Interrupted(interrupted.signum, checkpoints.step) from None
        checkpoints.clear()
    assert isinstance(event, Finished)
    return event.record


def _is_due(event: RunEvent, checkpoints: Checkpoints, cadence: Cadence, *, leaving: bool) -> bool:
    if not isinstance(event, Stepped | Evaluated):
        return False
    evaluated = isinstance(event, Evaluated)
    return leaving or cadence.due(
        event.step, evaluated=evaluated, seconds=checkpoints.age, cost=checkpoints.cost
    )


def checkpoint_folder(job: Job) -> Path:
    """Where the checkpoints of a run lie: what its numbers depend on names the folder."""
    return cache_folder() / ".checkpoints" / canonical_sha256(job.identity())[:16]


def _model_folder(job: Job, folder: Path) -> Path:
    """<folder>/<data set>/<recipe, or model with digest>/seed-<n>: named as the record is."""
    return folder / record_key(job.path(Path()))


def _made_by() -> dict[str, str]:
    environment = current()
    return {
        "checkpoint version": str(CHECKPOINT_VERSION),
        "numerics": str(NUMERICS),
        **{package: environment.versions[package] for package in ("numpy", "torch")},
        "machine": environment.machine,
    }
