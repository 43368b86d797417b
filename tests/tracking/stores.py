"""MLflow stores for tests: an empty one is made once, in seconds, and copied."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark.tracking import store

SETTINGS = {**store.SETTINGS, "MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}
"""No test waits long for a server."""


@dataclass(frozen=True)
class EmptyStore:
    """An SQLite store without runs, and what was printed while it was made."""

    database: Path
    printed: str


@contextmanager
def copy_of(empty: EmptyStore, folder: Path) -> Iterator[Any]:
    """The client of a copy of the store, which MLFLOW_TRACKING_URI names meanwhile."""
    from mlflow import MlflowClient

    database = shutil.copy(empty.database, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        yield MlflowClient(store.store_uri())
