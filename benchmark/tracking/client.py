"""What every part of tracking asks of the MLflow client."""

from typing import TYPE_CHECKING, Any

from benchmark.tracking import store
from benchmark.tracking.store import store_uri
from benchmark.utils.files import canonical_sha256

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def open_client() -> "MlflowClient":
    store.apply_settings()
    from mlflow import MlflowClient

    store.create_once(store_uri(), MlflowClient)
    store.require_reachable(store_uri())
    return MlflowClient(store_uri())


def runs_in(client: "MlflowClient", experiment: str, condition: str = "") -> "list[Run]":
    """The runs of an experiment that meet a condition in MLflow's filter language."""
    page = client.search_runs([experiment], condition)
    runs = list(page)
    while page.token:
        page = client.search_runs([experiment], condition, page_token=page.token)
        runs += page
    return runs


def with_status(runs: "list[Run]", status: str, tags: dict[str, str]) -> "list[Run]":
    return [
        run for run in runs if run.info.status == status and tags.items() <= run.data.tags.items()
    ]


def run_with(client: "MlflowClient", experiment: str, tags: dict[str, str], name: str) -> "Run":
    """The run with these tags, created if there is none."""
    condition = " and ".join(f"tags.{key} = '{value}'" for key, value in tags.items())
    runs = runs_in(client, experiment, condition)
    return runs[0] if runs else client.create_run(experiment, None, tags, name)


def log_table(client: "MlflowClient", run: str, name: str, rows: list[dict[str, Any]]) -> None:
    """Log a table once; MLflow would append to one that exists, so each version has its own."""
    file = f"{name}-{canonical_sha256(rows)[:8]}.json"
    if file not in [artifact.path for artifact in client.list_artifacts(run)]:
        keys = dict.fromkeys(key for row in rows for key in row)
        client.log_table(run, {key: [row.get(key) for row in rows] for key in keys}, file)
