"""The trials of a study: proposed by Optuna, kept in the study's JSON and shared among processes.

A proposal depends only on the study's seed, the trial's number and the trials that ended before, so
an interrupted study goes on as if it had not been interrupted."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import MedianPruner, NopPruner
from optuna.trial import TrialState

from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.recipes.search import Range
from benchmark.records import tuning
from benchmark.records.environment import current
from benchmark.records.record import save
from benchmark.records.tuning import Ended, Trial, Tuning
from benchmark.studies.tuning.plan import Plan
from benchmark.utils.files import require_writable
from benchmark.utils.paths import shown

STARTUP_TRIALS = 5
"""Random trials, after the recipe's own values, before the model of good and bad values
proposes."""
ENOUGH_FOR_IMPORTANCES = 4
MOST_DEATHS = 2
DIED = f"its process died {MOST_DEATHS} times: killed for lack of memory?"
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "rejected": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
PRUNERS = {
    "median": MedianPruner(STARTUP_TRIALS, 2, n_min_trials=STARTUP_TRIALS),
    "none": NopPruner(),
}

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", module="optuna")


@dataclass
class OpenTrial:
    """A running trial of this process, which holds its `lock` until it ends; `begun` is a file that
    is left behind where the process dies, with a letter for each time."""

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
        self.proposal.report(value, len(self.curve))
        self.curve.append(value)
        return self.proposal.should_prune()

    def release(self) -> None:
        """Let any process begin the trial again, unless its end is stored."""
        self.begun.unlink(missing_ok=True)
        self.lock.release()


class Trials:
    """The trials of a plan, shared with other processes through locks beside the study's JSON.

    Raises UsageError for a study with other settings, BenchmarkError for a JSON that cannot be read
    or written.

    Example::

        trials = Trials(plan, store)
        while (open_trial := trials.ask(30)) is not None:
            trials.end(open_trial, "complete", auc, seconds)
        trials.study().best
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self._identity = plan.identity(store)
        self._space = {key: _distribution(each) for key, each in plan.search.ranges.items()}
        self._folder = plan.path.with_suffix(".locks")
        require_writable(self._folder)
        with self.lock("study"):
            if plan.path.exists():
                self._require_same()
                return
            for begun in self._folder.glob("*.begun"):
                begun.unlink()
            self._save(())

    def lock(self, name: str) -> FileLock:
        """A lock that the processes of the study share; it is released when its process dies."""
        return FileLock(self._folder / f"{name}.lock")

    def study(self) -> Tuning:
        """The study so far."""
        return tuning.load(self.plan.path)

    def ask(self, budget: int) -> OpenTrial | None:
        """The next trial, an abandoned one first; None once `budget` have finished or are running.

        Only complete and pruned trials have finished."""
        with self.lock("study"):
            while True:
                study = self.study()
                begun = [int(path.stem) for path in self._folder.glob("*.begun")]
                running = {number for number in begun if self._runs(number)}
                if len(study.finished) + len(running) >= budget:
                    return None
                taken = running.union(trial.number for trial in study.trials)
                number = next(number for number in count() if number not in taken)
                open_trial = self._open(study.trials, number)
                if open_trial.begun.stat().st_size <= MOST_DEATHS:
                    return open_trial
                self._store(open_trial, "failed", None, 0.0, DIED)

    def end(
        self,
        open_trial: OpenTrial,
        state: Ended,
        metric: float | None,
        seconds: float,
        reason: str = "",
    ) -> Trial:
        """Store how a trial ended, in the study's JSON."""
        with self.lock("study"):
            return self._store(open_trial, state, metric, seconds, reason)

    def importances(self) -> dict[str, float] | None:
        """The share of the objective's variance that each key explains; None for too few trials."""
        complete = [trial for trial in self.study().trials if trial.state == "complete"]
        if len(complete) < ENOUGH_FOR_IMPORTANCES or len({each.metric for each in complete}) == 1:
            return None
        study = self._optuna_study(complete, 0)
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.plan.seed)
        return optuna.importance.get_param_importances(study, evaluator=evaluator)

    def _require_same(self) -> None:
        stated = self.study().model_dump(mode="json")
        own = json.loads(json.dumps(self._identity))
        if differing := [key for key in own if stated[key] != own[key]]:
            raise UsageError(
                f"the study {self.plan.base.dataset}/{self.plan.name} was begun with another"
                f" {', '.join(differing)}; finish it as it was, give this one another --name, or"
                f" remove it: {shown(self.plan.path)}"
            )

    def _runs(self, number: int) -> bool:
        try:
            with self.lock(f"{number}").acquire(timeout=0):
                return False
        except Timeout:
            return True

    def _open(self, ended: Sequence[Trial], number: int) -> OpenTrial:
        study, lock = self._optuna_study(ended, number), self.lock(f"{number}")
        if number == 0:
            study.enqueue_trial(self.plan.own_values())
        lock.acquire()
        begun = self._folder / f"{number}.begun"
        with begun.open("a") as file:
            file.write("x")
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return OpenTrial(number, study.ask(self._space), lock, begun, started)

    def _store(
        self, open_trial: OpenTrial, state: Ended, metric: float | None, seconds: float, reason: str
    ) -> Trial:
        trial = Trial(
            number=open_trial.number,
            state=state,
            values=open_trial.values,
            metric=metric,
            curve=tuple(open_trial.curve),
            seconds=seconds,
            threads=self.plan.threads,
            reason=reason,
            started=open_trial.started,
        )
        self._save(sorted((*self.study().trials, trial), key=lambda each: each.number))
        open_trial.release()
        return trial

    def _save(self, trials: Sequence[Trial]) -> None:
        environment = current()
        versions = {**environment.versions, "optuna": optuna.__version__}
        study = Tuning(
            **self._identity,
            sampler=f"TPE, {STARTUP_TRIALS} random trials first",
            environment=environment.model_copy(update={"versions": versions}),
            trials=tuple(trials),
        )
        save(study, self.plan.path)

    def _optuna_study(self, ended: Sequence[Trial], number: int) -> optuna.Study:
        """The trials that ended as Optuna takes them, with a sampler for one number."""
        seed = int(np.random.SeedSequence((self.plan.seed, number)).generate_state(1)[0])
        study = optuna.create_study(
            direction="maximize" if self.plan.objective == "auc" else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
            pruner=PRUNERS[self.plan.search.pruning],
        )
        for trial in ended:
            try:
                frozen = optuna.trial.create_trial(
                    state=STATES[trial.state],
                    value=trial.metric if trial.state == "complete" else None,
                    params=trial.values,
                    distributions=self._space,
                    intermediate_values=dict(enumerate(trial.curve)),
                )
            except ValueError as error:
                fault = f"trial {trial.number} is not of the study's space ({error}); remove it"
                raise BenchmarkError(f"{shown(self.plan.path)}: {fault}") from None
            study.add_trial(frozen)
        return study


def _distribution(each: Range) -> BaseDistribution:
    if each.choice is not None:
        return CategoricalDistribution(each.choice)
    assert each.low is not None and each.high is not None
    if isinstance(each.low, int) and isinstance(each.high, int):
        return IntDistribution(each.low, each.high, log=each.log)
    return FloatDistribution(each.low, each.high, log=each.log)
