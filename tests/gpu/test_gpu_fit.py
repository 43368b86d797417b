"""Fits on a GPU: killed and resumed, continued on another device, in memory that stays flat."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.data import batches, catalog
from benchmark.data.batches import Resident
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Train
from benchmark.records.record import Record
from benchmark.records.scores import labelled, load
from benchmark.registry import models
from benchmark.runs import saved_model
from benchmark.runs.job import Job
from benchmark.runs.run import Resumed
from benchmark.runs.session import Session
from benchmark.training.checkpoint import Cadence
from benchmark.training.fit import Evaluated, Fit, Snapshot, Stepped
from benchmark.training.predict import predict

CPU = torch.device("cpu")
SETTINGS = Train(batch_size=1000, epochs=4, patience=9, learning_rate=0.01, embedding_l2=1e-4)


@pytest.fixture(scope="module")
def opened():
    return catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)


def new_fit(store, device: torch.device) -> Fit:
    torch.manual_seed(3)
    model = models.get("dcnv2")(store.schema, embedding_dim=4, parallel_units=(16,)).to(device)
    splits = store.split("train"), store.split("valid")
    return Fit(model, *splits, SETTINGS, seed=3, device=device)


def curve(fit: Fit) -> list[float]:
    """Train losses and AUC of all evaluations of a fit that is driven to its end."""
    for _ in fit.events():
        pass
    return [value for event in fit.curve for value in (event.train_loss, event.valid.auc)]


def interrupted(fit: Fit, step: int) -> Snapshot:
    """A snapshot after so many steps, its tensors as a file would keep them."""
    for event in fit.events():
        if isinstance(event, Stepped) and event.step == step:
            break
    kept = fit.snapshot()
    state = {name: tensor.detach().cpu().clone() for name, tensor in kept.state.items()}
    best = {
        at: {name: tensor.cpu().clone() for name, tensor in weights.items()}
        for at, weights in kept.best_weights.items()
    }
    return replace(kept, state=state, best_weights=best)


@pytest.mark.parametrize("way", ["stays", "comes from the CPU", "goes to the CPU"])
def test_a_fit_goes_on_where_a_snapshot_was_taken(opened, device, way: str) -> None:
    store = opened[1]
    before = CPU if way == "comes from the CPU" else device
    after = CPU if way == "goes to the CPU" else device
    steps = -(-len(store.split("train")) // SETTINGS.batch_size) + 3
    snapshot, fit = interrupted(new_fit(store, before), steps), new_fit(store, after)
    fit.restore(snapshot)
    assert curve(fit) == pytest.approx(curve(new_fit(store, CPU)), rel=5e-3)


def test_rows_in_its_memory_are_those_that_are_copied(opened, device, monkeypatch) -> None:
    store = opened[1]
    there = new_fit(store, device)
    assert isinstance(there.train_rows, Resident) == (device.type == "cuda")
    monkeypatch.setattr(batches, "RESIDENT_SHARE", 0.0)
    copied = new_fit(store, device)
    assert not isinstance(copied.train_rows, Resident)
    assert curve(there) == pytest.approx(curve(copied), rel=1e-5)


def test_memory_is_flat_over_epochs(opened, device) -> None:
    if device.type == "cpu":
        pytest.skip("the memory of a GPU is looked at")
    used = []
    for event in new_fit(opened[1], device).events():
        if isinstance(event, Evaluated):
            used.append(torch.cuda.memory_allocated())
    assert max(used[1:]) - min(used[1:]) < 1 << 20


class Leave(Exception):
    """Ends a run as a crash of the process would."""


def test_a_killed_run_is_resumed_and_its_model_scores_alike_on_the_cpu(
    opened, device, tmp_path
) -> None:
    found, store = opened
    settings = ["train.batch_size=500", "train.epochs=2", "model.hidden_units=[8]"]
    recipe = recipes.override(recipes.find("dnn", "synthetic_tiny"), settings)
    job = Job(recipe, found.card, store, 0, threads=1, device=device.type, rows=3000)
    events: list[object] = []

    def run(name: str, leave_at: int | None = None) -> Record:
        def watch(event: object) -> None:
            events.append(event)
            if isinstance(event, Stepped) and event.step == leave_at:
                raise Leave

        folders = tmp_path / name, tmp_path / f"{name} model"
        session = Session(
            folders[0], cadence=Cadence(steps=2), save_model=folders[1], watch=watch, track=False
        )
        return session.run(job, [], print)

    whole = run("whole")
    with suppress(Leave):
        run("killed", leave_at=5)
    again = run("again")
    assert [event.step for event in events if isinstance(event, Resumed)] == [4]
    assert again.metrics.test.auc == pytest.approx(whole.metrics.test.auc, rel=1e-4)
    [folder] = (tmp_path / "again model").glob("*/*/seed-0")
    test = store.split("test")
    logit = np.sort(predict(saved_model.load(folder).model, test, CPU))
    kept, _ = labelled(load(job.path(tmp_path / "again").with_suffix(".npz")).best)
    np.testing.assert_allclose(logit, np.sort(kept), rtol=2e-3, atol=2e-3)
