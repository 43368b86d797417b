"""The experiment of a data set, and the view of its runs on which the UI opens."""

import json
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError
from benchmark.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

VIEW = "mlflow.sharedViewState."
"""Prefix of the tags in which the UI keeps saved views; a link names the rest."""
TRAINING_MODE = "workflowType=machine_learning"
"""Without it the UI opens on its pages for language models."""
LEADERBOARD, RUNS = "leaderboard", "runs"
NAME = "attributes.`Run Name`"
METRICS = ("test/auc", "test/auc_sd", "test/gauc", "test/logloss", "rank_ratio", "parameters/total")
CHARTS = {
    "isAccordionReordered": True,
    "compareRunSections": [{"uuid": "test", "name": "test", "display": True, "isReordered": True}],
    "compareRunCharts": [
        {
            "uuid": METRICS[0],
            "type": "BAR",
            "metricKey": METRICS[0],
            "metricSectionId": "test",
            "runsCountToCompare": 10,
            "deleted": False,
            "isGenerated": False,
        }
    ],
}
"""The chart mode begins with test AUC; the UI adds the charts of all other metrics."""
NOTE = """Runs of the benchmark on `{dataset}`. The saved view Leaderboard lists the recipes by mean
test AUC over their seeds, the view Runs every ranked run; the menu at the top right has both.

- tag `kind`: `ranked`, `adhoc`, or the study that a run belongs to
- tag `level`: `run` is one record; `seeds` the means over a recipe's seeds, the parent of its runs;
  `study` a tuning study, or the parent of the variants of a ladder or of another study
- `rank_ratio`: of the last stage, trained, in batch form; Gaussian noise has 1
- tables among a run's artifacts: `ranks.json`, every rank of every stage; `seeds-*.json`,
  `trials-*.json` and `variants-*.json`, what a run of seeds or a study sums up"""


def experiment_id(client: "MlflowClient", dataset: str) -> str:
    """Id of the data set's experiment, created if it does not exist. Raises BenchmarkError for one
    that was deleted, since it keeps its name."""
    from mlflow import MlflowException

    folder = store.artifacts_folder(store.store_uri())
    tags = _tags(dataset)
    try:
        return str(client.create_experiment(dataset, folder and (folder / dataset).as_uri(), tags))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    experiment = client.get_experiment_by_name(dataset)
    if experiment.lifecycle_stage == "deleted":
        raise BenchmarkError(store.deleted(dataset, experiment.experiment_id))
    for name in tags.keys() - experiment.tags.keys():  # what a user changed stays
        client.set_experiment_tag(experiment.experiment_id, name, tags[name])
    return str(experiment.experiment_id)


def page(experiment: "Experiment") -> str:
    """The part of the UI's address that opens the leaderboard of an experiment, or its runs."""
    view = f"&viewStateShareKey={LEADERBOARD}" if VIEW + LEADERBOARD in experiment.tags else ""
    return f"#/experiments/{experiment.experiment_id}/runs?{TRAINING_MODE}{view}"


def _tags(dataset: str) -> dict[str, str]:
    ranked = "tags.kind = 'ranked' and tags.level = "
    return {
        "mlflow.note.content": NOTE.format(dataset=dataset),
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": METRICS[0],
        VIEW + LEADERBOARD: _view("Leaderboard", f"{ranked}'seeds'", ["metrics.`seeds`"]),
        VIEW + RUNS: _view("Runs", f"{ranked}'run'", ["params.`run.seed`"]),
    }


def _view(name: str, condition: str, columns: list[str]) -> str:
    """A saved view as the UI writes it: the best test AUC first."""
    metrics = [f"metrics.`{metric}`" for metric in METRICS]
    shown = [*metrics, *columns, "tags.`provenance`", "attributes.`Duration`"]
    state = {
        "searchFilter": condition,
        "orderByKey": metrics[0],
        "orderByAsc": False,
        "selectedColumns": shown,
        "columnOrder": [NAME, *shown],
        "columnWidths": {NAME: 280},
        **CHARTS,
    }
    # the UI refuses a view without times, and sorts by them
    envelope = {"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return json.dumps(envelope)
