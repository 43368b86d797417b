"""A tuning study shown in MLflow: one run, with a nested run for each trial that has ended.

Whatever is not there yet is sent, so one call after every trial, or one at the end, comes to the
same. A client is MLflow's own, which tracking.py opens.
"""

from datetime import datetime
from typing import Any, Literal

from benchmark.records.tuning import Trial, Tuning
from benchmark.tracking.runs import experiment_id, open_client, runs_in
from benchmark.tracking.store import failure
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

STUDY, TRIAL, PARENT = "tuning_study", "tuning_trial", "mlflow.parentRunId"
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "rejected": "KILLED", "failed": "FAILED"}

Status = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]


class StudyTracker:
    """Sends a study to MLflow; after a failure it warns once and stays silent."""

    def __init__(self, warn: Notify) -> None:
        self._warn = warn
        self._failed = False

    def __call__(self, study: Tuning, status: Status = "RUNNING") -> None:
        if self._failed:
            return
        try:
            _send(open_client(), study, status)
        except Exception as error:
            self._failed = True
            self._warn(
                f"{failure(error)}; the study is kept: the same `tune` command sends it later"
            )


def _send(client: Any, study: Tuning, status: Status) -> None:
    experiment = experiment_id(client, study.dataset)
    shown = runs_in(client, experiment, f"tags.{STUDY} = '{study.reference}'")
    parent = next((run.info.run_id for run in shown if PARENT not in run.data.tags), None)
    if parent is None:
        parent = _begin(client, experiment, study)
    there = {run.data.tags.get(TRIAL) for run in shown if run.info.status != "RUNNING"}
    for trial in study.trials:
        if _key(trial) not in there:
            _send_trial(client, experiment, study, trial, parent)
    if study.best is not None and study.best.metric is not None:
        client.log_metric(
            parent, f"best_valid_{study.objective}", study.best.metric, step=len(study.finished)
        )
        client.log_metric(parent, "tuning_hours", study.hours, step=len(study.finished))
        for key, value in study.best.values.items():
            client.set_tag(parent, f"best.{key}", str(value))
    if status == "RUNNING":
        client.update_run(parent, status)
    else:
        client.set_terminated(parent, status)


def _begin(client: Any, experiment: str, study: Tuning) -> str:
    began = min((_milliseconds(trial) for trial in study.trials), default=None)
    run: str = client.create_run(
        experiment, began, {STUDY: study.reference}, f"tune {study.name}"
    ).info.run_id
    settings: dict[str, Any] = {
        "base": study.base,
        "objective": study.objective,
        "sampler": study.sampler,
        "pruning": study.pruning,
    }
    settings |= {
        "sampler_seed": study.sampler_seed,
        "seed": study.seed,
        "recipe_digest": study.recipe_digest,
    }
    settings |= {f"space.{key}": each for key, each in study.space.items()} | study.caps
    for key, value in settings.items():
        client.log_param(run, key, value)
    return run


def _send_trial(client: Any, experiment: str, study: Tuning, trial: Trial, parent: str) -> None:
    began = _milliseconds(trial)
    ended = began + int(1000 * trial.seconds)
    tags = {
        STUDY: study.reference,
        TRIAL: _key(trial),
        PARENT: parent,
        "state": trial.state,
        "reason": trial.reason,
    }
    run = client.create_run(
        experiment, began, tags, f"{study.name} trial {trial.number}"
    ).info.run_id
    for key, value in trial.values.items():
        client.log_param(run, key, value)
    for evaluation, value in enumerate(trial.curve):
        client.log_metric(run, f"valid_{study.objective}", value, ended, evaluation)
    if trial.metric is not None:
        client.log_metric(run, f"best_valid_{study.objective}", trial.metric, ended)
    client.set_terminated(run, STATUS[trial.state], ended)


def _key(trial: Trial) -> str:
    return canonical_sha256(trial.model_dump(mode="json"))


def _milliseconds(trial: Trial) -> int:
    return int(1000 * datetime.fromisoformat(trial.started).timestamp())
