"""The MLflow store: its address, its creation, and the UI on it. Does not import mlflow."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from benchmark.errors import BenchmarkError, without_password
from benchmark.utils.paths import ROOT

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""mlflow's environment unless the user has set it: quiet, offline, giving up within seconds."""

LOOPBACK = "127.0.0.1"
SQLITE = "sqlite:///"


def apply_settings() -> None:
    """Call it before importing mlflow, which reads some of them then."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, else the SQLite file beside the project."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{ROOT / 'mlflow.db'}"


def artifacts_folder(uri: str) -> Path | None:
    """`mlartifacts` beside an SQLite file; None for other stores, which decide themselves."""
    if not uri.startswith(SQLITE):
        return None
    return Path(uri.removeprefix(SQLITE)).absolute().parent / "mlartifacts"


def create_once(uri: str, create: Callable[[str], object]) -> None:
    """Create an SQLite store by `create(uri)` under another name and rename it, so that neither a
    Ctrl-C nor a second process meets a partial one."""
    folder = artifacts_folder(uri)
    database = Path(uri.removeprefix(SQLITE))
    if folder is None or database.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=60):
        if not database.exists():
            partial = folder / ".partial.db"
            partial.unlink(missing_ok=True)
            create(f"{SQLITE}{partial}")
            partial.replace(database)


def failure(error: BaseException) -> str:
    """One line: which store failed, and the first cause."""
    cause: BaseException | None = error
    root = error
    while cause is not None:
        root = cause if isinstance(cause, OSError) else root
        cause = cause.__cause__ or cause.__context__
    reason = str(root).strip().partition("\n")[0] or type(root).__name__
    return without_password(f"MLflow at {store_uri()} failed: {reason}")


def require_free(port: int) -> None:
    """Raises BenchmarkError if the port of the loopback address is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise BenchmarkError(
                f"port {port} of {LOOPBACK}: {error.strerror}; choose another with --port"
            ) from None


def become_server(uri: str, port: int) -> None:
    """Replace this process by the MLflow server, so that signals reach the server alone."""
    sys.stdout.flush()
    command = f"-m mlflow server --host {LOOPBACK} --port {port} --workers 1".split()
    stores = ["--backend-store-uri", uri, "--registry-store-uri", uri]
    if (folder := artifacts_folder(uri)) is not None:
        stores += ["--artifacts-destination", str(folder)]
    arguments = [sys.executable, *command, *stores, "--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, arguments, {**os.environ, "PYTHONWARNINGS": "ignore"})
