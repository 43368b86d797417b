import importlib.util
import os
import socket
import time
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError, UsageError
from benchmark.tracking import runs, store
from benchmark.utils.paths import ROOT


def test_the_store_lies_beside_the_project_unless_the_user_names_one(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store.store_uri() == f"sqlite:///{ROOT}/mlflow.db"
    assert store.artifacts_folder(store.store_uri()) == ROOT / "mlartifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert store.store_uri() == "http://127.0.0.1:5000"
    assert store.artifacts_folder(store.store_uri()) is None


def test_the_settings_of_the_user_win(monkeypatch) -> None:
    monkeypatch.setattr(os, "environ", {"MLFLOW_HTTP_REQUEST_TIMEOUT": "77"})
    store.apply_settings()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_an_interrupted_creation_leaves_no_store(tmp_path) -> None:
    database = tmp_path / "mlflow.db"

    def half(uri: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_text("half")
        raise KeyboardInterrupt

    def whole(uri: str) -> None:
        assert not Path(uri.removeprefix("sqlite:///")).exists()
        Path(uri.removeprefix("sqlite:///")).write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        store.create_once(f"sqlite:///{database}", half)
    assert not database.exists()
    store.create_once(f"sqlite:///{database}", whole)
    store.create_once(f"sqlite:///{database}", half)
    assert database.read_text() == "whole"


def test_a_failure_names_the_store_and_the_first_cause_but_no_password(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:1")
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as cause:
            raise RuntimeError("API request to http://me:secret@host:1/x failed") from cause
    except RuntimeError as error:
        assert (
            store.failure(error) == "MLflow at http://host:1 failed: [Errno 111] Connection refused"
        )
    text = store.failure(ValueError("at http://me:secret@host:1\nand more"))
    assert text == "MLflow at http://host:1 failed: at http://host:1"
    assert store.failure(ValueError()).endswith("failed: ValueError")


def test_a_free_port_can_be_had_again_at_once() -> None:
    with socket.create_server((store.LOOPBACK, 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(BenchmarkError, match=rf"port {port} .* choose another with --port"):
            store.require_free(port)
    store.require_free(port)
    store.require_free(port)


@pytest.mark.parametrize(
    "database",
    [
        "sqlite:///{folder}",
        pytest.param(
            "postgresql+psycopg2://me:secret@127.0.0.1:{port}/runs",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("psycopg2") is None, reason="needs psycopg2"
            ),
        ),
    ],
)
def test_a_database_that_cannot_be_reached_is_tried_once(
    tmp_path, monkeypatch, database: str
) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with socket.create_server((store.LOOPBACK, 0)) as silent:
        uri = database.format(folder=tmp_path, port=silent.getsockname()[1])
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        for seconds in (10, 0.5):
            began = time.monotonic()
            with pytest.raises(BenchmarkError, match=r"unable to open|timeout"):
                runs.open_client()
            assert time.monotonic() - began < seconds


def test_an_address_cut_by_its_password_is_misuse_and_not_shown(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:se/cr@et@host/runs")
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI") as error, store.failures():
        runs.open_client()
    warning = store.failure(error.value)
    assert warning.startswith("MLflow at postgresql://host/runs failed: MLFLOW_TRACKING_URI: ")
    assert "cr" not in warning.replace("cannot", "")


def test_a_password_that_a_library_names_is_masked(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:s%2Fecret@host/runs")
    for spelling in ("s/ecret", "s%2Fecret"):
        text = store.failure(ValueError(f'no host "{spelling}"'))
        assert text == 'MLflow at postgresql://host/runs failed: no host "***"'


def test_the_server_gets_its_address_by_the_environment(monkeypatch) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda _, *arguments: calls.append(arguments))
    uri = "postgresql://me:secret@host/runs"
    store.become_server(uri, 5000)
    [(command, environment)] = calls
    assert "secret" not in " ".join(command)
    names = ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI")
    assert [environment[name] for name in names] == [uri, uri]
