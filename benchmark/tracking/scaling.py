"""Ladders in MLflow: a run for each recipe, with fits as metrics, sizes as a table and the runs of
its records below it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive, record_key
from benchmark.studies.scaling.ladders import STUDY, place_of
from benchmark.tracking import summary
from benchmark.tracking.runs import SENT, experiment_id, open_client, runs_in
from benchmark.tracking.store import failure
from benchmark.tracking.tuning import PARENT
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from mlflow import MlflowClient

LADDER, DIGEST = "ladder", "ladder_sha256"
"""Tags of a ladder's run: DATASET/RECIPE, and the digest of the records and fits it shows."""


def show(results: Path, dataset: str, warn: Notify) -> None:
    """Send the ladders of a data set from its documents; a failure of MLflow is one warning."""
    try:
        _send(results, dataset)
    except Exception as error:
        later = "send the ladders later with `python -m benchmark track --sync`"
        warn(f"{failure(error)}; the records are kept: {later}")


def sync(results: Path, notify: Notify) -> None:
    """Send every ladder that MLflow lacks. Raises BenchmarkError where MLflow fails."""
    for dataset in Archive(results).datasets(STUDY):
        try:
            for recipe in _send(results, dataset):
                notify(f"sent the ladder of {dataset}/{recipe}")
        except Exception as error:
            raise BenchmarkError(failure(error)) from error


def _send(results: Path, dataset: str) -> list[str]:
    """The recipes whose ladders were sent; none without the numbers of `scale tables`."""
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
        own = [_flat(law) for law in laws if law["recipe"] == recipe]
        digest = canonical_sha256([sorted(keys), own])
        if ladder.data.tags.get(DIGEST) != digest:
            _log(client, ladder.info.run_id, own, digest)
            sent.append(recipe)
    return sent


def _flat(law: dict[str, Any]) -> dict[str, Any]:
    """A law's numbers and those of its fit in one dictionary, with the ends of an interval as
    `E_low` and `E_high`."""
    flat = {key: value for key, value in law.items() if key != "fit"}
    if fit := law["fit"]:
        flat |= {**fit, **fit["law"]}
        for name in ("E", "A", "alpha"):
            flat |= {f"{name}_{end}": value for end, value in fit[name].items()}
    return flat


def _log(client: "MlflowClient", run: str, laws: list[dict[str, Any]], digest: str) -> None:
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
