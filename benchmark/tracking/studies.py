"""Studies in MLflow, a run each: a tuning study with its trials as a curve and a table, and the
fits of each ladder as metrics of its run.

Each call sends what MLflow lacks, so a call after every trial and one call at the end give the
same runs.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.records.tuning import Trial, Tuning
from benchmark.studies.scaling.ladders import STUDY
from benchmark.tracking.client import log_table, open_client, run_with
from benchmark.tracking.experiments import experiment_id
from benchmark.tracking.store import failure
from benchmark.tracking.summary import LEVEL, origin
from benchmark.tracking.variants import StudyKey, run_of, show_variants
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient

TUNING = "tuning_study"
"""The tag that names a tuning study's run, by its reference."""
DIGEST = "ladder_sha256"
"""The tag of the fits that a ladder's run shows."""
SETTINGS = {"base", "objective", "sampler", "pruning", "sampler_seed", "seed", "recipe_digest"}

Status = Literal["RUNNING", "FINISHED", "KILLED"]


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


def show_studies(results: Path, dataset: str, warn: Notify) -> None:
    """Send the studies of a data set but for their runs: their tables and figures, and the ladders'
    fits from their documents. A failure of MLflow is one warning."""
    try:
        client = open_client()
        show_variants(client, experiment_id(client, dataset), results)
        _send_ladders(results, dataset)
    except Exception as error:
        later = "send the tables later with `python -m benchmark track --sync`"
        warn(f"{failure(error)}; the records are kept: {later}")


def sync_ladders(results: Path, notify: Notify) -> int:
    """Send every ladder that MLflow lacks; the number of data sets whose ladders it does not take,
    of which each is told."""
    failed = 0
    for dataset in Archive(results).datasets(STUDY):
        try:
            for recipe in _send_ladders(results, dataset):
                notify(f"sent the ladder of {dataset}/{recipe}")
        except Exception as error:
            notify(f"the ladders of {dataset} are not sent: {failure(error)}")
            failed += 1
    return failed


def _send_tuning(client: "MlflowClient", study: Tuning, status: Status) -> None:
    from mlflow.entities import Metric, Param, RunTag

    own = {TUNING: study.reference, "kind": "tuning", LEVEL: "study"}
    found = run_with(client, experiment_id(client, study.dataset), own, f"tune {study.name}")
    run = found.info.run_id
    if not found.data.params:
        space = {f"space.{key}": json.dumps(each) for key, each in study.space.items()}
        settings = study.model_dump(include=SETTINGS) | space | study.caps
        client.log_batch(run, params=[Param(key, str(each)) for key, each in settings.items()])
    client.update_run(run, "RUNNING")
    scored = [trial for trial in study.trials if trial.metric is not None]
    name = f"valid/{study.objective}"
    points = [Metric(name, trial.metric, _ended(trial), trial.number) for trial in scored]
    tags = []
    if study.best is not None:
        step, time = len(study.finished), max(map(_ended, scored))
        best = f"best/valid_{study.objective}"
        points.append(Metric(best, study.best.metric, time, step))
        points.append(Metric("tuning_hours", study.hours, time, step))
        points.append(Metric("tuning_rows", study.rows, time, step))
        tags = [RunTag(f"best.{key}", str(value)) for key, value in study.best.values.items()]
    client.log_batch(run, points, tags=tags)  # MLflow drops the points that it has
    if status != "RUNNING":
        log_table(client, run, "trials", [_row(trial) for trial in study.trials])
        client.log_text(run, study.model_dump_json(indent=1), "study.json")
        if study.best is not None:
            tuned = toml.text(recipes.with_values(study.recipe, study.best.values))
            client.log_text(run, tuned, "recipe.toml")
        client.set_terminated(run, status)


def _row(trial: Trial) -> dict[str, Any]:
    outcome = trial.model_dump(include={"number", "state", "metric", "rows", "seconds", "reason"})
    return outcome | trial.values


def _ended(trial: Trial) -> int:
    """Unix milliseconds."""
    return int(1000 * (datetime.fromisoformat(trial.started).timestamp() + trial.seconds))


def _send_ladders(results: Path, dataset: str) -> list[str]:
    """The recipes whose ladders were sent; none without the numbers of the scaling report."""
    path = Archive(results).scaling_table(dataset).with_suffix(".json")
    if not path.is_file():
        return []
    laws = json.loads(path.read_text(encoding="utf-8"))["laws"]
    client = open_client()
    experiment = experiment_id(client, dataset)
    sent = []
    for recipe in sorted({law["recipe"] for law in laws}):
        own = [law for law in laws if law["recipe"] == recipe]
        key = StudyKey(STUDY, dataset, origin(Archive(results).folder(STUDY)), recipe)
        run = run_of(client, experiment, key)
        digest = canonical_sha256(own)
        if run.data.tags.get(DIGEST) != digest:
            _log_ladder(client, run.info.run_id, own)
            # tagged last, so that what is interrupted is sent again
            client.set_tag(run.info.run_id, DIGEST, digest)
            sent.append(recipe)
    return sent


def _log_ladder(client: "MlflowClient", run: str, laws: list[dict[str, Any]]) -> None:
    from mlflow.entities import Metric, RunTag

    time = int(1000 * datetime.now().timestamp())
    points, tags = [], []
    for law in laws:
        axis = law["axis"]
        numbers = {name: value for name, value in law.items() if isinstance(value, float)}
        points += [Metric(f"{axis}/{name}", value, time, 0) for name, value in numbers.items()]
        tags.append(RunTag(f"verdict.{axis}", law["verdict"]))
    client.log_batch(run, points, tags=tags)
    client.set_terminated(run, "FINISHED")
