"""Every registered model on synthetic_tiny: it learns, and it finds nothing where there is nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from benchmark.data import catalog
from benchmark.data.schema import Arrays
from benchmark.measure.metrics import auc
from benchmark.recipe import Train
from benchmark.registry import models
from benchmark.training.fit import fit, predict

CPU = torch.device("cpu")
SHALLOW = {"lr"}


@cache
def tiny():
    _, store = catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)
    return store


def trained_auc(model_name: str, train: Arrays, epochs: int) -> float:
    store = tiny()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = models.get(model_name)(store.schema)
    for _ in fit(model, train, store.split("valid"), Train(batch_size=512, epochs=epochs), seed=0, device=CPU):
        pass
    test = store.split("test")
    return auc(predict(model, test, CPU), test.label)


@cache
def linear_auc() -> float:
    return trained_auc("lr", tiny().split("train"), epochs=30)


@pytest.mark.parametrize("name", [name for name in models.names() if name not in SHALLOW])
def test_learns_better_than_lr(name: str) -> None:
    assert trained_auc(name, tiny().split("train"), epochs=10) > linear_auc()


@pytest.mark.parametrize("name", models.names())
def test_finds_nothing_in_shuffled_labels(name: str) -> None:
    train = tiny().split("train")
    shuffled = replace(train, label=np.random.default_rng(5).permutation(train.label))
    label = tiny().split("test").label
    positives, negatives = int(label.sum()), int((1 - label).sum())
    sd = np.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    assert abs(trained_auc(name, shuffled, epochs=1) - 0.5) < 3 * sd
