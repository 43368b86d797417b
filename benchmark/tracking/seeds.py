"""A run for the seeds of a recipe or variant: their means, a table of them, and their parent. A
trial is not a seed: it chose a setting of the others."""

import time
from collections import defaultdict
from collections.abc import Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING

from benchmark.records.tuning import TUNING_SEED
from benchmark.tracking.client import log_table, runs_in
from benchmark.tracking.summary import LEVEL, SEEDS_OF
from benchmark.utils.files import canonical_sha256

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

PARENT = "mlflow.parentRunId"
DIGEST = "seeds_sha256"
"""The tag of the metrics that a run of seeds sums up."""
SHARED = ("kind", SEEDS_OF, "recipe", "model", "provenance", "mlflow.runColor")
SPREAD = ("test/auc", "test/logloss")
"""Metrics whose standard deviation over the seeds is logged too."""


def show_means(client: "MlflowClient", experiment: str, condition: str = "") -> None:
    """Bring the runs of seeds up to date with the finished runs that meet a condition in MLflow's
    filter language; does nothing where nothing changed."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs_in(client, experiment, condition):
        if run.info.status == "FINISHED" and SEEDS_OF in run.data.tags:
            groups[run.data.tags[SEEDS_OF]].append(run)
    for _, group in sorted(groups.items()):
        parents = [run for run in group if run.data.tags[LEVEL] == "seeds"]
        runs = [run for run in group if run.data.tags[LEVEL] == "run" and not is_trial(run)]
        _show_mean(client, experiment, parents, sorted(runs, key=_seed))


def is_trial(run: "Run") -> bool:
    """Whether a record's run has the seed of trials."""
    return _seed(run) >= TUNING_SEED


def adopt(client: "MlflowClient", parent: str, runs: "list[Run]") -> None:
    """Make a run the parent of others."""
    for run in runs:
        if run.data.tags.get(PARENT) != parent:
            client.set_tag(run.info.run_id, PARENT, parent)


def _show_mean(
    client: "MlflowClient", experiment: str, parents: "list[Run]", runs: "list[Run]"
) -> None:
    from mlflow.entities import RunTag

    kept = [parent for parent in parents if runs and parent.data.params == _settings(runs[0])][:1]
    for other in parents:  # of processes that ended at once, of other settings, or of no seed
        if other not in kept:
            client.delete_run(other.info.run_id)
    if not runs:
        return
    [parent] = kept or [_create(client, experiment, runs[0])]
    number = parent.info.run_id
    adopt(client, number, runs)
    rows = [{"seed": _seed(run), **run.data.metrics} for run in runs]
    digest = canonical_sha256(rows)
    if parent.data.tags.get(DIGEST) == digest:
        return
    log_table(client, number, "seeds", rows)
    # tagged last, so that what is interrupted is made again
    client.log_batch(number, _means(rows), tags=[RunTag(DIGEST, digest)])
    client.set_terminated(number, "FINISHED", max(run.info.end_time for run in runs))


def _create(client: "MlflowClient", experiment: str, run: "Run") -> "Run":
    """A run for the seeds of which this one is the first."""
    from mlflow.entities import Param

    own = run.data.tags
    tags = {LEVEL: "seeds", **{key: own[key] for key in SHARED if key in own}}
    name = run.info.run_name.replace(f" seed {own['seed']}", "")
    parent = client.create_run(experiment, run.info.start_time, tags, name)
    settings = [Param(key, value) for key, value in _settings(run).items()]
    client.log_batch(parent.info.run_id, params=settings)
    return parent


def _settings(run: "Run") -> dict[str, str]:
    """What all seeds share."""
    return {key: value for key, value in run.data.params.items() if key != "run.seed"}


def _means(rows: Sequence[dict[str, float]]) -> "list[Metric]":
    """The mean of each metric that all runs have, in their order, and their number."""
    from mlflow.entities import Metric

    shared = [name for name in rows[0] if all(name in row for row in rows)]
    values = {name: mean(row[name] for row in rows) for name in shared if name != "seed"}
    if len(rows) > 1:
        values |= {f"{name}_sd": stdev(row[name] for row in rows) for name in SPREAD}
    now = int(1000 * time.time())
    return [Metric(name, value, now, 0) for name, value in {**values, "seeds": len(rows)}.items()]


def _seed(run: "Run") -> int:
    return int(run.data.tags["seed"])
