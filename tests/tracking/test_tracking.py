import json
import os
import socket
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.data.card import Card
from benchmark.errors import BenchmarkError
from benchmark.measure.null import null_erank
from benchmark.measure.spectrum import METRICS
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.runs.job import Job
from benchmark.runs.run import Finished, Resumed, Started
from benchmark.tracking import experiments
from benchmark.tracking import runs as tracking
from benchmark.tracking import store as mlflow_store
from benchmark.tracking.runs import Tracker
from benchmark.tracking.sync import sync
from tests.factories import keep, make_record
from tests.servers import free_port, tracking_server
from tests.tracking.stores import copy_of

RECIPE = replace(
    recipes.parse(
        {
            "model": {"name": "dnn", "embedding_dim": 8, "hidden_units": [16, 8]},
            "train": {"batch_size": 100, "learning_rate": 1e-3},
        },
        "synthetic_tiny",
        "a test",
    ),
    name="no_such_file",
)
CAVEAT = "not the official rows"
RECORD = make_record(
    name=RECIPE.name,
    recipe=RECIPE.resolved(),
    recipe_digest=RECIPE.digest(),
    caveat=CAVEAT,
    created="2026-01-01T00:00:10+00:00",
)


@pytest.fixture(scope="module")
def shown(empty_store, tmp_path_factory):
    """One live run, for tests that only look: the client and the run."""
    folder = tmp_path_factory.mktemp("shown")
    with copy_of(empty_store, folder) as found:
        send_live(saved(folder), never)
        yield found, runs(found)[0]


def started(recipe: recipes.Recipe = RECIPE) -> Started:
    store = SimpleNamespace(fingerprint=RECORD.data)
    card = Card(id="synthetic_tiny", title="a test", caveat=CAVEAT, generator="synthetic_tiny 1")
    job = Job(recipe, card, store, seed=0, threads=1)
    return Started(job, RECORD.parameters, RECORD.flops_per_sample, steps_per_epoch=10)


def saved(results: Path, record: Record = RECORD) -> Path:
    path = Archive(results).path(record.dataset, record.name, record.seed)
    keep(record, path)
    return path


def send_live(path: Path, warn, record: Record = RECORD) -> None:
    tracker = Tracker(path, warn)
    for event in (started(), *record.curve, Finished(record, {})):
        tracker(event)


def runs(client, dataset: str = "synthetic_tiny"):
    """Those of records, oldest first."""
    experiment = client.get_experiment_by_name(dataset).experiment_id
    found = client.search_runs([experiment], "tags.level = 'run'")
    return sorted(found, key=lambda run: run.info.start_time)


def never(message: str) -> None:
    pytest.fail(f"unexpected: {message}")


def test_a_live_run_is_shown_whole(shown) -> None:
    client, run = shown
    assert run.info.run_name == "no_such_file seed 0"
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 4000
    assert run.data.params["model.hidden_units"] == "16, 8"
    assert run.data.params["train.learning_rate"] == "0.001"
    assert run.data.tags["recipe"] == "synthetic_tiny/no_such_file"
    assert run.data.tags["digest"] == RECIPE.digest()
    assert run.data.tags["record"] == "synthetic_tiny/no_such_file/seed-0"
    assert run.data.tags["mlflow.note.content"] == CAVEAT
    curve = client.get_metric_history(run.info.run_id, "valid/auc")
    assert [(point.step, point.value) for point in curve] == [(10, 0.70), (20, 0.74), (30, 0.73)]
    assert [point.timestamp - run.info.start_time for point in curve] == [500, 1000, 1500]
    assert run.data.metrics["test/auc"] == 0.75
    assert run.data.metrics["rank/ratio/02_block1.mixing"] == pytest.approx(
        3 / null_erank(6, 8).mean
    )
    artifacts = {file.path for file in client.list_artifacts(run.info.run_id)}
    ranks = {f"rank_{part}.png" for part in ("trajectory", "spectra", "training")}
    assert artifacts == {"record.json", "record.npz", "recipe.toml", "ranks.json", *ranks}


def test_every_rank_is_in_a_table(shown) -> None:
    client, run = shown
    table = json.loads(Path(client.download_artifacts(run.info.run_id, "ranks.json")).read_text())
    assert table["columns"] == ["stage", "when", "form", "rows", "columns", *METRICS, "ratio"]
    [tokens] = [row for row in table["data"] if row[:3] == ["tokens", "trained", "token"]]
    assert tokens[3:6] == [6, 8, 3.5]


def test_the_data_set_is_an_input(shown) -> None:
    (data,) = shown[1].inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("synthetic_tiny", "dddddddd")
    assert json.loads(data.dataset.profile)["train_rows"] == 1000


def test_a_synced_run_equals_the_live_one(shown, client, tmp_path, capfd) -> None:
    path = saved(tmp_path)
    assert sync(tmp_path, lambda _: None).sent == 1
    assert capfd.readouterr() == ("", "")
    (synced,), live = runs(client), shown[1]
    assert synced.info.run_name == live.info.run_name
    assert synced.info.end_time == 1000 * int(datetime.fromisoformat(RECORD.created).timestamp())
    assert synced.data.params == live.data.params
    assert synced.data.metrics == live.data.metrics
    other = dict.fromkeys(("commit", "seeds_of", "mlflow.parentRunId"), "")
    assert synced.data.tags | other == live.data.tags | other
    assert (
        Path(client.download_artifacts(synced.info.run_id, "record.json")).read_bytes()
        == path.read_bytes()
    )


@pytest.mark.parametrize(
    ("error", "status"), [(BenchmarkError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_an_aborted_run_says_so(client, tmp_path, error, status) -> None:
    with pytest.raises(error), Tracker(tmp_path / "seed-0.json", never) as tracker:
        tracker(started())
        raise error
    assert [run.info.status for run in runs(client)] == [status]


def test_a_resumed_run_shows_what_came_before_in_place_of_the_one_that_was_killed(
    client, tmp_path
) -> None:
    path = saved(tmp_path)
    Tracker(path, never)(started())
    tracker = Tracker(path, never)
    for event in (
        started(),
        Resumed(20, 2, RECORD.curve[:2], seconds=100.0),
        RECORD.curve[2],
        Finished(RECORD, {}),
    ):
        tracker(event)
    [whole] = runs(client)
    assert whole.info.status == "FINISHED"
    points = client.get_metric_history(whole.info.run_id, "valid/auc")
    assert [point.value for point in points] == [event.valid.auc for event in RECORD.curve]


def test_a_record_that_cannot_be_sent_is_one_warning(client, tmp_path) -> None:
    messages: list[str] = []
    send_live(tmp_path / "missing" / "seed-0.json", messages.append)
    assert len(messages) == 1
    assert "missing/seed-0.json" in messages[0]
    assert runs(client)[0].info.status == "FAILED"


def test_a_closed_port_is_one_warning_and_no_wait(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{free_port()}")
    messages: list[str] = []
    began = time.monotonic()
    send_live(saved(tmp_path), messages.append)
    assert time.monotonic() - began < 60  # MLflow by itself tries for minutes
    (warning,) = messages
    assert "Connection refused" in warning
    assert "python -m benchmark track --sync" in warning
    assert "secret" not in warning
    with pytest.raises(BenchmarkError, match="Connection refused"):
        sync(tmp_path, never)


@pytest.mark.parametrize("answers", [0, 2, 4, 5, 8])
def test_a_server_that_dies_half_way_is_one_warning(tmp_path, monkeypatch, answers) -> None:
    messages: list[str] = []
    with tracking_server(answers) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        send_live(saved(tmp_path), messages.append)
    assert len(messages) == 1
    assert address in messages[0]


def test_a_server_that_never_answers_is_one_warning_in_seconds(tmp_path, monkeypatch) -> None:
    messages: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        send_live(saved(tmp_path), messages.append)
        assert time.monotonic() - began < 60  # MLflow by itself tries for minutes
        began = time.monotonic()
        send_live(saved(tmp_path), messages.append)
        assert time.monotonic() - began < 3  # a second run does not wait again
    assert len(messages) == 2
    assert all("timed out" in message.lower() for message in messages)


def test_a_new_store_is_made_in_silence(empty_store) -> None:
    assert empty_store.printed == ""
    assert {path.name for path in empty_store.database.parent.iterdir()} == {
        "mlflow.db",
        "mlartifacts",
    }


def test_the_ui_serves_the_store_on_the_loopback_address_alone(client, monkeypatch) -> None:
    client.create_experiment("foreign")
    experiments.experiment_id(client, "frappe")
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, *arguments: calls.append(arguments))
    messages: list[str] = []
    port = free_port()
    tracking.ui(port, messages.append)
    ((command, environment),) = calls
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == str(port)
    assert environment["MLFLOW_BACKEND_STORE_URI"] == mlflow_store.store_uri()
    assert environment["MLFLOW_REGISTRY_STORE_URI"] == mlflow_store.store_uri()
    address = f"http://127.0.0.1:{port}/#/experiments"
    training = "runs?workflowType=machine_learning"
    assert messages[1] == f"  foreign: {address}/1/{training}"
    assert messages[2] == f"  frappe: {address}/2/{training}&viewStateShareKey=leaderboard"


def test_the_ui_of_a_server_is_its_address(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example:8443/x")
    messages: list[str] = []
    tracking.ui(5000, messages.append)
    assert messages == ["the runs are on the MLflow server https://mlflow.example:8443/x"]
