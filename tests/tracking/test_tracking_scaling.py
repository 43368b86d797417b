import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.tracking import studies
from tests.studies.scaling.test_ladders import keep

FIT: dict[str, Any] = {
    "E": 0.45,
    "E_high": 0.5,
    "alpha": 0.5,
    "alpha_high": None,
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


@pytest.fixture
def results(tmp_path: Path) -> Path:
    keep(tmp_path, "a", 1, 0, 0.47)
    write(tmp_path, LAWS)
    return tmp_path


def write(results: Path, laws: list[dict[str, Any]]) -> None:
    (results / "scaling").mkdir(exist_ok=True)
    (results / "scaling" / "synthetic_tiny.json").write_text(json.dumps({"laws": laws}))


def ladders(client) -> dict[str, Any]:
    experiment = client.get_experiment_by_name("synthetic_tiny")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_the_fits_of_a_ladder_are_metrics_of_its_run(client, results) -> None:
    studies.show_studies(results, "synthetic_tiny", pytest.fail)
    assert sorted(ladders(client)) == ["ladder a", "ladder b"]
    run = ladders(client)["ladder a"]
    assert run.info.status == "FINISHED"
    assert (run.data.tags["kind"], run.data.tags["level"]) == ("scaling", "study")
    metrics = run.data.metrics
    assert metrics["parameters/E"] == 0.45 and metrics["parameters/E_high"] == 0.5
    assert (metrics["parameters/no_fall_p"], metrics["flops/no_fall_p"]) == (0.01, 0.4)
    absent = {"flops/E", "parameters/alpha_high", "parameters/faults"}
    assert absent.isdisjoint(metrics)
    assert run.data.tags["verdict.flops"] == "no fall found"


def test_only_fits_that_changed_are_sent_again(client, results) -> None:
    sent: list[str] = []
    studies.sync_ladders(results, sent.append)
    studies.sync_ladders(results, pytest.fail)
    write(results, [law("a", "parameters", "law", 0.03), *LAWS[1:]])
    studies.sync_ladders(results, sent.append)
    ladder = "sent the ladder of synthetic_tiny/"
    assert sent == [f"{ladder}a", f"{ladder}b", f"{ladder}a"]
    assert len(ladders(client)) == 2
    assert ladders(client)["ladder a"].data.metrics["parameters/no_fall_p"] == 0.03


def test_without_numbers_nothing_is_sent(client, results) -> None:
    (results / "scaling" / "synthetic_tiny.json").unlink()
    studies.sync_ladders(results, pytest.fail)
    assert client.get_experiment_by_name("synthetic_tiny") is None


def test_where_mlflow_fails_it_is_said_once_and_nothing_is_lost(results, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(studies, "open_client", refuse)
    said: list[str] = []
    studies.show_studies(results, "synthetic_tiny", said.append)
    assert len(said) == 1
    assert "refused; the records are kept: send the tables later with" in said[0]
    assert studies.sync_ladders(results, said.append) == 1
    assert said[1].startswith("the ladders of synthetic_tiny are not sent: MLflow at ")
