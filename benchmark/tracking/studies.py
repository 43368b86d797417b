"""Studies in MLflow: a tuning study with a nested run for each trial that has ended, and ladders, a
run for each recipe with fits as metrics, sizes as a table and the runs of its records below it.

Each call sends what MLflow lacks, so a call after every trial and one call at the end give the
same runs.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive, record_key
from benchmark.records.tuning import Trial, Tuning
from benchmark.studies.scaling.ladders import STUDY, place_of
from benchmark.tracking import summary
from benchmark.tracking.runs import SENT, experiment_id, open_client, runs_in
from benchmark.tracking.store import failure
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

PARENT, TUNING, TRIAL = "mlflow.parentRunId", "tuning_study", "tuning_trial"
LADDER, DIGEST = "ladder", "ladder_sha256"
"""Tags of a ladder's run: DATASET/RECIPE, and the digest of the records and fits it shows."""
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "rejected": "KILLED", "failed": "FAILED"}
SETTINGS = {"base", "objective", "sampler", "pruning", "sampler_seed", "seed", "recipe_digest"}

Status = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]


class StudyTracker:
    """Sends a tuning study to MLflow; after a failure it warns once and stays silent."""

    def __init__(self, warn: Notify) -> None:
        self._warn = warn
        self._failed = False

    def __call__(self, study: Tuning, status: Status = "RUNNING") -> None:
        if self._failed:
            return
        try:
            _send_tuning(open_client(), study, status)
        except Exception as error:
            self._failed = True
            later = "the study is kept: the same `tune` command sends it later"
            self._warn(f"{failure(error)}; {later}")


def _send_tuning(client: Any, study: Tuning, status: Status) -> None:
    experiment = experiment_id(client, study.dataset)
    runs = runs_in(client, experiment, f"tags.{TUNING} = '{study.reference}'")
    parent = next((run.info.run_id for run in runs if PARENT not in run.data.tags), None)
    if parent is None:
        start = min(map(_milliseconds, study.trials), default=None)
        tags = {TUNING: study.reference}
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
    tags |= {TUNING: study.reference, "state": trial.state, "reason": trial.reason}
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


def show_ladders(results: Path, dataset: str, warn: Notify) -> None:
    """Send the ladders of a data set from its documents; a failure of MLflow is one warning."""
    try:
        _send_ladders(results, dataset)
    except Exception as error:
        later = "send the ladders later with `python -m benchmark track --sync`"
        warn(f"{failure(error)}; the records are kept: {later}")


def sync_ladders(results: Path, notify: Notify) -> None:
    """Send every ladder that MLflow lacks. Raises BenchmarkError where MLflow fails."""
    for dataset in Archive(results).datasets(STUDY):
        try:
            for recipe in _send_ladders(results, dataset):
                notify(f"sent the ladder of {dataset}/{recipe}")
        except Exception as error:
            raise BenchmarkError(failure(error)) from error


def _send_ladders(results: Path, dataset: str) -> list[str]:
    """The recipes whose ladders were sent; none without the numbers of the scaling report."""
    path = Archive(results).scaling_table(dataset).with_suffix(".json")
    if not path.is_file():
        return []
    laws = json.loads(path.read_text(encoding="utf-8"))["laws"]
    records: dict[str, set[tuple[str, str]]] = {law["recipe"]: set() for law in laws}
    for record in Archive(results).paths(dataset, study=STUDY):
        if (place := place_of(record.parent.name)) is not None and place[0] in records:
            records[place[0]].add((record_key(record), summary.file_sha256(record)))
    client = open_client()
    experiment = experiment_id(client, dataset)
    runs = runs_in(client, experiment)
    sent = []
    for recipe, keys in records.items():
        key = {LADDER: f"{dataset}/{recipe}"}
        ladder = next((run for run in runs if key.items() <= run.data.tags.items()), None)
        if ladder is None:
            ladder = client.create_run(experiment, None, key, f"ladder {recipe}")
        for run in runs:
            if (run.data.tags.get("record"), run.data.tags.get(SENT)) in keys:
                client.set_tag(run.info.run_id, PARENT, ladder.info.run_id)
        own = [law for law in laws if law["recipe"] == recipe]
        digest = canonical_sha256([sorted(keys), own])
        if ladder.data.tags.get(DIGEST) != digest:
            _log_ladder(client, ladder.info.run_id, own, digest)
            sent.append(recipe)
    return sent


def _log_ladder(client: Any, run: str, laws: list[dict[str, Any]], digest: str) -> None:
    """The digest is tagged last, so that what is interrupted is sent again."""
    sizes = []
    for law in laws:
        axis = law["axis"]
        client.set_tag(run, f"verdict.{axis}", law["verdict"])
        for name, value in law.items():
            if isinstance(value, float):
                client.log_metric(run, f"{axis}/{name}", value)
        sizes += [{"axis": axis, **size, "seeds": str(size["seeds"])} for size in law["sizes"]]
    table = {key: [size[key] for size in sizes] for key in sizes[0]}
    # MLflow appends to a table that exists, so each version has its own.
    client.log_table(run, table, f"sizes-{digest[:8]}.json")
    client.set_terminated(run, "FINISHED")
    client.set_tag(run, DIGEST, digest)
