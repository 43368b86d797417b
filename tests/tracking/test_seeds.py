import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.tracking import summary
from benchmark.tracking.sync import Synced, sync
from tests.factories import keep
from tests.tracking.test_tracking import RECORD, never, runs, saved, send_live


def with_auc(seed: int, auc: float):
    test = replace(RECORD.metrics.test, auc=auc)
    metrics = RECORD.metrics.model_copy(update={"test": test})
    return RECORD.model_copy(update={"seed": seed, "metrics": metrics})


def means(client):
    experiment = client.get_experiment_by_name("synthetic_tiny").experiment_id
    return client.search_runs([experiment], "tags.level = 'seeds'")


@pytest.mark.parametrize("live", [True, False])
def test_the_seeds_of_a_recipe_have_one_parent_with_their_means_and_table(
    client, tmp_path, live
) -> None:
    for seed, auc in enumerate((0.7, 0.8)):
        path = saved(tmp_path, with_auc(seed, auc))
        if live and seed == 0:
            send_live(path, never, with_auc(seed, auc))
    assert sync(tmp_path, lambda _: None) == Synced(2 - live, int(live), 0)
    [parent] = means(client)
    assert (parent.info.run_name, parent.info.status) == ("no_such_file", "FINISHED")
    assert {run.data.tags["mlflow.parentRunId"] for run in runs(client)} == {parent.info.run_id}
    metrics = parent.data.metrics
    assert next(iter(metrics)) == "test/auc"
    assert (metrics["test/auc"], metrics["seeds"]) == (pytest.approx(0.75), 2)
    assert metrics["test/auc_sd"] == pytest.approx(0.1 / 2**0.5)
    assert parent.data.tags["kind"] == "ranked" and "run.seed" not in parent.data.params
    newest = sorted(client.list_artifacts(parent.info.run_id), key=lambda file: file.file_size)[-1]
    file = client.download_artifacts(parent.info.run_id, newest.path)
    table = json.loads(Path(file).read_text())
    assert [row[table["columns"].index("test/auc")] for row in table["data"]] == [0.7, 0.8]


def test_a_record_made_again_takes_the_place_of_its_run(client, tmp_path) -> None:
    for auc in (0.7, 0.8):
        path = saved(tmp_path, with_auc(0, auc))
        send_live(path, never, with_auc(0, auc))
    keep(with_auc(0, 0.6), path)
    sync(tmp_path, lambda _: None)
    assert [run.data.metrics["test/auc"] for run in runs(client)] == [0.6]
    [parent] = means(client)
    assert parent.data.metrics["test/auc"] == 0.6


def test_a_run_of_an_older_version_is_sent_again_in_its_place(client, tmp_path) -> None:
    path = saved(tmp_path)
    send_live(path, never)
    old = runs(client)[0].info.run_id
    for tag in ("level", "kind", "seeds_of"):
        client.delete_tag(old, tag)
    assert sync(tmp_path, lambda _: None) == Synced(sent=1, present=0, failed=0)
    assert client.get_run(old).info.lifecycle_stage == "deleted"
    assert len(runs(client)) == len(means(client)) == 1


def test_what_two_folders_send_to_one_store_stays_apart(client, tmp_path) -> None:
    for folder, auc in (("mine", 0.7), ("yours", 0.8)):
        saved(tmp_path / folder, with_auc(0, auc))
        sync(tmp_path / folder, lambda _: None)
    for found in (runs(client), means(client)):
        assert sorted(run.data.metrics["test/auc"] for run in found) == [0.7, 0.8]


def test_runs_are_filtered_by_kind(tmp_path) -> None:
    for place, kind in (
        ("records/synthetic_tiny/dnn", "ranked"),
        ("studies/ablation/synthetic_tiny/full-glu", "ablation"),
        ("studies/adhoc/synthetic_tiny/dnn-01234567", "adhoc"),
        ("somewhere/synthetic_tiny/dnn", "adhoc"),
    ):
        tags = summary.place_tags(tmp_path / place / "seed-0.json")
        assert (tags["kind"], tags["level"]) == (kind, "run")
