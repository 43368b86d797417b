"""Runs shown in MLflow: live from their events, or later from their records. The only importer of
mlflow.

MLflow owns nothing: whatever fails there is one warning, the record is kept, and `sync` sends it
later.
"""

import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.errors import BenchmarkError, without_password
from benchmark.records.archive import Archive, record_key
from benchmark.records.environment import current
from benchmark.records.record import Record, load
from benchmark.runs.run import Finished, Job, Resumed, RunEvent, Started
from benchmark.tracking import store, summary
from benchmark.tracking.store import LOOPBACK, failure, store_uri
from benchmark.training.fit import Evaluated
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["Synced", "Tracker", "store_uri", "sync", "ui"]


SENT = "record_sha256"
"""The tag of a complete run: SHA-256 of its record file."""
MOST_METRICS = 1000
"""What MLflow takes in one request."""
TRAINING_VIEW = "workflowType=machine_learning"
"""Without it the UI opens on its pages for language models."""


class Tracker:
    """Shows one run in MLflow as its events come; after a failure it warns once and stays
    silent."""

    def __init__(self, warn: Notify) -> None:
        self._warn = warn
        self._run: _TrackedRun | None = None

    def __call__(self, event: RunEvent, path: Path) -> None:
        """`path` is where the record goes; it must be written when `Finished` comes."""
        try:
            if isinstance(event, Started):
                self._run = _TrackedRun(open_client(), _subject(event.job), path)
                self._run.describe()
            elif self._run is not None and isinstance(event, Resumed):
                self._run.resumed(event)
            elif self._run is not None and isinstance(event, Evaluated):
                self._run.evaluated(event)
            elif self._run is not None and isinstance(event, Finished):
                self._run.finished(event.record)
                self._run = None
        except Exception as error:
            self._warn(
                f"{failure(error)}; the run is not shown there but its record is kept: "
                "send it later with `python -m benchmark track --sync`"
            )
            self.abort()

    def abort(self, *, killed: bool = False) -> None:
        """Ends an unfinished run as KILLED or FAILED, as far as MLflow still answers."""
        if self._run is not None:
            with suppress(Exception):
                self._run.end("KILLED" if killed else "FAILED")
            self._run = None


@dataclass(frozen=True)
class Synced:
    """How many records were sent now, were there already, and could not be read."""

    sent: int
    present: int
    unreadable: int


def sync(folder: Path, notify: Notify) -> Synced:
    """Sends every record of a results folder that MLflow lacks, and tells of each sent or
    unreadable one.

    Raises BenchmarkError where MLflow fails.
    """
    return send(Archive(folder).all_paths(), notify)


def send(paths: Iterable[Path], notify: Notify) -> Synced:
    """The same of these records."""
    sent = present = unreadable = 0
    runs: dict[str, list[Run]] = {}
    for path in paths:
        try:
            record = load(path)
        except BenchmarkError as error:
            notify(str(error))
            unreadable += 1
            continue
        try:
            client = open_client()
            if record.dataset not in runs:
                runs[record.dataset] = runs_in(client, experiment_id(client, record.dataset))
            if _is_shown(runs[record.dataset], path):
                present += 1
                continue
            _close_abandoned(client, runs[record.dataset], record, path)
            _replay(client, record, path)
        except Exception as error:
            raise BenchmarkError(f"{failure(error)}; {sent} records were sent before") from error
        sent += 1
        notify(f"sent {record_key(path)}")
    return Synced(sent, present, unreadable)


def ui(port: int, notify: Notify = print) -> None:
    """Turns this process into the MLflow UI on the store, on the loopback address; of a server,
    tells the address.

    Raises BenchmarkError where the port is taken or the store cannot be opened.
    """
    uri = store_uri()
    if store.is_server(uri):
        notify(f"the runs are on the MLflow server {without_password(uri)}")
        return
    store.require_free(port)
    try:
        experiments = open_client().search_experiments(order_by=["name"])
    except Exception as error:
        raise BenchmarkError(failure(error)) from error
    address = f"http://{LOOPBACK}:{port}"
    notify(f"MLflow UI: {address} (Ctrl-C ends it)")
    for experiment in experiments:
        if experiment.name != "Default":
            notify(
                f"  {experiment.name}:"
                f" {address}/#/experiments/{experiment.experiment_id}/runs?{TRAINING_VIEW}"
            )
    store.become_server(uri, port)


class _TrackedRun:
    """One run in MLflow, filled as the events come; times are those of the run, in milliseconds."""

    def __init__(self, client: "MlflowClient", subject: summary.TrackedSubject, path: Path) -> None:
        self._client, self._subject, self._path = client, subject, path
        self._began = int(1000 * subject.began)
        experiment = experiment_id(client, subject.dataset)
        tags = {"record": record_key(path), **summary.tags(subject)}
        self._id: str = client.create_run(
            experiment, self._began, tags, summary.run_name(subject, path)
        ).info.run_id

    def describe(self) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        parameters = [Param(name, text) for name, text in summary.parameters(self._subject).items()]
        self._client.log_batch(self._id, params=parameters)
        data = Dataset(**summary.dataset(self._subject))
        self._client.log_inputs(
            self._id, [DatasetInput(data, [InputTag("mlflow.data.context", "all splits")])]
        )

    def resumed(self, event: Resumed) -> None:
        """Shows what came before, and marks as KILLED the runs that showed it when they were cut
        off."""
        self._began -= int(1000 * event.seconds)
        for point in event.curve:
            self.evaluated(point)
        for run in runs_in(self._client, experiment_id(self._client, self._subject.dataset)):
            ours = run.data.tags.get("record") == record_key(self._path)
            if ours and run.info.status == "RUNNING" and run.info.run_id != self._id:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def evaluated(self, event: Evaluated) -> None:
        self._log(summary.evaluation(event), event.seconds)

    def finished(self, record: Record) -> None:
        self._log(summary.results(record), record.cost.total_seconds)
        with tempfile.TemporaryDirectory() as folder:
            summary.write_bundle(record, self._path, Path(folder))
            self._client.log_artifacts(self._id, folder)
        self._client.set_tag(self._id, SENT, summary.file_sha256(self._path))
        self.end("FINISHED", record.cost.total_seconds)

    def end(
        self, status: Literal["FINISHED", "FAILED", "KILLED"], seconds: float | None = None
    ) -> None:
        self._client.set_terminated(
            self._id, status, None if seconds is None else self._at(seconds)
        )

    def _log(self, points: list[summary.MetricPoint], seconds: float) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(name, value, self._at(seconds), step) for name, value, step in points]
        for start in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._id, metrics=metrics[start : start + MOST_METRICS])

    def _at(self, seconds: float) -> int:
        return self._began + int(1000 * seconds)


def _subject(job: Job) -> summary.TrackedSubject:
    recipe = job.recipe if job.rows is None else replace(job.recipe, name=None)
    return summary.TrackedSubject(
        recipe_id=recipe.id,
        recipe=recipe.resolved(),
        digest=recipe.digest(),
        seed=job.seed,
        threads=job.threads,
        device=job.device,
        train_rows=job.rows,
        data=job.store.fingerprint,
        commit=current().commit,
        caveat=job.card.caveat,
        began=time.time(),
    )


def _replay(client: "MlflowClient", record: Record, path: Path) -> None:
    """A run from its record, by the calls of a live one."""
    run = _TrackedRun(client, summary.subject_of(record), path)
    try:
        run.describe()
        for event in record.curve:
            run.evaluated(event)
        run.finished(record)
    except BaseException:
        with suppress(Exception):
            run.end("FAILED")
        raise


def open_client() -> "MlflowClient":
    store.apply_settings()
    from mlflow import MlflowClient

    store.create_once(store_uri(), MlflowClient)
    return MlflowClient(store_uri())


def experiment_id(client: "MlflowClient", dataset: str) -> str:
    """The id of the data set's experiment, which is made where there is none."""
    from mlflow import MlflowException

    folder = store.artifacts_folder(store_uri())
    try:
        made: str = client.create_experiment(dataset, folder and (folder / dataset).as_uri())
        return made
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    found: str = client.get_experiment_by_name(dataset).experiment_id
    return found


def runs_in(client: "MlflowClient", experiment: str, chosen: str = "") -> "list[Run]":
    """All runs of an experiment, or those that MLflow's filter `chosen` lets through."""
    page = client.search_runs([experiment], chosen)
    runs = list(page)
    while page.token:
        page = client.search_runs([experiment], chosen, page_token=page.token)
        runs += page
    return runs


def _is_shown(runs: "list[Run]", path: Path) -> bool:
    digest = summary.file_sha256(path)
    return any(run.info.status == "FINISHED" and run.data.tags.get(SENT) == digest for run in runs)


def _close_abandoned(client: "MlflowClient", runs: "list[Run]", record: Record, path: Path) -> None:
    """Marks as FAILED the runs of this record that a dying server never saw end."""
    for run in runs:
        ours = run.data.tags.get("record") == record_key(path)
        if (
            ours
            and run.info.status == "RUNNING"
            and run.info.start_time <= 1000 * summary.finished_at(record)
        ):
            client.set_terminated(run.info.run_id, "FAILED")
