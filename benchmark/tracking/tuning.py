"""A tuning study in MLflow: one run, with a nested run for each trial that has ended.

Each call sends what MLflow lacks, so a call after every trial and one call at the end give the
same runs.
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
SETTINGS = {"base", "objective", "sampler", "pruning", "sampler_seed", "seed", "recipe_digest"}

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
            later = "the study is kept: the same `tune` command sends it later"
            self._warn(f"{failure(error)}; {later}")


def _send(client: Any, study: Tuning, status: Status) -> None:
    experiment = experiment_id(client, study.dataset)
    runs = runs_in(client, experiment, f"tags.{STUDY} = '{study.reference}'")
    parent = next((run.info.run_id for run in runs if PARENT not in run.data.tags), None)
    if parent is None:
        start = min(map(_milliseconds, study.trials), default=None)
        tags = {STUDY: study.reference}
        parent = client.create_run(experiment, start, tags, f"tune {study.name}").info.run_id
        space = {f"space.{key}": each for key, each in study.space.items()}
        for key, value in (study.model_dump(include=SETTINGS) | space | study.caps).items():
            client.log_param(parent, key, value)
    present = {run.data.tags.get(TRIAL) for run in runs if run.info.status != "RUNNING"}
    for trial in study.trials:
        key = canonical_sha256(trial.model_dump(mode="json"))
        if key not in present:
            _send_trial(client, experiment, study, trial, {PARENT: parent, TRIAL: key})
    if study.best is not None and study.best.metric is not None:
        step = len(study.finished)
        client.log_metric(parent, f"best_valid_{study.objective}", study.best.metric, step=step)
        client.log_metric(parent, "tuning_hours", study.hours, step=step)
        for key, value in study.best.values.items():
            client.set_tag(parent, f"best.{key}", str(value))
    if status == "RUNNING":
        client.update_run(parent, status)
    else:
        client.set_terminated(parent, status)


def _send_trial(
    client: Any, experiment: str, study: Tuning, trial: Trial, tags: dict[str, str]
) -> None:
    start = _milliseconds(trial)
    end = start + int(1000 * trial.seconds)
    tags |= {STUDY: study.reference, "state": trial.state, "reason": trial.reason}
    name = f"{study.name} trial {trial.number}"
    run = client.create_run(experiment, start, tags, name).info.run_id
    for key, value in trial.values.items():
        client.log_param(run, key, value)
    for evaluation, value in enumerate(trial.curve):
        client.log_metric(run, f"valid_{study.objective}", value, end, evaluation)
    if trial.metric is not None:
        client.log_metric(run, f"best_valid_{study.objective}", trial.metric, end)
    client.set_terminated(run, STATUS[trial.state], end)


def _milliseconds(trial: Trial) -> int:
    return int(1000 * datetime.fromisoformat(trial.started).timestamp())
