"""The trials of a study, proposed, kept and shared among processes by Optuna.

A proposal depends only on the study's seed, the trial's number and the trials that ended before, so
an interrupted study goes on as if it had not been interrupted."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import optuna
from filelock import FileLock
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from benchmark.data.store import Store
from benchmark.errors import UsageError
from benchmark.recipes.search import Range
from benchmark.records import tuning
from benchmark.records.environment import current
from benchmark.records.record import write
from benchmark.records.tuning import Ended, Trial, Tuning
from benchmark.studies.tuning.plan import Budget, Plan
from benchmark.studies.tuning.storage import Locks, one_message, open_storage
from benchmark.utils.files import require_writable
from benchmark.utils.paths import shown

STARTUP_TRIALS = 5
"""Random trials, after the recipe's own values, before the model of good and bad values
proposes."""
ENOUGH_FOR_IMPORTANCES = 4
IDENTITY = "identity"
BEGUN, ENDED = "begun", "ended"
"""Attributes of a trial, both tables."""
MOST_DEATHS = 2
DIED = f"its process died {MOST_DEATHS} times: killed for lack of memory?"
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "rejected": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
PRUNERS = {
    "median": optuna.pruners.MedianPruner(STARTUP_TRIALS, 2, n_min_trials=STARTUP_TRIALS),
    "none": optuna.pruners.NopPruner(),
}
Space = dict[str, BaseDistribution]

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", module="optuna")


@dataclass
class OpenTrial:
    """A running trial of this process, which holds its `lock` until it ends; its process died
    `deaths` times."""

    trial: optuna.Trial
    values: dict[str, Any]
    lock: FileLock
    reported: set[int]
    deaths: int

    @property
    def number(self) -> int:
        return self.trial.number

    def report(self, value: float, evaluation: int) -> bool:
        """Store the objective at an evaluation; True if the trial should end there."""
        if evaluation not in self.reported:
            self.trial.report(value, evaluation)
        return self.trial.should_prune()


class Trials:
    """The trials of a plan, shared with other processes.

    Raises UsageError for what is no storage and for a study with other settings, BenchmarkError if
    the storage cannot be reached.

    Example::

        trials = Trials(plan, store)
        while (open_trial := trials.ask(Budget(trials=30))) is not None:
            trials.end(open_trial, "complete", auc, seconds)
        trials.study().best
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self._identity = plan.identity(store)
        self._space: Space = {key: _distribution(r) for key, r in plan.search.ranges.items()}
        self._choices = {
            key: [json.dumps(value) for value in each.choice]
            for key, each in plan.search.ranges.items()
            if each.choice is not None
        }
        """The values of choices as JSON texts, as Optuna takes no lists."""
        require_writable(plan.path.parent)
        name = f"{plan.base.dataset}/{plan.name}"
        self._where = plan.storage or str(plan.path.with_suffix(".journal").resolve())
        self.locks = Locks(self._where, name)
        with self._alone():
            self._study = optuna.create_study(
                storage=open_storage(self._where),
                study_name=name,
                direction="maximize" if plan.objective == "auc" else "minimize",
                sampler=_Sampler(plan.seed),
                pruner=PRUNERS[plan.search.pruning],
                load_if_exists=True,
            )
            self._begin()

    def ask(self, budget: Budget) -> OpenTrial | None:
        """The next trial, an abandoned one first; None when the budget is spent."""
        with self._alone():
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            abandoned = [trial for trial in running if self._is_abandoned(trial)]
            if not budget.left(self.ended_trials(), len(running) - len(abandoned)):
                return None
            for frozen in abandoned:
                # Optuna has no public way to go on with a trial that another process began.
                trial = optuna.Trial(self._study, frozen._trial_id)
                deaths = frozen.user_attrs[BEGUN]["deaths"] + 1
                open_trial = self._open(trial, set(frozen.intermediate_values), deaths)
                if deaths < MOST_DEATHS:
                    return open_trial
                self._store_end(open_trial, "failed", None, 0.0, DIED)
            return self._open(self._study.ask(self._space), set(), deaths=0)

    def end(
        self,
        open_trial: OpenTrial,
        state: Ended,
        metric: float | None,
        seconds: float,
        reason: str = "",
    ) -> Trial:
        """Store how a trial ended, and write the study's JSON."""
        with self._alone():
            self._store_end(open_trial, state, metric, seconds, reason)
            write(self.study(), self.plan.path)
            return next(trial for trial in self.ended_trials() if trial.number == open_trial.number)

    def leave(self, open_trial: OpenTrial) -> None:
        """Release a trial that has not ended: the next `ask` of any process here begins it
        again."""
        with one_message(self._where):
            begun = {**open_trial.trial.user_attrs[BEGUN], "deaths": open_trial.deaths - 1}
            open_trial.trial.set_user_attr(BEGUN, begun)
        open_trial.lock.release()

    def ended_trials(self) -> list[Trial]:
        trials = self._study.get_trials(deepcopy=False)
        return [self._trial(trial) for trial in trials if trial.state.is_finished()]

    def study(self, *, importances: bool = False) -> Tuning:
        """The study so far, as its JSON holds it."""
        environment = current()
        versions = {**environment.versions, "optuna": optuna.__version__}
        return Tuning(
            **self._identity,
            sampler=f"TPE, {STARTUP_TRIALS} random trials first",
            environment=environment.model_copy(update={"versions": versions}),
            trials=tuple(self.ended_trials()),
            importances=self._importances() if importances else None,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only process of this machine at the study's storage."""
        with self.locks.named("study"), one_message(self._where):
            yield

    def _begin(self) -> None:
        """Fill a new study from its JSON file, if any; compare an old one with the plan."""
        if IDENTITY not in self._study.user_attrs:
            self._study.set_user_attr(IDENTITY, json.dumps(self._identity, sort_keys=True))
            if self.plan.path.exists():
                self._refill(tuning.load(self.plan.path))
            self._study.enqueue_trial(self._encode(self.plan.own_values()), skip_if_exists=True)
        self._require_same(json.loads(self._study.user_attrs[IDENTITY]))

    def _refill(self, study: Tuning) -> None:
        self._require_same(json.loads(study.model_dump_json()))
        for trial in study.trials:
            end = trial.model_dump(mode="json", include={"state", "metric", "seconds", "reason"})
            begun = {"started": trial.started, "threads": trial.threads}
            frozen = optuna.trial.create_trial(
                state=STATES[trial.state],
                value=trial.metric if trial.state == "complete" else None,
                params=self._encode(trial.values),
                distributions=self._space,
                intermediate_values=dict(enumerate(trial.curve)),
                user_attrs={BEGUN: begun, ENDED: end},
            )
            self._study.add_trial(frozen)

    def _require_same(self, identity: dict[str, Any]) -> None:
        own = json.loads(json.dumps(self._identity))
        if differing := [key for key in own if identity.get(key) != own[key]]:
            raise UsageError(
                f"the study {self._study.study_name} was begun with another {', '.join(differing)};"
                " finish it as it was, give this one another --name, or remove it:"
                f" {shown(self.plan.path)} and {self.plan.storage or 'the .journal file beside it'}"
            )

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        """Whether its process was on this machine and is gone."""
        host = trial.user_attrs.get(BEGUN, {}).get("host")
        return host == self.locks.host and self.locks.is_free(trial.number)

    def _open(self, trial: optuna.Trial, reported: set[int], deaths: int) -> OpenTrial:
        lock = self.locks.of_trial(trial.number)
        lock.acquire()
        started, threads = datetime.now(UTC).isoformat(timespec="seconds"), self.plan.threads
        begun = {"started": started, "threads": threads, "host": self.locks.host, "deaths": deaths}
        trial.set_user_attr(BEGUN, begun)
        return OpenTrial(trial, self._decode(trial.params), lock, reported, deaths)

    def _store_end(
        self, open_trial: OpenTrial, state: Ended, metric: float | None, seconds: float, reason: str
    ) -> None:
        end = {"state": state, "metric": metric, "seconds": seconds, "reason": reason}
        open_trial.trial.set_user_attr(ENDED, end)
        value = metric if state == "complete" else None
        self._study.tell(open_trial.trial, value, STATES[state])
        open_trial.lock.release()

    def _trial(self, frozen: FrozenTrial) -> Trial:
        begun = frozen.user_attrs[BEGUN]
        return Trial(
            number=frozen.number,
            values=self._decode(frozen.params),
            curve=tuple(value for _, value in sorted(frozen.intermediate_values.items())),
            started=begun["started"],
            threads=begun["threads"],
            **frozen.user_attrs[ENDED],
        )

    def _encode(self, values: dict[str, Any]) -> dict[str, Any]:
        encoded = dict(values)
        for key, choices in self._choices.items():
            encoded[key] = next(text for text in choices if json.loads(text) == values[key])
        return encoded

    def _decode(self, params: dict[str, Any]) -> dict[str, Any]:
        return params | {key: json.loads(params[key]) for key in self._choices}

    def _importances(self) -> dict[str, float] | None:
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < ENOUGH_FOR_IMPORTANCES or len({trial.value for trial in complete}) == 1:
            return None
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.plan.seed)
        return optuna.importance.get_param_importances(self._study, evaluator=evaluator)


class _Sampler(BaseSampler):
    """TPE that starts anew from the seed at every draw."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def _tpe(self, trial: FrozenTrial, key: str = "") -> TPESampler:
        digest = hashlib.sha256(f"{self._seed}/{trial.number}/{key}".encode()).digest()
        return TPESampler(seed=int.from_bytes(digest[:4], "big"), n_startup_trials=STARTUP_TRIALS)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Space:
        return self._tpe(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        return self._tpe(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        sampler = self._tpe(trial, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)


def _distribution(each: Range) -> BaseDistribution:
    if each.choice is not None:
        return CategoricalDistribution([json.dumps(value) for value in each.choice])
    assert each.low is not None and each.high is not None
    if isinstance(each.low, int) and isinstance(each.high, int):
        return optuna.distributions.IntDistribution(each.low, each.high, log=each.log)
    return optuna.distributions.FloatDistribution(each.low, each.high, log=each.log)
