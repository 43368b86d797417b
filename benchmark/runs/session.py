"""Running a job: events shown, checkpoints kept, record and model written."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data.catalog import cache_folder
from benchmark.records.environment import current
from benchmark.records.record import NUMERICS, Record
from benchmark.runs import saved_model
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Run, RunEvent, save
from benchmark.training.checkpoint import Cadence, Checkpoints
from benchmark.training.fit import Evaluated, Stepped
from benchmark.utils.files import canonical_sha256, require_writable
from benchmark.utils.interrupts import Interrupted, Interrupts
from benchmark.utils.paths import RESULTS
from benchmark.utils.types import Notify

CHECKPOINT_VERSION = 1

Watch = Callable[[RunEvent], None]


@dataclass(frozen=True)
class Session:
    """How jobs are run, whatever they are.

    Example::

        session = Session(Path("results"), track=False, save_model=Path("models"))
        for seed in range(5):
            launch.run_job(replace(job, seed=seed), session)
    """

    results: Path = RESULTS
    """Folder of the records."""
    track: bool = True
    """Log to MLflow."""
    quiet: bool = False
    """Show no progress."""
    fresh: bool = False
    """Start again, ignoring checkpoints."""
    cadence: Cadence = field(default_factory=Cadence)
    save_model: Path | None = None
    """Folder for the best weights."""
    watch: Watch | None = None
    """Called with every event; `Finished` comes after the record is written."""
    leave: Callable[[], bool] | None = None
    """Asked at every step; True ends the run as Ctrl-C does, with a checkpoint written."""

    def run(self, job: Job, views: Sequence[Watch], notify: Notify) -> Record:
        """Run a job from its last checkpoint, if there is one, and write its record and model.

        `views` see every event; `launch.run_job` chooses them by `track` and `quiet`. Raises
        Interrupted, with a checkpoint written, at Ctrl-C, at SIGTERM and when `leave` says so;
        BenchmarkError if another process is running the same job, or a folder is not writable."""
        require_writable(self.results)
        if self.save_model is not None:
            require_writable(self.save_model)
        watchers = [*views, self.watch] if self.watch else views
        checkpoints = Checkpoints(checkpoint_folder(job), _made_by(), current().source, notify)
        with Interrupts() as interrupts, checkpoints.locked() as writable:
            if self.fresh:
                checkpoints.clear()
            run = Run(job, checkpoints.latest())
            try:
                for event in run:
                    if isinstance(event, Finished):
                        self._write(run, event)
                    for watch in watchers:
                        watch(event)
                    interrupts.deferring = isinstance(event, Stepped | Evaluated)
                    if isinstance(event, Stepped | Evaluated):
                        if self.leave is not None and self.leave():
                            interrupts.caught = signal.SIGTERM
                        evaluated = isinstance(event, Evaluated)
                        due = checkpoints.due(self.cadence, event.step, evaluated=evaluated)
                        if writable and (due or interrupts.caught is not None):
                            checkpoints.write(run.checkpoint())
                    interrupts.deliver()
            except Interrupted as interrupted:
                raise Interrupted(interrupted.signum, checkpoints.step) from None
            checkpoints.clear()
        assert isinstance(event, Finished)
        return event.record

    def _write(self, run: Run, finished: Finished) -> None:
        job = run.job
        save(finished, job.path(self.results))
        if self.save_model is not None:
            folder = self.save_model.joinpath(*job.path(Path()).with_suffix("").parts[-3:])
            saved_model.save(run.model, finished.record, job.store, folder)


def checkpoint_folder(job: Job) -> Path:
    """Where the checkpoints of a run lie: what its numbers depend on names the folder."""
    return cache_folder() / ".checkpoints" / canonical_sha256(job.identity())[:16]


def _made_by() -> dict[str, str]:
    environment = current()
    return {
        "checkpoint version": str(CHECKPOINT_VERSION),
        "numerics": str(NUMERICS),
        **{package: environment.versions[package] for package in ("numpy", "torch")},
        "machine": environment.machine,
    }
