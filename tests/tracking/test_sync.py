from dataclasses import replace

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.archive import adhoc_place, record_file
from benchmark.tracking.runs import Tracker
from benchmark.tracking.sync import Synced, sync
from tests.factories import keep, make_record, make_spectra, make_spectrum
from tests.servers import tracking_server
from tests.tracking.test_tracking import RECORD, never, runs, saved, send_live, started

TOO_WIDE = replace(RECORD.data, dense=("x" * 1_100_000,))
"""MLflow takes schemas of a million characters."""


def test_sync_sends_what_is_missing_and_nothing_twice(client, tmp_path) -> None:
    path = saved(tmp_path)
    send_live(path, never)
    assert sync(tmp_path, never) == Synced(sent=0, present=1, failed=0)
    keep(RECORD.model_copy(update={"threads": 2}), path)
    messages: list[str] = []
    assert sync(tmp_path, messages.append) == Synced(sent=1, present=0, failed=0)
    assert messages == ["1 of 1: synthetic_tiny/no_such_file/seed-0 is sent"]
    assert sync(tmp_path, never).sent == 0
    assert [run.data.params["run.threads"] for run in runs(client)] == ["2"]


def test_sync_sends_ad_hoc_records_and_tells_of_broken_files(client, tmp_path) -> None:
    broken = saved(tmp_path, make_record(name="broken"))
    broken.write_text("{}")
    adhoc = make_record(name=None, train_rows=500)
    place = adhoc_place(adhoc.dataset, "dnn", adhoc.recipe_digest, adhoc.data.arrays, 500)
    keep(adhoc, tmp_path / place / record_file(0))
    messages: list[str] = []
    assert sync(tmp_path, messages.append) == Synced(sent=1, present=0, failed=1)
    assert messages[0].startswith("1 of 2: synthetic_tiny/broken/seed-0 is not sent: ")
    assert "broken/seed-0.json: numerics" in messages[0]
    (run,) = runs(client)
    assert (run.info.run_name, run.data.params["run.train_rows"]) == ("dnn (ad hoc) seed 0", "500")


def test_sync_closes_the_run_that_a_dying_server_left_open(client, tmp_path) -> None:
    path = saved(tmp_path, RECORD.model_copy(update={"created": "2999-01-01T00:00:00+00:00"}))
    Tracker(path, never)(started())
    sync(tmp_path, lambda _: None)
    assert [run.info.status for run in runs(client)] == ["FINISHED"]


def test_a_record_that_mlflow_refuses_is_told_and_the_others_are_sent(client, tmp_path) -> None:
    saved(tmp_path, RECORD.model_copy(update={"data": TOO_WIDE}))
    saved(tmp_path, RECORD.model_copy(update={"seed": 1}))
    for synced in (Synced(sent=1, present=0, failed=1), Synced(sent=0, present=1, failed=1)):
        messages: list[str] = []
        assert sync(tmp_path, messages.append) == synced
        refused = [message for message in messages if "seed-0 is not sent: " in message]
        assert len(refused) == 1 and "\n" not in refused[0]
    # nothing piles up of what is refused again and again
    assert [run.data.tags["seed"] for run in runs(client)] == ["1"]


@pytest.mark.parametrize("live", [True, False])
def test_stages_may_be_called_anything(client, tmp_path, live) -> None:
    spectra = make_spectra([(name, make_spectrum()) for name in ("user@id", "a//b")])
    record = make_record(name=RECORD.name, spectra=spectra)
    path = saved(tmp_path, record)
    if live:
        send_live(path, never, record)
    assert sync(tmp_path, lambda _: None).failed == 0
    [run] = runs(client)
    assert {"rank/ratio/00_user:40id", "rank/ratio/01_a/:2Fb"} <= run.data.metrics.keys()


def test_the_calls_of_the_store_do_not_grow_with_records_or_curves(
    client, tmp_path, monkeypatch
) -> None:
    calls: list[str] = []
    for name in ("search_runs", "log_batch", "log_metric"):
        call = getattr(type(client), name)

        def counted(*arguments, name=name, call=call, **named):
            calls.append(name)
            return call(*arguments, **named)

        monkeypatch.setattr(type(client), name, counted)
    for seed in range(2):
        saved(tmp_path, RECORD.model_copy(update={"seed": seed}))
    first = ["search_runs", *["log_batch"] * 6, "search_runs", *["log_batch"] * 2, "search_runs"]
    for expected in (first, ["search_runs"] * 3):
        calls.clear()
        sync(tmp_path, lambda _: None)
        assert calls == expected


def test_a_deleted_experiment_is_named_with_the_way_out(client, tmp_path) -> None:
    path = saved(tmp_path)
    send_live(path, never)
    number = client.get_experiment_by_name("synthetic_tiny").experiment_id
    client.delete_experiment(number)
    messages: list[str] = []
    send_live(path, messages.append)
    assert sync(tmp_path, messages.append) == Synced(sent=0, present=0, failed=1)
    for message in messages:
        assert "the experiment 'synthetic_tiny' was deleted" in message
        assert f"mlflow experiments restore --experiment-id {number}" in message
        assert f"mlflow gc --experiment-ids {number}" in message
    assert len(messages) == 2
    client.restore_experiment(number)
    assert sync(tmp_path, never) == Synced(sent=0, present=1, failed=0)


def test_a_server_that_dies_ends_the_sync(tmp_path, monkeypatch) -> None:
    saved(tmp_path)
    saved(tmp_path, RECORD.model_copy(update={"seed": 1}))
    with tracking_server(4) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(BenchmarkError, match=address):
            sync(tmp_path, never)
