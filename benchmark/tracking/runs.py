"""Runs in MLflow, live from their events.

Whatever fails there is one warning; the record is kept, and `sync` sends it later.
"""

import math
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmark.records.archive import record_key
from benchmark.records.record import Record
from benchmark.runs.run import Finished, Resumed, RunEvent, Started
from benchmark.tracking import store, summary
from benchmark.tracking.client import open_client, runs_in, with_status
from benchmark.tracking.experiments import experiment_id, page
from benchmark.tracking.names import mlflow_name
from benchmark.tracking.seeds import show_means
from benchmark.tracking.store import LOOPBACK, failure, shown_uri, store_uri
from benchmark.tracking.summary import SEEDS_OF
from benchmark.training.fit import Evaluated
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

SENT = "record_sha256"
"""The tag of a complete run: SHA-256 of its record file."""


class Tracker:
    """Shows one run in MLflow as its events come; after a failure it warns once and stays silent.

    `path` is that of the record, which must be written before `Finished`. Left by an exception, it
    ends the run as KILLED for a KeyboardInterrupt, else as FAILED."""

    def __init__(self, path: Path, warn: Notify) -> None:
        self._path, self._warn = path, warn
        self._run: TrackedRun | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._abort("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def __call__(self, event: RunEvent) -> None:
        try:
            if isinstance(event, Started):
                subject = summary.subject_of_job(event.job)
                client = open_client()
                experiment = experiment_id(client, subject.dataset)
                self._run = TrackedRun(client, experiment, subject, self._path)
                self._run.describe()
            elif self._run is None:
                return
            elif isinstance(event, Resumed):
                self._run.resumed(event)
            elif isinstance(event, Evaluated):
                self._run.evaluated(event)
            elif isinstance(event, Finished):
                self._run.draw(event.record)
                self._run.finished(event.record)
                self._run.join_seeds()
                self._run = None
        except Exception as error:
            if isinstance(event, Started):
                store.give_up(error)
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


def ui(port: int, notify: Notify = print) -> None:
    """Turn this process into the MLflow UI on the loopback address; for a store on a server, notify
    of its address only. Raises BenchmarkError if the port is taken or the store is unusable."""
    uri = store_uri()
    if uri.startswith(("http://", "https://")):
        notify(f"the runs are on the MLflow server {shown_uri()}")
        return
    store.require_free(port)
    with store.failures():
        experiments = open_client().search_experiments(order_by=["name"])
    address = f"http://{LOOPBACK}:{port}"
    notify(f"MLflow UI on port {port} of {LOOPBACK} (Ctrl-C ends it); by mean test AUC:")
    for experiment in experiments:
        if experiment.name != "Default":
            notify(f"  {experiment.name}: {address}/{page(experiment)}")
    notify("on any other page choose Model training, at the top left: MLflow opens those as GenAI")
    store.become_server(uri, port)


class TrackedRun:
    """One run in MLflow; times are those of the run, in milliseconds.

    Each method is one call or a few of the store, whatever number of points it sends."""

    def __init__(
        self,
        client: "MlflowClient",
        experiment: str,
        subject: summary.TrackedSubject,
        path: Path,
    ) -> None:
        self._client, self._subject, self._path = client, subject, path
        self._experiment = experiment
        self._began = int(1000 * subject.began)
        self._record = {"record": record_key(path), **summary.place_tags(path)}
        tags = self._record | summary.tags(subject)
        name = summary.run_name(subject, path)
        self._id: str = client.create_run(experiment, self._began, tags, name).info.run_id

    def describe(self) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

        settings = summary.parameters(self._subject)
        parameters = [Param(mlflow_name(name), text) for name, text in settings.items()]
        # the UI compares runs by the metric that was logged first
        first = [Metric("test/auc", math.nan, self._began, 0)]
        self._client.log_batch(self._id, first, parameters)
        context = InputTag("mlflow.data.context", "all splits")
        data = DatasetInput(Dataset(**summary.dataset(self._subject)), [context])
        self._client.log_inputs(self._id, [data])

    def resumed(self, event: Resumed) -> None:
        """Show what came before, and end as KILLED the interrupted runs that showed it."""
        self._began -= int(1000 * event.seconds)
        self.evaluated(*event.curve)
        runs = runs_in(self._client, self._experiment)
        for run in with_status(runs, "RUNNING", {"record": record_key(self._path)}):
            if run.info.run_id != self._id:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def evaluated(self, *events: Evaluated) -> None:
        points = [point for event in events for point in self._points_of(event)]
        self._client.log_batch(self._id, metrics=points)

    def draw(self, record: Record) -> None:
        """Add the figures of the record, which take longer than everything else."""
        with tempfile.TemporaryDirectory() as folder:
            summary.draw(record, Path(folder))
            self._client.log_artifacts(self._id, folder)

    def finished(self, record: Record) -> None:
        from mlflow.entities import RunTag

        seconds = record.cost.total_seconds
        with tempfile.TemporaryDirectory() as folder:
            summary.write_bundle(record, self._path, Path(folder))
            self._client.log_artifacts(self._id, folder)
        self._client.log_table(self._id, summary.rank_table(record), "ranks.json")
        results = self._points(summary.results(record), seconds)
        sent = RunTag(SENT, summary.file_sha256(self._path))
        self._client.log_batch(self._id, results, tags=[sent])
        self._client.set_terminated(self._id, "FINISHED", self._began + int(1000 * seconds))

    def join_seeds(self) -> None:
        """Take the place of what showed this record before, and renew the means of its seeds."""
        condition = f"tags.{SEEDS_OF} = '{self._record[SEEDS_OF]}'"
        self.replace(runs_in(self._client, self._experiment, condition))
        show_means(self._client, self._experiment, condition)

    def replace(self, runs: "list[Run]") -> None:
        """Delete the runs among these that showed this record before, but none that still goes on;
        the UI can restore them. Runs of older versions have no place but the file's SHA-256."""
        file = {SENT: summary.file_sha256(self._path)}
        for run in runs:
            tags = run.data.tags.items()
            same = self._record.items() <= tags or file.items() <= tags
            if same and run.info.run_id != self._id and run.info.status != "RUNNING":
                self._client.delete_run(run.info.run_id)

    def end(self, status: str) -> None:
        self._client.set_terminated(self._id, status)

    def discard(self) -> None:
        """Leave nothing of a run that cannot be shown whole."""
        self._client.delete_run(self._id)

    def _points_of(self, event: Evaluated) -> "list[Metric]":
        values = {
            "train/loss": event.train_loss,
            "train/learning_rate": event.learning_rate,
            "valid/auc": event.valid.auc,
            "valid/logloss": event.valid.logloss,
        }
        return self._points(values, event.seconds, event.step)

    def _points(self, values: Mapping[str, float], seconds: float, step: int = 0) -> "list[Metric]":
        from mlflow.entities import Metric

        time = self._began + int(1000 * seconds)
        return [Metric(mlflow_name(name), value, time, step) for name, value in values.items()]
