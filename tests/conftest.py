"""What tests share: an encoded-data cache of the session's own, the command line, a few runs on
synthetic_tiny."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from benchmark.__main__ import main
from benchmark.recipes import recipe as recipes
from tests.factories import PROVENANCE
from tests.tracking.stores import SETTINGS, EmptyStore

settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")
os.environ.pop("COLUMNS", None)  # what is printed has the same width in every process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of the whole project first: they are the longest, and no process waits for them in the
    end."""
    items.sort(key=lambda item: item.path.parent.name != "tests")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """The session's cache folder, also of the subprocesses that tests start."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["BENCHMARK_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _interrupts() -> None:
    """Processes that a shell starts with `&` ignore Ctrl-C, and so would those that tests start and
    interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., tuple[str, str]]:
    """`python -m benchmark` in this process: what it printed to (standard output, standard error);
    its exit code must be `code`."""

    def call(*words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["benchmark", *words])
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == code, (
            f"{words}: {ended.value.code}\n{printed.out}\n{printed.err}"
        )
        return printed.out, printed.err

    return call


@dataclass(frozen=True)
class Made:
    """A results folder with real records, and the recipes they were made from."""

    results: Path
    recipes: Path


RECIPES = {
    "linear": (
        '[model]\nname = "lr"\n\n[train]\nbatch_size = 2048\nlearning_rate = 0.02\nepochs = 2\n'
    ),
    "deep": (
        '[model]\nname = "dnn"\nembedding_dim = 4\nhidden_units = [16]\n\n[train]\nbatch_size ='
        " 2048\nepochs = 2\n"
    ),
}


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    """Two recipes on synthetic_tiny, seeds 0 and 1, run and tabled. Read only: tests that alter it
    work on a copy."""
    from benchmark.data import catalog
    from benchmark.records import record
    from benchmark.records.archive import Archive
    from benchmark.reports import document
    from benchmark.reports.leaderboard import boards
    from benchmark.reports.leaderboard import text as leaderboard
    from benchmark.runs.run import Finished, Job, Run

    root = tmp_path_factory.mktemp("made")
    folder = root / "recipes" / "synthetic_tiny"
    folder.mkdir(parents=True)
    found, store = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    for name, text in RECIPES.items():
        (folder / f"{name}.toml").write_text(text + PROVENANCE)
        recipe = recipes.load(f"synthetic_tiny/{name}", folder.parent)
        for seed in (0, 1):
            job = Job(recipe, found.card, store, seed, threads=1)
            for event in Run(job):
                if isinstance(event, Finished):
                    record.save(event.record, event.scores, job.path(root / "results"))
    archive = Archive(root / "results")
    document.write(leaderboard.documents(boards.load(archive), archive))
    return Made(root / "results", root / "recipes")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> EmptyStore:
    """An MLflow store without runs, which takes seconds to make; tests use copies."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        from mlflow import MlflowClient

        from benchmark.tracking import store

        database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
        with redirect_stderr(StringIO()) as printed, redirect_stdout(printed):
            store.create_once(f"sqlite:///{database}", MlflowClient)
    return EmptyStore(database, printed.getvalue())
