"""Runs in MLflow: live from their events, or later from their records.

Whatever fails there is one warning; the record is kept, and `sync` sends it later.
"""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from benchmark.errors import BenchmarkError, without_password
from benchmark.records.archive import Archive, record_key
from benchmark.records.record import Record, load
from benchmark.runs.run import Finished, Resumed, RunEvent, Started
from benchmark.tracking import store, summary
from benchmark.tracking.store import LOOPBACK, failure, store_uri
from benchmark.training.fit import Evaluated
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SENT = "record_sha256"
"""The tag of a complete run: SHA-256 of its record file."""
TRAINING_VIEW = "workflowType=machine_learning"
"""Without it the UI opens on its pages for language models."""


class Tracker:
    """Shows one run in MLflow as its events come; after a failure it warns once and stays silent.

    `path` is that of the record, which must be written before `Finished`. Left by an exception, it
    ends the run as KILLED for a KeyboardInterrupt, else as FAILED."""

    def __init__(self, path: Path, warn: Notify) -> None:
        self._path, self._warn = path, warn
        self._run: _TrackedRun | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._abort("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def __call__(self, event: RunEvent) -> None:
        try:
            if isinstance(event, Started):
                subject = summary.subject_of_job(event.job)
                self._run = _TrackedRun(open_client(), subject, self._path)
                self._run.describe()
            elif self._run is None:
                return
            elif isinstance(event, Resumed):
                self._run.resumed(event)
            elif isinstance(event, Evaluated):
                self._run.evaluated(event)
            elif isinstance(event, Finished):
                self._run.finished(event.record)
                self._run = None
        except Exception as error:
            self._warn(
                f"{failure(error)}; the run is not shown there but its record is kept: "
                "send it later with `python -m benchmark track --sync`"
            )
            self._abort("FAILED")

    def _abort(self, status: str) -> None:
        """End an unfinished run, if MLflow still answers."""
        if self._run is not None:
            with suppress(Exception):
                self._run.end(status)
            self._run = None


class Synced(NamedTuple):
    """Numbers of records: sent now, present before, and unreadable."""

    sent: int
    present: int
    unreadable: int


def sync(results: Path, notify: Notify) -> Synced:
    """Send every record of a results folder that MLflow lacks; notifies of each sent or unreadable
    one. Raises BenchmarkError if MLflow fails."""
    sent = present = unreadable = 0
    runs: dict[str, list[Run]] = {}
    for path in Archive(results).all_paths():
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
            complete = {SENT: summary.file_sha256(path)}
            if _with_status(runs[record.dataset], "FINISHED", complete):
                present += 1
                continue
            for run in _with_status(runs[record.dataset], "RUNNING", {"record": record_key(path)}):
                # its end is one that a dying server never saw
                if run.info.start_time <= 1000 * summary.finished_at(record):
                    client.set_terminated(run.info.run_id, "FAILED")
            _replay(client, record, path)
        except Exception as error:
            raise BenchmarkError(f"{failure(error)}; {sent} records were sent before") from error
        sent += 1
        notify(f"sent {record_key(path)}")
    return Synced(sent, present, unreadable)


def ui(port: int, notify: Notify = print) -> None:
    """Turn this process into the MLflow UI on the loopback address; for a store on a server, notify
    of its address only. Raises BenchmarkError if the port is taken or the store is unusable."""
    uri = store_uri()
    if uri.startswith(("http://", "https://")):
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
            page = f"#/experiments/{experiment.experiment_id}/runs?{TRAINING_VIEW}"
            notify(f"  {experiment.name}: {address}/{page}")
    store.become_server(uri, port)


class _TrackedRun:
    """One run in MLflow; times are those of the run, in milliseconds."""

    def __init__(self, client: "MlflowClient", subject: summary.TrackedSubject, path: Path) -> None:
        self._client, self._subject, self._path = client, subject, path
        self._began = int(1000 * subject.began)
        self._experiment = experiment_id(client, subject.dataset)
        tags = {"record": record_key(path), **summary.tags(subject)}
        name = summary.run_name(subject, path)
        run = client.create_run(self._experiment, self._began, tags, name)
        self._id: str = run.info.run_id

    def describe(self) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        parameters = [Param(name, text) for name, text in summary.parameters(self._subject).items()]
        self._client.log_batch(self._id, params=parameters)
        context = InputTag("mlflow.data.context", "all splits")
        data = DatasetInput(Dataset(**summary.dataset(self._subject)), [context])
        self._client.log_inputs(self._id, [data])

    def resumed(self, event: Resumed) -> None:
        """Show what came before, and end as KILLED the interrupted runs that showed it."""
        self._began -= int(1000 * event.seconds)
        for point in event.curve:
            self.evaluated(point)
        runs = runs_in(self._client, self._experiment)
        for run in _with_status(runs, "RUNNING", {"record": record_key(self._path)}):
            if run.info.run_id != self._id:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def evaluated(self, event: Evaluated) -> None:
        values = {
            "train/loss": event.train_loss,
            "train/learning_rate": event.learning_rate,
            "valid/auc": event.valid.auc,
            "valid/logloss": event.valid.logloss,
        }
        self._log(values, event.seconds, event.step)

    def finished(self, record: Record) -> None:
        seconds = record.cost.total_seconds
        self._log(summary.results(record), seconds)
        with tempfile.TemporaryDirectory() as folder:
            summary.write_bundle(record, self._path, Path(folder))
            self._client.log_artifacts(self._id, folder)
        self._client.log_table(self._id, summary.rank_table(record), "ranks.json")
        self._client.set_tag(self._id, SENT, summary.file_sha256(self._path))
        self._client.set_terminated(self._id, "FINISHED", self._began + int(1000 * seconds))

    def end(self, status: str) -> None:
        self._client.set_terminated(self._id, status)

    def _log(self, values: dict[str, float], seconds: float, step: int = 0) -> None:
        from mlflow.entities import Metric

        time = self._began + int(1000 * seconds)
        metrics = [Metric(name, value, time, step) for name, value in values.items()]
        self._client.log_batch(self._id, metrics=metrics)


def _replay(client: "MlflowClient", record: Record, path: Path) -> None:
    """Show a run from its record, by the calls of a live one."""
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
    """Id of the data set's experiment, created if it does not exist."""
    from mlflow import MlflowException

    folder = store.artifacts_folder(store_uri())
    try:
        return str(client.create_experiment(dataset, folder and (folder / dataset).as_uri()))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return str(client.get_experiment_by_name(dataset).experiment_id)


def runs_in(client: "MlflowClient", experiment: str, condition: str = "") -> "list[Run]":
    """The runs of an experiment that meet a condition in MLflow's filter language."""
    page = client.search_runs([experiment], condition)
    runs = list(page)
    while page.token:
        page = client.search_runs([experiment], condition, page_token=page.token)
        runs += page
    return runs


def _with_status(runs: "list[Run]", status: str, tags: dict[str, str]) -> "list[Run]":
    return [
        run for run in runs if run.info.status == status and tags.items() <= run.data.tags.items()
    ]
