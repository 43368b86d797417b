"""The trials of a study: kept in its JSON, which alone says what ended, and shared among processes.

A proposal depends only on the study's seed, the trial's number and the trials that ended before, so
an interrupted study goes on as if it had not been interrupted."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout

from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import tuning
from benchmark.records.environment import current
from benchmark.records.record import write
from benchmark.records.tuning import Ended, Trial, Tuning
from benchmark.studies.tuning import proposals
from benchmark.studies.tuning.plan import Plan
from benchmark.utils.files import locked, require_writable, write_text
from benchmark.utils.paths import shown
from benchmark.utils.types import Notify

PATIENCE = 5.0
"""Seconds of waiting for another process before it is named."""
MOST_DEATHS = 2
DIED = f"its process died {MOST_DEATHS} times: killed for lack of memory?"


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: its metric, the training rows that it passed, and the reason."""

    state: Ended
    metric: float | None = None
    rows: int = 0
    reason: str = ""


@dataclass
class OpenTrial:
    """A running trial of this process, which holds its `lock` until it ends; `begun` is a file with
    a line for each process that began it, left behind by those that died."""

    number: int
    proposal: optuna.Trial
    lock: FileLock
    begun: Path
    started: str
    curve: list[float] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        return self.proposal.params

    def report(self, value: float) -> bool:
        """Keep the objective at the next evaluation; True if the trial should end there."""
        self.curve.append(value)
        best = proposals.best_so_far(self.curve, self.proposal.study.direction)[-1]
        self.proposal.report(best, len(self.curve))
        return self.proposal.should_prune()

    def release(self) -> None:
        """Let any process begin the trial again, unless its end is stored."""
        self.begun.unlink(missing_ok=True)
        self.lock.release()


class Trials:
    """The trials of a plan, shared with other processes through locks beside the study's JSON; the
    system frees the locks of a process that dies. `notify` is told what a person may wonder at.

    Raises UsageError for a study with other settings, BenchmarkError for a JSON that cannot be read
    or written.

    Example::

        trials = Trials(plan, store)
        while (open_trial := trials.ask(30)) is not None:
            trials.end(open_trial, Outcome("complete", auc, rows), seconds)
        trials.conclude().best
    """

    def __init__(self, plan: Plan, store: Store, notify: Notify = lambda _: None) -> None:
        self.plan, self._notify = plan, notify
        self._identity = plan.identity(store)
        self._folder = plan.path.with_suffix(".locks")
        require_writable(self._folder)
        with self.lock("study"):
            if plan.path.exists():
                self._same_study()
                return
            for begun in self._begun():
                if not self._runs(begun):
                    begun.unlink()
            self._save(())

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that the processes of the study share; who holds it is told to those that
        wait long. Raises BenchmarkError for files of locks that cannot be opened."""
        holder = self._folder / f"{name}.holder"

        def tell() -> None:
            who = ", ".join(_processes(holder)) or "another process"
            self._notify(f"waiting for {who} to free {shown(holder.with_suffix('.lock'))}")

        try:
            with locked(holder.with_suffix(".lock"), tell, PATIENCE):
                write_text(holder, _this_process())
                yield
        except OSError as error:
            remedy = f"make it yours, or remove {shown(self._folder)} when no process tunes"
            raise BenchmarkError(f"{error.filename}: {error.strerror}; {remedy}") from None

    def study(self) -> Tuning:
        """The study so far."""
        return tuning.load(self.plan.path)

    def running(self) -> dict[int, str]:
        """The trials under way and the process of each."""
        who = {path: _processes(path) for path in self._begun() if self._runs(path)}
        return {int(path.stem): processes[-1] for path, processes in who.items() if processes}

    def ask(self, budget: int) -> OpenTrial | None:
        """The next trial, an abandoned one first; None once `budget` have finished or are running,
        and if nothing new is proposed.

        Only complete and pruned trials have finished."""
        with self.lock("study"):
            while True:
                study, running = self._same_study(), self.running()
                if len(study.finished) + len(running) >= budget:
                    return None
                taken = {*running, *(trial.number for trial in study.trials)}
                number = next(number for number in count() if number not in taken)
                proposal = proposals.propose(self.plan, study.trials, number, self._notify)
                if proposal is None:
                    self._notify("nothing new was proposed: the study ends before its budget")
                    return None
                open_trial, died = self._open(number, proposal)
                if len(died) < MOST_DEATHS:
                    return open_trial
                self._store(open_trial, Outcome("failed", reason=DIED), 0.0)

    def end(self, open_trial: OpenTrial, outcome: Outcome, seconds: float) -> Trial:
        """Store how a trial ended, in the study's JSON."""
        with self.lock("study"):
            return self._store(open_trial, outcome, seconds)

    def conclude(self) -> Tuning:
        """Store the importances of what was varied, if enough trials are complete."""
        with self.lock("study"):
            study = self._same_study()
            shares = proposals.importances(self.plan, study.trials)
            study = study.model_copy(update={"importances": shares})
            write(study, self.plan.path)
            return study

    def _same_study(self) -> Tuning:
        study = self.study()
        stated = study.model_dump(mode="json")
        own = json.loads(json.dumps(self._identity))
        if differing := [key for key in own if stated[key] != own[key]]:
            raise UsageError(
                f"the study {self.plan.base.dataset}/{self.plan.name} was begun with another"
                f" {', '.join(differing)}; finish it as it was, give this one another --name, or"
                f" remove it: {shown(self.plan.path)}"
            )
        return study

    def _begun(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.begun") if path.stem.isdecimal())

    def _runs(self, begun: Path) -> bool:
        try:
            with FileLock(begun.with_suffix(".lock"), timeout=0):
                return False
        except Timeout:
            return True

    def _open(self, number: int, proposal: optuna.Trial) -> tuple[OpenTrial, list[str]]:
        """The trial, and the processes that died at it."""
        begun = self._folder / f"{number}.begun"
        lock = FileLock(begun.with_suffix(".lock"))
        lock.acquire()
        died = _processes(begun)
        if died:
            self._notify(f"trial {number} was left by {died[-1]}, which is gone: it begins again")
        write_text(begun, "\n".join([*died, _this_process()]))
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return OpenTrial(number, proposal, lock, begun, started), died

    def _store(self, open_trial: OpenTrial, outcome: Outcome, seconds: float) -> Trial:
        trial = Trial(
            number=open_trial.number,
            state=outcome.state,
            values=open_trial.values,
            metric=outcome.metric,
            curve=tuple(open_trial.curve),
            rows=outcome.rows,
            seconds=seconds,
            threads=self.plan.threads,
            reason=outcome.reason,
            started=open_trial.started,
        )
        ended = {each.number: each for each in (trial, *self._same_study().trials)}
        self._save([ended[number] for number in sorted(ended)])
        open_trial.release()
        return trial

    def _save(self, trials: Sequence[Trial]) -> None:
        environment = current()
        versions = {**environment.versions, "optuna": optuna.__version__}
        study = Tuning(
            **self._identity,
            sampler=f"TPE, {proposals.STARTUP_TRIALS} random trials first",
            environment=environment.model_copy(update={"versions": versions}),
            trials=tuple(trials),
        )
        write(study, self.plan.path)


def _this_process() -> str:
    return f"process {os.getpid()} of {platform.node()}"


def _processes(path: Path) -> list[str]:
    """The processes that a file names, a line each; none if it is gone."""
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
