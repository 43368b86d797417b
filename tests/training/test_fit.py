"""A fit that is restored from a snapshot after any event ends as the undisturbed fit does."""

import json
import math

import pytest
import torch
from pydantic import TypeAdapter

from benchmark.data import catalog
from benchmark.data.schema import Split
from benchmark.errors import BenchmarkError
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.training.fit import Evaluated, Fit, FitProgress, Fitted, Snapshot, Stepped

CPU = torch.device("cpu")
PROGRESS = TypeAdapter(FitProgress)
SETTINGS = {
    "batch_size": 100,
    "epochs": 3,
    "patience": 100,
    "learning_rate": 0.01,
    "embedding_l2": 1e-3,
}
CASES = {
    "dropout": ({"dropout": 0.4, "hidden_units": (8,)}, {"evaluate_every": 3}),
    "batch norm": ({"batch_norm": True, "hidden_units": (8,)}, {}),
    "plateau": (
        {"hidden_units": (8,)},
        {"evaluate_every": 2, "patience": 2, "learning_rate": 0.3, "epochs": 20},
    ),
    "lazy Adam": ({"hidden_units": (8,)}, {"optimizer": "sparse_adam"}),
    "row-wise Adagrad": (
        {"hidden_units": (8,)},
        {"optimizer": "rowwise_adagrad", "evaluate_every": 4},
    ),
    "blocks": ({"hidden_units": (8,), "dropout": 0.2}, {"shuffle": "blocks"}),
}


@pytest.fixture(scope="module")
def store():
    return catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)[1]


def first(split: Split, rows: int) -> Split:
    return Split(split.dense[:rows], split.sparse[:rows], split.label[:rows])


def new_fit(store, case: str) -> Fit:
    """Five batches an epoch, the last of them short."""
    hyperparameters, changes = CASES[case]
    torch.manual_seed(3)
    model = models.get("dnn")(store.schema, embedding_dim=4, **hyperparameters)
    train, valid = first(store.split("train"), 450), first(store.split("valid"), 400)
    return Fit(model, train, valid, Train(**SETTINGS | changes), seed=3, device=CPU)


def numbers(event) -> tuple:
    """An event without its times."""
    if isinstance(event, Stepped):
        return event.step, event.epoch, event.loss
    if isinstance(event, Evaluated):
        return (
            event.step,
            event.epoch,
            event.learning_rate,
            event.train_loss,
            event.valid,
            event.improved,
        )
    assert isinstance(event, Fitted)
    return (event.reason,)


def stored(snapshot: Snapshot) -> Snapshot:
    """As a file would keep it."""
    progress = json.loads(json.dumps(PROGRESS.dump_python(snapshot.progress, mode="json")))
    state = {name: tensor.clone() for name, tensor in snapshot.state.items()}
    best = {
        step: {name: tensor.clone() for name, tensor in weights.items()}
        for step, weights in snapshot.best_weights.items()
    }
    return Snapshot(PROGRESS.validate_python(progress), state, best)


@pytest.mark.parametrize("case", CASES)
def test_resumed_at_any_event(store, case: str) -> None:
    whole = new_fit(store, case)
    expected, snapshots = [], []
    for event in whole.events():
        expected.append(numbers(event))
        if not isinstance(event, Fitted):
            snapshots.append(stored(whole.snapshot()))
    weights = whole.model.state_dict()
    assert len(snapshots) == len(expected) - 1 > 10
    for done, snapshot in enumerate(snapshots, start=1):
        fit = new_fit(store, case)
        torch.manual_seed(999)
        fit.restore(snapshot)
        assert [numbers(event) for event in fit.events()] == expected[done:]
        assert all(
            torch.equal(weights[name], tensor) for name, tensor in fit.model.state_dict().items()
        )
        assert [numbers(event) for event in fit.curve] == [numbers(event) for event in whole.curve]


def test_losses_may_be_read_late_as_on_a_gpu(store) -> None:
    """Steps show the last loss that was read; evaluations and weights are the same."""
    prompt, late = new_fit(store, "row-wise Adagrad"), new_fit(store, "row-wise Adagrad")
    late.read_every = 3
    events, expected = ([numbers(each) for each in fit.events()] for fit in (late, prompt))
    assert [e for e in events if len(e) != 3] == [e for e in expected if len(e) != 3]
    shown = [loss for _, _, loss in (e for e in events if len(e) == 3)]
    losses = [loss for _, _, loss in (e for e in expected if len(e) == 3)]
    assert shown[:5] == [losses[i] for i in (0, 0, 0, 3, 4)] != losses[:5]


def test_a_loss_that_is_read_late_and_not_finite_is_named_before_anything_is_kept(store) -> None:
    fit = new_fit(store, "lazy Adam")
    fit.read_every = 4
    step, taken = fit.train_step, []

    def diverging(batch):
        taken.append(step(batch))
        return taken[-1] * (math.inf if len(taken) == 3 else 1)

    fit.train_step = diverging
    events = fit.events()
    assert [next(events).step for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(BenchmarkError, match="the training loss is inf at step 3 with"):
        fit.snapshot()


def test_times_and_rows_are_summed_over_sessions(store) -> None:
    fit = new_fit(store, "dropout")
    events = fit.events()
    for _ in range(4):
        next(events)
    before = stored(fit.snapshot())
    fit = new_fit(store, "dropout")
    fit.restore(before)
    last = list(fit.events())[-1]
    after = fit.snapshot().progress
    assert (after.training.rows, after.prediction.rows) == (3 * 450, 5 * 400)
    assert after.seconds > before.progress.seconds
    assert after.training.seconds > before.progress.training.seconds > 0
    assert isinstance(last, Fitted)
    assert last.samples_per_s == after.training.rows / after.training.seconds


def test_a_snapshot_of_another_model_is_an_error(store) -> None:
    fit = new_fit(store, "dropout")
    next(fit.events())
    with pytest.raises(RuntimeError, match="running_mean"):
        new_fit(store, "batch norm").restore(fit.snapshot())
