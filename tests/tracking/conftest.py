from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from benchmark.tracking import store
from tests.tracking.stores import SETTINGS, EmptyStore, copy_of


@pytest.fixture(scope="module", autouse=True)
def settings():
    """The environment as it was found, afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> EmptyStore:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        from mlflow import MlflowClient

        database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
        with redirect_stderr(StringIO()) as printed, redirect_stdout(printed):
            store.create_once(f"sqlite:///{database}", MlflowClient)
    return EmptyStore(database, printed.getvalue())


@pytest.fixture
def client(empty_store, tmp_path):
    with copy_of(empty_store, tmp_path) as found:
        yield found
