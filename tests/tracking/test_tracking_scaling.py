"""Ladders in MLflow, through a client that keeps what it is told; test_tracking.py sends one to
MLflow itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.archive import record_key
from benchmark.tracking import scaling, summary
from benchmark.tracking.runs import SENT
from benchmark.tracking.tuning import PARENT
from tests.studies.scaling.test_ladders import keep
from tests.tracking.test_tracking_tuning import Client, Page

BOUNDS = {"low": 0.4, "high": 0.5}
FIT: dict[str, Any] = {
    "law": {"E": 0.45, "A": 0.02, "alpha": 0.5, "x0": 4_000.0},
    "E": BOUNDS,
    "A": BOUNDS,
    "alpha": {"low": 0.4, "high": None},
    "r2": 0.9,
    "held_out": -0.01,
    "misfit": 0.3,
    "identified": True,
}
JOINT = {"law": {"E": 0.44, "alpha": 0.5, "beta": 0.3}, "E": BOUNDS, "r2": 0.9, "misfit": 0.2}
NUMBERS = {
    "laws": [
        {"recipe": "a", "axis": "parameters", "verdict": "law", "p": 0.01, "fit": FIT},
        {"recipe": "a", "axis": "flops", "verdict": "no scaling law found", "p": 0.4, "fit": None},
        {"recipe": "b", "axis": "flops", "verdict": "law", "p": 0.02, "fit": FIT},
    ],
    "joint": [
        {"recipe": "a", "verdict": "law", "fit": JOINT},
        {"recipe": "b", "verdict": "not fitted: rows span too little", "fit": None},
    ],
}


@dataclass
class Store(Client):
    artifacts: list[tuple[str, str]] = field(default_factory=list)

    def search_runs(self, experiments, chosen):
        return Page(self.runs.values())

    def create_run(self, experiment, began, tags, name):
        run = super().create_run(experiment, began, tags, name)
        run.info.start_time = 5
        return run

    def log_artifact(self, run, path):
        self.artifacts.append((run, Path(path).name))

    def send(self, paths: Sequence[Path], notify: Any) -> None:
        """As tracking.send: the runs of records that are not there."""
        there = [run.data.tags for run in self.runs.values()]
        for path in paths:
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
def store(monkeypatch) -> Store:
    made = Store()
    monkeypatch.setattr(scaling, "open_client", lambda: made)
    monkeypatch.setattr(scaling, "experiment_id", lambda client, dataset: "7")
    monkeypatch.setattr(scaling.tracking, "send", made.send)
    return made


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two steps and a shape of one recipe, a step of another, and a figure."""
    for folder, step in (("a", 1), ("a", 2), ("b", 1)):
        keep(tmp_path, folder, step, 0, 0.47, 1_000 * step)
    keep(tmp_path, "a", 1, 1, 0.46)
    shape = tmp_path / "studies" / "scaling" / "synthetic_tiny" / "a-shape1" / "seed-0.json"
    shape.parent.mkdir()
    shape.write_text("a record")
    figures = tmp_path / "figures" / "scaling" / "synthetic_tiny"
    figures.mkdir(parents=True)
    (figures / "laws-flops.png").touch()
    table(tmp_path, NUMBERS)
    return tmp_path


def table(results: Path, numbers: dict[str, Any]) -> None:
    (results / "scaling").mkdir(exist_ok=True)
    (results / "scaling" / "synthetic_tiny.md").touch()
    (results / "scaling" / "synthetic_tiny.json").write_text(json.dumps(numbers))


def show(results: Path) -> None:
    scaling.show(results, "synthetic_tiny", pytest.fail)


def test_a_ladder_is_a_run_around_those_of_its_records(store, results) -> None:
    show(results)
    assert store.below("ladder a") == ["a-1", "a-1", "a-2", "a-shape1"] and store.below(
        "ladder b"
    ) == ["b-1"]
    parent = store.named("ladder a")
    assert parent.info.status == "FINISHED" and parent.data.tags["ladder"] == "synthetic_tiny/a"
    metrics = {
        name: value
        for run, name, value, step in store.metrics
        if (run, step) == (parent.info.run_id, 4)
    }
    assert metrics["parameters/E"] == 0.45 and metrics["parameters/E_high"] == 0.5
    assert (metrics["parameters/held_out"], metrics["parameters/p"]) == (-0.01, 0.01)
    assert metrics["flops/p"] == 0.4 and metrics["joint/E_low"] == 0.4
    assert {"flops/E", "parameters/alpha_high", "parameters/identified"}.isdisjoint(metrics)
    assert parent.data.tags["verdict.flops"] == "no scaling law found"
    assert store.named("ladder b").data.tags["verdict.joint"] == "not fitted: rows span too little"
    assert not [
        name
        for run, name, *_ in store.metrics
        if run != parent.info.run_id and name.startswith("joint")
    ]
    assert [name for run, name in store.artifacts if run == parent.info.run_id] == [
        "synthetic_tiny.md",
        "laws-flops.png",
    ]


def test_nothing_is_sent_twice_and_what_is_missing_is(store, results) -> None:
    show(results)
    sent = len(store.runs), len(store.metrics), len(store.artifacts)
    del store.named("b-1").data.tags[PARENT]
    show(results)
    scaling.sync(results, pytest.fail)
    assert (len(store.runs), len(store.metrics), len(store.artifacts)) == sent
    assert store.below("ladder b") == ["b-1"]


def test_other_records_or_other_fits_are_told_anew(store, results) -> None:
    told: list[str] = []
    show(results)
    keep(results, "b", 2, 0, 0.46, 2_000)
    scaling.sync(results, told.append)
    assert told == ["sent the ladder of synthetic_tiny/b"] and store.below("ladder b") == [
        "b-1",
        "b-2",
    ]
    table(results, {**NUMBERS, "joint": NUMBERS["joint"][1:]})
    scaling.sync(results, told.append)
    assert told[1:] == ["sent the ladder of synthetic_tiny/a"]


def test_without_tables_the_runs_are_below_a_ladder_without_fits(store, tmp_path) -> None:
    keep(tmp_path, "a", 1, 0, 0.47)
    show(tmp_path)
    assert store.below("ladder a") == ["a-1"] and store.metrics == []


def test_where_mlflow_fails_it_is_said_once_and_nothing_is_lost(results, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(scaling.tracking, "send", refuse)
    said: list[str] = []
    scaling.show(results, "synthetic_tiny", said.append)
    assert (
        len(said) == 1 and "refused; the records are kept: send the ladders later with" in said[0]
    )
    with pytest.raises(BenchmarkError, match="refused"):
        scaling.sync(results, pytest.fail)
