import json

from benchmark.tracking.experiments import METRICS, experiment_id
from benchmark.tracking.summary import results
from tests.tracking.test_tracking import RECORD, never, saved, send_live


def test_a_view_opens_on_the_best_test_auc_and_on_metrics_that_runs_have(client, tmp_path) -> None:
    send_live(saved(tmp_path), never)
    tags = client.get_experiment_by_name("synthetic_tiny").tags
    for view, level in (("leaderboard", "seeds"), ("runs", "run")):
        state = json.loads(json.loads(tags[f"mlflow.sharedViewState.{view}"])["state"])
        assert state["compareRunCharts"][0]["metricKey"] == "test/auc"
        assert state["orderByKey"] == "metrics.`test/auc`" and not state["orderByAsc"]
        [found] = client.search_runs(["1"], state["searchFilter"])
        assert found.data.tags["level"] == level
        assert next(iter(found.data.metrics)) == "test/auc"
    assert {"test/auc_sd", "test/gauc"} == set(METRICS) - results(RECORD).keys()
    assert max(map(len, tags.values())) < 5000  # what MLflow takes


def test_an_older_experiment_gets_the_view_and_keeps_its_description(client) -> None:
    number = client.create_experiment("frappe", tags={"mlflow.note.content": "mine"})
    assert experiment_id(client, "frappe") == number
    tags = client.get_experiment(number).tags
    assert tags["mlflow.note.content"] == "mine" and "mlflow.sharedViewState.runs" in tags
