"""The trials of a study: proposed, kept and shared among processes by Optuna. The only importer of
optuna.

A proposal depends on the study's seed, the trial's number and the trials that ended before, and on
nothing else: a study that was interrupted goes on as if it had not been.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from benchmark.data.store import Store
from benchmark.errors import UsageError
from benchmark.recipes.search import Range
from benchmark.records import tuning
from benchmark.records.environment import current
from benchmark.records.tuning import Ended, Trial, Tuning
from benchmark.studies.tuning.plan import Budget, Plan
from benchmark.studies.tuning.storage import Locks, drop_torn_line, one_message
from benchmark.utils.files import require_writable
from benchmark.utils.paths import shown

STARTUP_TRIALS = 5
"""Random ones, the first aside, before the model of good and bad values proposes."""
PRUNING_WARMUP = 2
"""Evaluations that no trial is ended before."""
ENOUGH_FOR_IMPORTANCES = 4
CONNECT_SECONDS = 10
IDENTITY = "identity"
BEGUN, ENDED = "begun", "ended"
"""Attributes of a trial, tables both."""
MOST_DEATHS = 2
DIED = f"its process died {MOST_DEATHS} times: killed for want of memory?"

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", module="optuna")


@dataclass
class Asked:
    """A trial of this process, which holds its lock until it has ended; `deaths` of those that were
    at it before."""

    trial: optuna.Trial
    values: dict[str, Any]
    lock: FileLock
    reported: set[int]
    deaths: int

    @property
    def number(self) -> int:
        return self.trial.number

    def report(self, value: float, evaluation: int) -> bool:
        """Files the objective of an evaluation; True where the trial should end there."""
        if evaluation not in self.reported:
            self.trial.report(value, evaluation)
        return self.trial.should_prune()


class Trials:
    """The trials of a plan, those of other processes too.

    Raises UsageError for a storage that is none and for a study with other settings, BenchmarkError
    where the storage cannot be reached."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self._identity = plan.identity(store)
        self._space = {key: _distribution(each) for key, each in plan.search.ranges.items()}
        require_writable(plan.path.parent)
        where = self._where = plan.storage or str(plan.path.with_suffix(".journal").resolve())
        self._locks = Locks(where, f"{plan.base.dataset}/{plan.name}")
        with self.locked(), one_message(where):
            self._study = optuna.create_study(
                storage=_storage(where),
                study_name=f"{plan.base.dataset}/{plan.name}",
                direction="maximize" if plan.objective == "auc" else "minimize",
                sampler=_Sampler(plan.seed),
                pruner=_pruner(plan.search.pruning),
                load_if_exists=True,
            )
            self._begin()

    @contextmanager
    def locked(self, name: str = "study") -> Iterator[None]:
        """Alone among the processes of this machine."""
        with self._locks.named(name):
            yield

    def ask(self, budget: Budget) -> Asked | None:
        """The next trial, of one that was cut off first; None where the budget leaves no more."""
        with self.locked(), one_message(self._where):
            running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            abandoned = [trial for trial in running if self._is_abandoned(trial)]
            if not budget.left(self.ended(), len(running) - len(abandoned)):
                return None
            for frozen in abandoned:
                trial = optuna.Trial(self._study, frozen._trial_id)
                asked = self._asked(
                    trial, set(frozen.intermediate_values), frozen.user_attrs[BEGUN]["deaths"] + 1
                )
                if asked.deaths < MOST_DEATHS:
                    return asked
                self._file(asked, "failed", None, 0.0, DIED)
            return self._asked(self._study.ask(), set(), deaths=0)

    def end(
        self, asked: Asked, state: Ended, metric: float | None, seconds: float, reason: str = ""
    ) -> Trial:
        """Files how a trial ended, and writes the study's JSON."""
        with self.locked(), one_message(self._where):
            self._file(asked, state, metric, seconds, reason)
            tuning.save(self.found(), self.plan.path)
            return next(trial for trial in self.ended() if trial.number == asked.number)

    def leave(self, asked: Asked) -> None:
        """Lets go of a trial that has not ended: the next `ask` of any process here begins it
        again."""
        with one_message(self._where):
            asked.trial.set_user_attr(
                BEGUN, {**asked.trial.user_attrs[BEGUN], "deaths": asked.deaths - 1}
            )
        asked.lock.release()

    def ended(self) -> list[Trial]:
        return [
            self._trial(each)
            for each in self._study.get_trials(deepcopy=False)
            if each.state.is_finished()
        ]

    def found(self, *, importances: bool = False) -> Tuning:
        """All that has been found so far."""
        environment = current()
        versions = {**environment.versions, "optuna": optuna.__version__}
        return Tuning(
            **self._identity,
            sampler=f"TPE, {STARTUP_TRIALS} random trials first",
            environment=environment.model_copy(update={"versions": versions}),
            trials=tuple(self.ended()),
            importances=self._importances() if importances else None,
        )

    def _begin(self) -> None:
        """Compares a study that is there with the plan; a new one is filled, from its JSON file if
        there is one."""
        text = json.dumps(self._identity, sort_keys=True)
        if IDENTITY not in self._study.user_attrs:
            self._study.set_user_attr(IDENTITY, text)
            if self.plan.path.exists():
                self._refill(tuning.load(self.plan.path))
            self._study.enqueue_trial(self._encoded(self.plan.own_values()), skip_if_exists=True)
        self._require_same(json.loads(self._study.user_attrs[IDENTITY]))

    def _refill(self, kept: Tuning) -> None:
        self._require_same(json.loads(kept.model_dump_json()))
        states = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL}
        for trial in kept.trials:
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=states.get(trial.state, TrialState.PRUNED),
                    value=trial.metric if trial.state == "complete" else None,
                    params=self._encoded(trial.values),
                    distributions=self._space,
                    intermediate_values=dict(enumerate(trial.curve)),
                    user_attrs={
                        BEGUN: {"started": trial.started, "threads": trial.threads},
                        ENDED: trial.model_dump(
                            mode="json", include={"state", "metric", "seconds", "reason"}
                        ),
                    },
                )
            )

    def _require_same(self, kept: dict[str, Any]) -> None:
        today = json.loads(json.dumps(self._identity))
        if differing := [key for key in today if kept.get(key) != today[key]]:
            raise UsageError(
                f"the study {self._study.study_name} was begun with another {', '.join(differing)};"
                " finish it as it was, give this one another --name, or remove it:"
                f" {shown(self.plan.path)} and {self.plan.storage or 'the .journal file beside it'}"
            )

    def _is_abandoned(self, trial: FrozenTrial) -> bool:
        """Whether its process was on this machine and is gone."""
        return trial.user_attrs.get(BEGUN, {}).get(
            "host"
        ) == self._locks.here and self._locks.is_free(trial.number)

    def _asked(self, trial: optuna.Trial, reported: set[int], deaths: int) -> Asked:
        lock = self._locks.of_trial(trial.number)
        lock.acquire()
        values = {key: _suggested(trial, key, each) for key, each in self._space.items()}
        started = datetime.now(UTC).isoformat(timespec="seconds")
        begun = {
            "started": started,
            "threads": self.plan.threads,
            "host": self._locks.here,
            "deaths": deaths,
        }
        trial.set_user_attr(BEGUN, begun)
        return Asked(trial, values, lock, reported, deaths)

    def _file(
        self, asked: Asked, state: Ended, metric: float | None, seconds: float, reason: str
    ) -> None:
        asked.trial.set_user_attr(
            ENDED, {"state": state, "metric": metric, "seconds": seconds, "reason": reason}
        )
        if state == "complete":
            self._study.tell(asked.trial, metric)
        else:
            self._study.tell(
                asked.trial, state=TrialState.FAIL if state == "failed" else TrialState.PRUNED
            )
        asked.lock.release()

    def _trial(self, frozen: FrozenTrial) -> Trial:
        begun, ended = frozen.user_attrs[BEGUN], frozen.user_attrs[ENDED]
        values = {key: _decoded(value, self._space[key]) for key, value in frozen.params.items()}
        curve = tuple(value for _, value in sorted(frozen.intermediate_values.items()))
        return Trial(
            number=frozen.number,
            values=values,
            curve=curve,
            started=begun["started"],
            threads=begun["threads"],
            **ended,
        )

    def _encoded(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: _encoded(value, self._space[key]) for key, value in values.items()}

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

    def _tpe(self, trial: FrozenTrial, key: str) -> TPESampler:
        digest = hashlib.sha256(f"{self._seed}/{trial.number}/{key}".encode()).digest()
        return TPESampler(seed=int.from_bytes(digest[:4], "big"), n_startup_trials=STARTUP_TRIALS)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._tpe(trial, "").infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._tpe(trial, "").sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._tpe(trial, param_name).sample_independent(
            study, trial, param_name, param_distribution
        )


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(STARTUP_TRIALS, PRUNING_WARMUP, n_min_trials=STARTUP_TRIALS)


def _distribution(each: Range) -> BaseDistribution:
    if each.choice is not None:
        return CategoricalDistribution([json.dumps(value) for value in each.choice])
    assert each.low is not None and each.high is not None
    if isinstance(each.low, int) and isinstance(each.high, int):
        return IntDistribution(each.low, each.high, log=each.log)
    return FloatDistribution(each.low, each.high, log=each.log)


def _suggested(trial: optuna.Trial, key: str, each: BaseDistribution) -> Any:
    if isinstance(each, CategoricalDistribution):
        return json.loads(str(trial.suggest_categorical(key, each.choices)))
    if isinstance(each, IntDistribution):
        return trial.suggest_int(key, each.low, each.high, log=each.log)
    assert isinstance(each, FloatDistribution)
    return trial.suggest_float(key, each.low, each.high, log=each.log)


def _encoded(value: Any, each: BaseDistribution) -> Any:
    """As Optuna keeps it: it takes no lists as choices."""
    if not isinstance(each, CategoricalDistribution):
        return value
    return next(text for text in each.choices if json.loads(str(text)) == value)


def _decoded(value: Any, each: BaseDistribution) -> Any:
    return json.loads(value) if isinstance(each, CategoricalDistribution) else value


def _storage(where: str) -> optuna.storages.BaseStorage:
    """A database by its URL, else a journal file by its path."""
    if "://" in where:
        connect = {"connect_timeout": CONNECT_SECONDS} if where.startswith("postgresql") else {}
        return optuna.storages.RDBStorage(where, engine_kwargs={"connect_args": connect})
    path = Path(where)
    require_writable(path.parent)
    lock = JournalFileSymlinkLock(where)
    lock.acquire()
    try:
        drop_torn_line(path)
    finally:
        lock.release()
    return optuna.storages.JournalStorage(JournalFileBackend(where, lock))
