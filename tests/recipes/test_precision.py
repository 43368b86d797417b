"""Products in bf16 of every registered model against float32, and the choice of a precision."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from benchmark.data.batches import Batch
from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.model import HasExtraLoss
from benchmark.recipes import precision
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.training.optim import Optimizer
from benchmark.training.step import TrainingStep

CPU = torch.device("cpu")
SCHEMA = Schema(("x1", "x2"), tuple("abcdef"), (9, 7, 11, 5, 8, 6))
ROWS, STEPS = 64, 30
EXACT = {"lr", "fm"}
"""Models without a matrix product."""


def batch() -> Batch:
    """Rows whose label follows from their first id."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1 << 30, (ROWS, 6), generator=generator) % torch.tensor(
        SCHEMA.cardinalities
    )
    dense = torch.randn(ROWS, 2, generator=generator)
    return Batch(dense, ids.to(torch.int32), (ids[:, 0] % 2).float())


def built(name: str) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = models.get(name)(SCHEMA)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "embedding" in path.split("."):
                parameter.normal_()
    return model


def losses(model: nn.Module) -> list[float]:
    """Those of the first and the last of some steps on one batch, each in training mode."""
    torch.manual_seed(2)
    step = TrainingStep(model, Optimizer(model, Train(learning_rate=0.003)), seed=0)
    taken = [float(step(batch())) for _ in range(STEPS)]
    return [taken[0], taken[-1]]


@pytest.mark.parametrize("name", models.names())
def test_bf16_is_near_float32_and_learns_as_well(name: str) -> None:
    exact, model, data = built(name).eval(), built(name).eval(), batch()
    precision.lower(model, "bf16")
    with torch.no_grad():
        expected, logit = exact(data.dense, data.sparse), model(data.dense, data.sparse)
    assert logit.dtype == torch.float32
    apart = float((logit - expected).abs().max() / (expected.max() - expected.min()))
    assert apart == 0 if name in EXACT else 0 < apart < 0.02
    (first, last), (first_exact, last_exact) = losses(model), losses(exact)
    assert last < 0.9 * first
    assert (first, last) == pytest.approx((first_exact, last_exact), rel=0.1, abs=0.02)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    if isinstance(model, HasExtraLoss):
        assert model.extra_loss(logit, data.label).dtype == torch.float32


def test_stages_may_be_observed_in_float32_and_a_copy_computes_with_its_own_weights() -> None:
    model, data, seen = built("dnn").eval(), batch(), []
    precision.lower(model, "bf16")
    plain, lowered = built("dnn").eval(), model(data.dense, data.sparse)
    copy = deepcopy(model)
    with torch.no_grad(), precision.in_float32():
        model.head.weight.zero_()
        logit = copy.forward(data.dense, data.sparse, lambda _, x: seen.append(x.dtype))
        assert torch.equal(logit, plain(data.dense, data.sparse)) and seen == [torch.float32]
    assert torch.equal(copy(data.dense, data.sparse), lowered) and not torch.equal(logit, lowered)
    assert list(model.state_dict()) == list(plain.state_dict())


def test_the_precision_of_float32_products_is_set_for_each_run_and_restored(monkeypatch) -> None:
    def state() -> tuple[str, bool]:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    with pytest.raises(UsageError, match=r'train\.precision = "tf32" .*--device cuda$'):
        precision.set_precision("tf32", CPU)
    try:
        precision.set_precision("tf32", torch.device("cuda"))
        assert state() == ("high", True)
        with pytest.raises(KeyError), precision.in_float32():
            assert state() == ("highest", False)
            raise KeyError
        assert state() == ("high", True)
    finally:
        precision.set_precision("bf16", CPU)
    assert state() == ("highest", False)


@pytest.mark.parametrize(
    ("found", "choice", "warned"),
    [({}, "bf16", True), ({"amx_bf16": True}, "bf16", False), ({}, "float32", False)],
)
def test_a_processor_without_bf16_is_a_warning(monkeypatch, found, choice, warned: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert [len(line) > 0 for line in precision.slow_here(choice, CPU)] == [True] * warned
