import json
from pathlib import Path

import pytest

from benchmark.records.tuning import Tuning
from benchmark.tracking import studies
from benchmark.tracking.studies import StudyTracker
from benchmark.utils import toml
from tests.records.test_tuning import STUDY, study, trial

PASSED = study(*(each.model_copy(update={"rows": 1000 + each.number}) for each in STUDY.trials))


def runs(client):
    return client.search_runs([client.get_experiment_by_name("synthetic_tiny").experiment_id])


def curve(client, name: str) -> list[tuple[int, float]]:
    [run] = runs(client)
    return [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)]


def tables(client) -> list[list[dict]]:
    [run] = runs(client)
    paths = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    files = [path for path in paths if path.startswith("trials-")]
    texts = [Path(client.download_artifacts(run.info.run_id, file)).read_text() for file in files]
    every = [json.loads(text) for text in texts]
    return [[dict(zip(t["columns"], row, strict=True)) for row in t["data"]] for t in every]


def test_a_study_is_a_run_with_a_curve_of_its_trials_each_sent_once(client) -> None:
    tracker = StudyTracker(pytest.fail)
    tracker(study(*STUDY.trials[:1]))
    [run] = runs(client)
    assert (run.info.run_name, run.info.status) == ("tune dnn", "RUNNING")
    tracker(STUDY)
    for _ in range(2):
        StudyTracker(pytest.fail)(STUDY, "FINISHED")
    [run] = runs(client)
    assert run.info.status == "FINISHED"
    assert curve(client, "valid/auc") == [(0, 0.7), (1, 0.8), (2, 0.9)]
    assert curve(client, "best/valid_auc") == [(1, 0.7), (3, 0.8)]
    assert run.data.params["objective"] == "auc" and '"high": 0.01' in str(run.data.params)
    assert (run.data.tags["kind"], run.data.tags["level"]) == ("tuning", "study")
    assert run.data.tags["best.train.learning_rate"] == "0.003"


def test_the_trials_are_a_table_once_the_study_ends(client) -> None:
    tracker = StudyTracker(pytest.fail)
    tracker(study(*STUDY.trials[:1]))
    assert tables(client) == []
    tracker(PASSED, "KILLED")
    tracker(PASSED, "FINISHED")
    [table] = tables(client)
    [run] = runs(client)
    assert run.data.metrics["tuning_rows"] == 4006
    kept = Path(client.download_artifacts(run.info.run_id, "study.json")).read_text()
    assert Tuning.model_validate_json(kept) == PASSED
    tuned = client.download_artifacts(run.info.run_id, "recipe.toml")
    assert toml.read(Path(tuned))["train"]["learning_rate"] == 0.003
    assert [(row["number"], row["state"], row["metric"], row["rows"]) for row in table] == [
        (0, "complete", 0.7, 1000),
        (1, "complete", 0.8, 1001),
        (2, "pruned", 0.9, 1002),
        (3, "failed", None, 1003),
    ]
    assert table[0]["train.learning_rate"] == 0.001
    tracker(study(*STUDY.trials, trial(4, 0.85)), "FINISHED")
    assert sorted(map(len, tables(client))) == [4, 5]


def test_where_mlflow_fails_it_is_said_once(monkeypatch) -> None:
    def refuse():
        raise ConnectionError("refused")

    monkeypatch.setattr(studies, "open_client", refuse)
    said: list[str] = []
    tracker = StudyTracker(said.append)
    tracker(STUDY)
    tracker(STUDY)
    assert len(said) == 1
    assert "refused" in said[0] and "the same `tune` command sends it later" in said[0]
