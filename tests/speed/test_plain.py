"""The fast and the plain form of the registry's models: same logits, same updates."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.batches import Batch
from benchmark.data.schema import Schema
from benchmark.model import plain_form
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.registry import models
from benchmark.speed.train import PlainStep
from benchmark.training.optim import Optimizer
from benchmark.training.step import TrainingStep

SCHEMA = Schema(("x1", "x2"), ("a", "b", "c"), (4, 3, 6))
TOKENS: dict[str, Any] = {"embedding_dim": 4, "num_tokens": 4, "token_dim": 8, "num_blocks": 2}
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in models.names()),
    ("dcnv2", {"embedding_dim": 3, "structure": "stacked_parallel"}),
    ("dcnv2", {"embedding_dim": 3, "cross": "mixture"}),
    ("rankelastor", TOKENS | {"tokenizer": "matrix", "ffn_hidden": [5, 7]}),
    (
        "rankelastor",
        TOKENS | {"expansion": 1.0, "ffn_hidden": [8], "tokenizer_norm": False, "head": "linear"},
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "kronecker", "mixing_norm": "post", "ffn": "relu", "head": "pool"},
    ),
    (
        "rankelastor",
        TOKENS | {"mixing": "transpose", "ffn": "glu_paper", "ffn_norm": "none", "head": "mean"},
    ),
    ("rankelastor", TOKENS | {"tokenizer": "slice", "mixing": "none", "mixing_norm": "post"}),
    ("rankmixer", TOKENS),
    ("rankmixer", TOKENS | {"tokenizer": "matrix", "ffn_norm": "pre", "ffn_hidden": [6, 6]}),
]


def make(name: str, hyperparameters: dict[str, Any]) -> tuple[nn.Module, Recipe]:
    """A model with random weights, and its recipe without dropout."""
    parsed = recipes.parse({"model": {"name": name, **hyperparameters}}, "tests", "test")
    off = {key: 0.0 for key in parsed.hyperparameters if key.endswith("dropout")}
    train = parsed.train.model_copy(
        update={"embedding_l2": 0.1, "clip_norm": 0.5, "learning_rate": 1e-2}
    )
    recipe = replace(parsed, hyperparameters={**parsed.hyperparameters, **off}, train=train)
    torch.manual_seed(0)
    model: nn.Module = recipe.build(SCHEMA).model
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5 if parameter.numel() < 10_000 else 0.1)
    return model, recipe


def some_rows(rows: int) -> Batch:
    """In float64: Adam turns rounding near a zero gradient into whole steps."""
    generator = np.random.default_rng(0)
    sparse = np.stack(
        [generator.integers(c, size=rows) for c in SCHEMA.cardinalities], axis=1
    ).astype(np.int32)
    dense = generator.normal(size=(rows, 2))
    label = generator.integers(2, size=rows).astype(np.float64)
    return Batch(torch.from_numpy(dense), torch.from_numpy(sparse), torch.from_numpy(label))


@pytest.mark.parametrize(("name", "hyperparameters"), CASES)
def test_both_forms_have_the_same_logits(name, hyperparameters):
    model, _ = make(name, hyperparameters)
    model, batch = model.double().eval(), some_rows(40)
    fast = model(batch.dense, batch.sparse)
    with plain_form():
        plain = model(batch.dense, batch.sparse)
    torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)
    assert fast.std() > 0


@pytest.mark.parametrize(("name", "hyperparameters"), CASES)
def test_three_steps_of_both_forms_lead_to_the_same_weights(name, hyperparameters):
    model, recipe = make(name, hyperparameters)
    plain = deepcopy(model.double())
    step = TrainingStep(model, Optimizer(model, recipe.train), seed=0)
    plain_step = PlainStep(plain, recipe.train)
    for _ in range(3):
        batch = some_rows(600)
        assert step(batch) == pytest.approx(plain_step(batch), rel=1e-7)
    for ours, expected in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-7)
