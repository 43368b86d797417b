import os
import socket
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.tracking import store
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
