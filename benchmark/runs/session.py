"""Running a job: events shown, checkpoints kept, record and model written."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.data.catalog import cache_folder
from benchmark.errors import BenchmarkError
from benchmark.records import comparable, record
from benchmark.records.environment import current
from benchmark.records.record import NUMERICS, Record
from benchmark.runs import saved_model
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run, RunEvent
from benchmark.training.checkpoint import Cadence, Checkpoints
from benchmark.training.fit import Evaluated, Stepped
from benchmark.utils.files import canonical_sha256, require_writable
from benchmark.utils.interrupts import Interrupted, Interrupts
from benchmark.utils.paths import RESULTS, shown
from benchmark.utils.types import Notify

CHECKPOINT_VERSION = 3

Watch = Callable[[RunEvent], None]


@dataclass(frozen=True)
class Session:
    """How jobs are run, whatever they are.

    `track` logs to MLflow, `quiet` shows no progress, `fresh` ignores checkpoints, `save_model` is
    the folder for the best weights. `watch` is called with every event, `Finished` after the record
    is written. `leave` is asked at every step; True ends the run as Ctrl-C does, with a checkpoint.
    """

    results: Path = RESULTS
    track: bool = True
    quiet: bool = False
    fresh: bool = False
    cadence: Cadence = field(default_factory=Cadence)
    save_model: Path | None = None
    watch: Watch | None = None
    leave: Callable[[], bool] | None = None

    def run(self, job: Job, views: Sequence[Watch], notify: Notify) -> Record:
        """Run a job from its last checkpoint, if there is one, and write its record and model; of
        several processes the first one writes, and they interrupt together.

        `views` see every event. Raises Interrupted, with a checkpoint written, at Ctrl-C, at
        SIGTERM and when `leave` says so; BenchmarkError if another process is running the same job,
        or a folder is not writable."""
        world = job.world
        if world.is_first:
            require_writable(self.results)
            self.require_model_folder(job)
            for warning in _replacement(job, job.path(self.results)):
                notify(warning)
        watchers = [*views, self.watch] if self.watch else views
        environment = current()
        made_by = {
            "checkpoint version": str(CHECKPOINT_VERSION),
            "numerics": str(NUMERICS),
            "numpy": environment.versions["numpy"],
            "torch": environment.versions["torch"],
            "machine": environment.machine,
        }
        folder = checkpoint_folder(job)
        checkpoints = Checkpoints(folder, made_by, environment.source, notify, world)
        alone = world.size == 1
        with Interrupts(insist=alone) as interrupts, checkpoints.locked() as writable:
            if self.fresh:
                checkpoints.clear()
            # after this the first one has cleared them, and the others may look
            writable = world.largest([not writable]) == [0]
            run = Run(job, checkpoints.latest())
            try:
                for event in run:
                    if isinstance(event, Finished) and world.is_first:
                        record.save(event.record, event.scores, job.path(self.results))
                        if self.save_model is not None:
                            folder = self.save_model / _folder(job)
                            saved_model.save(run.model, event.record, job.store, folder)
                    for watch in watchers:
                        watch(event)
                    interrupts.deferring = isinstance(event, Stepped | Evaluated)
                    if isinstance(event, Stepped | Evaluated):
                        if self.leave is not None and self.leave():
                            interrupts.caught = signal.SIGTERM
                        evaluated = isinstance(event, Evaluated)
                        due = checkpoints.due(self.cadence, event.step, evaluated=evaluated)
                        wanted, signum = world.largest([due, interrupts.caught or 0])
                        interrupts.caught = signum or None
                        if writable and (wanted or signum):
                            checkpoints.write(run.checkpoint())
                    interrupts.deliver()
            except Interrupted as interrupted:
                raise Interrupted(interrupted.signum, checkpoints.step) from None
            checkpoints.clear()
        assert isinstance(event, Finished)
        return event.record

    def require_model_folder(self, job: Job) -> None:
        """Raise BenchmarkError if the model of a job, where one is saved, has no place."""
        if self.save_model is not None:
            require_writable(self.save_model)
            saved_model.require_free(self.save_model / _folder(job))


def _replacement(job: Job, path: Path) -> Iterator[str]:
    """Yield a warning if the run will replace the record of other data."""
    if not path.is_file():
        return
    try:
        kept = record.read(Record, path)
    except BenchmarkError:
        return
    for fault in comparable.data(kept, job.store.fingerprint):
        yield (
            f"warning: this run replaces {shown(path)}, a record of other data: {fault}; to keep"
            " both, stop it and choose another --results"
        )


def checkpoint_folder(job: Job) -> Path:
    """Where the checkpoints of a run lie: what its numbers depend on names the folder."""
    return cache_folder() / ".checkpoints" / canonical_sha256(job.identity())[:16]


def is_interrupted(job: Job) -> bool:
    """Whether there are checkpoints of the run."""
    return any(checkpoint_folder(job).glob("[0-9]*"))


def _folder(job: Job) -> Path:
    """DATASET/NAME/seed-N, below the folder of saved models, also of a run that is kept apart."""
    return Path(*replace(job, apart=False).path(Path()).with_suffix("").parts[-3:])
