"""A tuning study in MLflow, through a client that keeps what it is told."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.tracking import studies
from benchmark.tracking.studies import PARENT, StudyTracker
from tests.records.test_tuning import STUDY, study, trial


class Page(list):
    token = None


@dataclass
class Client:
    """As far as a study needs MLflow's."""

    runs: dict[str, Any] = field(default_factory=dict)
    metrics: list[tuple] = field(default_factory=list)
    params: dict[tuple[str, str], Any] = field(default_factory=dict)

    def search_runs(self, experiments, chosen):
        assert experiments == ["7"] and chosen == f"tags.tuning_study = '{STUDY.reference}'"
        return Page(self.runs.values())

    def create_run(self, experiment, began, tags, name):
        run = f"run-{len(self.runs)}"
        info = SimpleNamespace(run_id=run, status="RUNNING", name=name)
        self.runs[run] = SimpleNamespace(info=info, data=SimpleNamespace(tags=dict(tags)))
        return self.runs[run]

    def log_param(self, run, key, value):
        assert (run, key) not in self.params, "MLflow takes a parameter once"
        self.params[run, key] = value

    def log_metric(self, run, key, value, timestamp=None, step=0):
        self.metrics.append((run, key, value, step))

    def set_tag(self, run, key, value):
        self.runs[run].data.tags[key] = value

    def update_run(self, run, status):
        self.runs[run].info.status = status

    def set_terminated(self, run, status, ended=None):
        self.runs[run].info.status = status


@pytest.fixture
def client(monkeypatch) -> Client:
    made = Client()
    monkeypatch.setattr(studies, "open_client", lambda: made)
    monkeypatch.setattr(studies, "experiment_id", lambda client, dataset: "7")
    return made


def statuses(client: Client) -> dict[str, str]:
    return {run.info.name: run.info.status for run in client.runs.values()}


def test_trials_are_nested_and_sent_once(client):
    tracker = StudyTracker(pytest.fail)
    tracker(study(*STUDY.trials[:1]))
    assert statuses(client) == {"tune dnn": "RUNNING", "dnn trial 0": "FINISHED"}
    tracker(STUDY)
    StudyTracker(pytest.fail)(STUDY, "FINISHED")
    assert statuses(client) == {
        "tune dnn": "FINISHED",
        "dnn trial 0": "FINISHED",
        "dnn trial 1": "FINISHED",
        "dnn trial 2": "KILLED",
        "dnn trial 3": "FAILED",
    }
    parents = [run.data.tags.get(PARENT) for run in client.runs.values()]
    assert parents == [None, "run-0", "run-0", "run-0", "run-0"]
    assert client.params["run-2", "train.learning_rate"] == 0.003
    assert ("run-2", "valid_auc", 0.8, 0) in client.metrics
    assert client.metrics[-2:] == [
        ("run-0", "best_valid_auc", 0.8, 3),
        ("run-0", "tuning_hours", 1.0, 3),
    ]


def test_a_study_begun_anew_under_the_same_name_is_sent_too(client):
    tracker = StudyTracker(pytest.fail)
    tracker(study(trial(0, 0.7)))
    tracker(study(trial(0, 0.6)))
    assert [run.info.name for run in client.runs.values()] == [
        "tune dnn",
        "dnn trial 0",
        "dnn trial 0",
    ]


def test_where_mlflow_fails_it_is_said_once(monkeypatch):
    def refuse():
        raise ConnectionError("refused")

    monkeypatch.setattr(studies, "open_client", refuse)
    said: list[str] = []
    tracker = StudyTracker(said.append)
    tracker(STUDY)
    tracker(STUDY)
    assert (
        len(said) == 1
        and "refused" in said[0]
        and "the same `tune` command sends it later" in said[0]
    )
