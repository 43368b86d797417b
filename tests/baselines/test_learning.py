"""Every registered model on synthetic_tiny: it learns, and it finds nothing where there is
nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from benchmark.data import catalog
from benchmark.data.card import SPLITS
from benchmark.data.schema import Split
from benchmark.data.store import Store
from benchmark.measure.metrics import auc
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.training.fit import Fit
from benchmark.training.predict import predict

CPU = torch.device("cpu")
SHALLOW = {"lr", "fm"}
SHUFFLED_ROWS = 16_384


@cache
def tiny() -> Store:
    return catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)[1]


def true_splits() -> dict[str, Split]:
    return {split: tiny().split(split) for split in SPLITS}


def trained_auc(name: str, splits: dict[str, Split], train: Train) -> float:
    """Test AUC of a model with its constructor's defaults."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = models.get(name)(tiny().schema)
    for _ in Fit(model, splits["train"], splits["valid"], train, seed=0, device=CPU).events():
        pass
    return auc(predict(model, splits["test"], CPU), splits["test"].label)


def shuffled(split: Split, generator: np.random.Generator) -> Split:
    """The first rows of a split, each with the label of another."""
    rows = slice(SHUFFLED_ROWS)
    label = generator.permutation(split.label[rows])
    return replace(
        split, dense=split.dense[rows], sparse=split.sparse[rows], label=label, group=None
    )


@cache
def linear_auc() -> float:
    """Of LR trained until patience ends it."""
    return trained_auc("lr", true_splits(), Train(batch_size=512, learning_rate=1e-2))


@pytest.mark.parametrize("name", [name for name in models.names() if name not in SHALLOW])
def test_learns_better_than_lr(name: str) -> None:
    train = Train(batch_size=256, epochs=6, learning_rate=5e-3, embedding_l2=2e-3)
    assert trained_auc(name, true_splits(), train) > linear_auc() + 0.002


@pytest.mark.parametrize("name", models.names())
def test_finds_nothing_in_shuffled_labels(name: str) -> None:
    generator = np.random.default_rng(5)
    splits = {split: shuffled(tiny().split(split), generator) for split in SPLITS}
    label = splits["test"].label
    positives, negatives = int(label.sum()), int((1 - label).sum())
    sd = np.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    assert abs(trained_auc(name, splits, Train(batch_size=512, epochs=1)) - 0.5) < 3 * sd
