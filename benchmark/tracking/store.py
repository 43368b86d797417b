"""The MLflow store: its address, its creation, and the UI on it. Does not import mlflow."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.paths import WORKSPACE
from benchmark.utils.secrets import require_quoted, without_password

VARIABLE = "MLFLOW_TRACKING_URI"
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PGCONNECT_TIMEOUT": "10",
}
"""mlflow's environment unless the user has set it: quiet, offline, giving up within seconds."""

LOOPBACK = "127.0.0.1"
SQLITE = "sqlite:///"
DATABASES = {"mssql", "mysql", "postgresql", "sqlite"}
_unreachable: dict[str, str] = {}
"""Stores that did not answer this process, and why; it does not wait for them again."""


def apply_settings() -> None:
    """Call it before importing mlflow, which reads some of them then."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, else the SQLite file beside the project."""
    return os.environ.get(VARIABLE) or f"{SQLITE}{WORKSPACE / 'mlflow.db'}"


def shown_uri() -> str:
    """The address of the store for messages."""
    return without_password(store_uri())


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


def require_reachable(uri: str) -> None:
    """Raise BenchmarkError for a database that cannot be connected to, which mlflow would try ten
    times, for minutes; UsageError for an address that cannot be read."""
    require_quoted(uri, VARIABLE)
    if uri not in _unreachable and urlsplit(uri).scheme.partition("+")[0] in DATABASES:
        _connect(uri)
    if fault := _unreachable.get(uri):
        raise BenchmarkError(fault)


def give_up(error: BaseException) -> None:
    """Remember a store that does not answer, so that a command with many runs waits for it once."""
    if isinstance(_root(error), OSError):
        _unreachable[store_uri()] = reason(error)


def _connect(uri: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    try:
        engine.connect().close()
    except sqlalchemy.exc.DBAPIError as error:
        _unreachable[uri] = _first_line(error.orig or error)
    finally:
        engine.dispose()


def reason(error: BaseException) -> str:
    """The first cause of an error on one line, without passwords."""
    return without_password(_first_line(_root(error)), store_uri())


def _root(error: BaseException) -> BaseException:
    """The OSError from which an error comes, or else the error."""
    cause: BaseException | None = error
    root = error
    while cause is not None:
        root = cause if isinstance(cause, OSError) else root
        cause = cause.__cause__ or cause.__context__
    return root


def failure(error: BaseException) -> str:
    """One line: which store failed, and why."""
    return f"MLflow at {shown_uri()} failed: {reason(error)}"


def deleted(name: str, experiment: str) -> str:
    """What to do about an experiment that was deleted in the UI."""
    here = f"{VARIABLE}={shown_uri()} mlflow"
    restore = f"restore it: {here} experiments restore --experiment-id {experiment}"
    forget = f"or delete it for good: {here} gc --experiment-ids {experiment}"
    return f"the experiment '{name}' was deleted there; {restore}, {forget}"


@contextmanager
def failures() -> Iterator[None]:
    """Raise what fails in MLflow as a BenchmarkError; a UsageError stays one."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        raise BenchmarkError(failure(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


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
    """Replace this process by the MLflow server, so that signals reach the server alone. Everybody
    on the machine can read a command line, so the address goes by the environment."""
    sys.stdout.flush()
    command = f"-m mlflow server --host {LOOPBACK} --port {port} --workers 1".split()
    arguments = [sys.executable, *command, "--uvicorn-opts", "--log-level warning"]
    if (folder := artifacts_folder(uri)) is not None:
        arguments += ["--artifacts-destination", str(folder)]
    stores = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_REGISTRY_STORE_URI": uri}
    os.execve(sys.executable, arguments, {**os.environ, **stores, "PYTHONWARNINGS": "ignore"})
