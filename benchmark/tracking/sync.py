"""Records sent to MLflow after their runs."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive, record_key
from benchmark.records.record import load
from benchmark.tracking import summary
from benchmark.tracking.client import open_client, runs_in, with_status
from benchmark.tracking.experiments import experiment_id
from benchmark.tracking.runs import SENT, TrackedRun
from benchmark.tracking.seeds import show_means
from benchmark.tracking.store import failures, reason
from benchmark.tracking.variants import show_variants
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class Synced(NamedTuple):
    """Numbers of records: sent now, present before, and those that could not be sent."""

    sent: int
    present: int
    failed: int


class _Experiment(NamedTuple):
    """The experiment of a data set, with its runs when the sync began."""

    id: str
    runs: "list[Run]"

    def lacks(self, path: Path) -> bool:
        digest = ""
        with suppress(OSError):  # to load the record will say why
            digest = summary.file_sha256(path)
        return not with_status(self.runs, "FINISHED", {SENT: digest, summary.LEVEL: "run"})


def sync(results: Path, notify: Notify) -> Synced:
    """Send every record of a results folder that MLflow lacks; all but its figures.

    Notifies of each that is sent, counted, and of what cannot be sent and why. Raises
    BenchmarkError where the store itself fails; what was sent stays there."""
    paths = Archive(results).all_paths()
    with failures():
        client = open_client()
        experiments = _experiments(client, Counter(map(_dataset, paths)), notify)
        open_ = [path for path in paths if _dataset(path) in experiments]
        lacking = [path for path in open_ if experiments[_dataset(path)].lacks(path)]
        sent = 0
        for number, path in enumerate(lacking, start=1):
            fault = _fault(client, experiments[_dataset(path)], path)
            outcome = f"is not sent: {fault}" if fault else "is sent"
            notify(f"{number} of {len(lacking)}: {record_key(path)} {outcome}")
            sent += not fault
        for experiment in experiments.values():
            show_means(client, experiment.id)
            show_variants(client, experiment.id, results)
    present = len(open_) - len(lacking)
    return Synced(sent, present, failed=len(paths) - present - sent)


def _experiments(
    client: "MlflowClient", records: Mapping[str, int], notify: Notify
) -> dict[str, _Experiment]:
    """The experiments of data sets, whose numbers of records are given; without deleted ones."""
    found = {}
    for dataset, count in sorted(records.items()):
        try:
            number = experiment_id(client, dataset)
        except BenchmarkError as error:
            notify(f"{count} records are not sent: {error}")
        else:
            found[dataset] = _Experiment(number, runs_in(client, number))
    return found


def _fault(client: "MlflowClient", experiment: _Experiment, path: Path) -> str:
    """Send a record; why that is impossible, if it is. Raises where the store does not answer."""
    try:
        _send(client, experiment, path)
    except Exception as error:
        client.search_experiments(max_results=1)
        return reason(error)
    return ""


def _send(client: "MlflowClient", experiment: _Experiment, path: Path) -> None:
    record = load(path)
    for open_run in with_status(experiment.runs, "RUNNING", {"record": record_key(path)}):
        # a dying server never saw its end
        if open_run.info.start_time <= 1000 * summary.finished_at(record):
            client.delete_run(open_run.info.run_id)
    run = TrackedRun(client, experiment.id, summary.subject_of(record), path)
    try:
        run.describe()
        run.evaluated(*record.curve)
        run.finished(record)
        run.replace(experiment.runs)
    except BaseException:
        with suppress(Exception):
            run.discard()
        raise


def _dataset(path: Path) -> str:
    return path.parents[1].name
