"""Ladders in MLflow, through a client that keeps what it is told, and once through MLflow."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.archive import record_key
from benchmark.tracking import studies, summary
from benchmark.tracking.runs import SENT
from benchmark.tracking.studies import PARENT
from tests.studies.scaling.test_ladders import keep
from tests.tracking.test_tracking_tuning import Client, Page

FIT: dict[str, Any] = {
    "E": 0.45,
    "E_high": 0.5,
    "alpha": 0.5,
    "alpha_high": None,
    "missed": -0.01,
    "faults": [],
}


def law(recipe: str, axis: str, verdict: str, p: float, fit: Any = FIT) -> dict[str, Any]:
    size = {"size": 1000, "rate": 1e-3, "seeds": [0, 1], "logloss": 0.465, "logloss_sd": None}
    names = {"recipe": recipe, "axis": axis, "verdict": verdict}
    return {**names, "sizes": [size], "no_fall_p": p, **fit}


LAWS = [
    law("a", "parameters", "law", 0.01),
    law("a", "flops", "no fall found", 0.4, {}),
    law("b", "flops", "law", 0.02),
]


@dataclass
class Store(Client):
    """With the runs of records that were sent before."""

    tables: list[tuple[str, dict, str]] = field(default_factory=list)

    def search_runs(self, experiments, chosen):
        return Page(self.runs.values())

    def log_table(self, run, data, file):
        assert (run, file) not in [(kept, name) for kept, _, name in self.tables], "appended to"
        self.tables.append((run, data, file))

    def keep_records(self, results: Path) -> None:
        """A run for each record that has none, as `sync` sends them."""
        there = [run.data.tags for run in self.runs.values()]
        for path in sorted(results.glob("studies/scaling/*/*/seed-*.json")):
            tags = {"record": record_key(path), SENT: summary.file_sha256(path)}
            if not any(tags.items() <= each.items() for each in there):
                self.create_run("7", 5, tags, path.parent.name)

    def named(self, name: str) -> Any:
        [found] = [run for run in self.runs.values() if run.info.name == name]
        return found

    def below(self, name: str) -> list[str]:
        parent = self.named(name).info.run_id
        return [run.info.name for run in self.runs.values() if run.data.tags.get(PARENT) == parent]


@pytest.fixture
def store(monkeypatch, results) -> Store:
    made = Store()
    made.keep_records(results)
    monkeypatch.setattr(studies, "open_client", lambda: made)
    monkeypatch.setattr(studies, "experiment_id", lambda client, dataset: "7")
    return made


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two steps of one recipe, a step of another, and their numbers."""
    for folder, step in (("a", 1), ("a", 2), ("b", 1)):
        keep(tmp_path, folder, step, 0, 0.47, 1_000 * step)
    keep(tmp_path, "a", 1, 1, 0.46)
    table(tmp_path, LAWS)
    return tmp_path


def table(results: Path, laws: list[dict[str, Any]]) -> None:
    (results / "scaling").mkdir(exist_ok=True)
    (results / "scaling" / "synthetic_tiny.json").write_text(json.dumps({"laws": laws}))


def show(results: Path) -> None:
    studies.show_ladders(results, "synthetic_tiny", pytest.fail)


def test_a_ladder_is_a_run_around_those_of_its_records(store, results) -> None:
    show(results)
    assert store.below("ladder a") == ["a-1-2", "a-1-2", "a-2-2"]
    assert store.below("ladder b") == ["b-1-2"]
    parent = store.named("ladder a")
    assert parent.info.status == "FINISHED" and parent.data.tags["ladder"] == "synthetic_tiny/a"
    own = parent.info.run_id
    metrics = {name: value for run, name, value, _ in store.metrics if run == own}
    assert metrics["parameters/E"] == 0.45 and metrics["parameters/E_high"] == 0.5
    assert (metrics["parameters/missed"], metrics["parameters/no_fall_p"]) == (-0.01, 0.01)
    assert metrics["flops/no_fall_p"] == 0.4
    assert {"flops/E", "parameters/alpha_high", "parameters/faults"}.isdisjoint(metrics)
    assert parent.data.tags["verdict.flops"] == "no fall found"
    [data] = [data for run, data, _ in store.tables if run == own]
    assert data["axis"] == ["parameters", "flops"] and data["logloss"] == [0.465, 0.465]


def test_nothing_is_sent_twice_and_what_is_missing_is(store, results) -> None:
    show(results)
    sent = len(store.runs), len(store.metrics), len(store.tables)
    del store.named("b-1-2").data.tags[PARENT]
    show(results)
    studies.sync_ladders(results, pytest.fail)
    assert (len(store.runs), len(store.metrics), len(store.tables)) == sent
    assert store.below("ladder b") == ["b-1-2"]


def test_other_records_or_other_fits_are_told_anew(store, results) -> None:
    told: list[str] = []
    show(results)
    keep(results, "b", 2, 0, 0.46, 2_000)
    store.keep_records(results)
    studies.sync_ladders(results, told.append)
    assert told == ["sent the ladder of synthetic_tiny/b"]
    assert store.below("ladder b") == ["b-1-2", "b-2-2"]
    table(results, [law("a", "parameters", "law", 0.03), *LAWS[1:]])
    studies.sync_ladders(results, told.append)
    assert told[1:] == ["sent the ladder of synthetic_tiny/a"]


def test_without_numbers_nothing_is_sent(store, results) -> None:
    (results / "scaling" / "synthetic_tiny.json").unlink()
    before = len(store.runs)
    show(results)
    assert len(store.runs) == before and store.metrics == []


def test_where_mlflow_fails_it_is_said_once_and_nothing_is_lost(results, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(studies, "open_client", refuse)
    said: list[str] = []
    studies.show_ladders(results, "synthetic_tiny", said.append)
    assert (
        len(said) == 1 and "refused; the records are kept: send the ladders later with" in said[0]
    )
    with pytest.raises(BenchmarkError, match="refused"):
        studies.sync_ladders(results, pytest.fail)


def test_mlflow_takes_a_ladder(results, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    show(results)
    client = studies.open_client()
    runs = studies.runs_in(client, studies.experiment_id(client, "synthetic_tiny"))
    by_name = {run.info.run_name: run for run in runs}
    assert sorted(by_name) == ["ladder a", "ladder b"]
    ladder = by_name["ladder a"]
    assert ladder.data.metrics["parameters/alpha"] == 0.5
    [artifact] = client.list_artifacts(ladder.info.run_id)
    assert artifact.path == f"sizes-{ladder.data.tags['ladder_sha256'][:8]}.json"
