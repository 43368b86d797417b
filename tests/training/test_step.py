"""A training step in chunks of rows against the plain one: forward, loss and backward of
the whole batch."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from baselines.kernels import Dropout
from benchmark.data.batches import Batch
from benchmark.data.schema import Schema
from benchmark.recipes.recipe import Train
from benchmark.registry import models
from benchmark.training import step
from benchmark.training.optim import Optimizer
from benchmark.training.step import TrainingStep

SCHEMA = Schema(("x1", "x2"), ("a", "b", "c"), (5, 11, 40))
ROWS = 50


def batch(dtype: torch.dtype) -> Batch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1 << 30, (ROWS, 3), generator=generator) % torch.tensor(
        SCHEMA.cardinalities
    )
    dense = torch.randn(ROWS, 2, generator=generator).to(dtype)
    return Batch(dense, ids.to(torch.int32), (torch.arange(ROWS) % 3 == 0).to(dtype))


def built(name: str, dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(1)
    model: nn.Module = models.get(name)(SCHEMA).to(dtype)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "embedding" in path.split("."):
                parameter.normal_()
    for module in model.modules():
        if isinstance(module, Dropout):
            module.dropped = 0
    return model


class Kept(Optimizer):
    """Keeps the gradients in place of stepping."""

    gradients: dict[str, Tensor]

    def step(self) -> None:
        self.gradients = {
            name: parameter.grad.to_dense() for name, parameter in self._parameters.items()
        }


def plain_step(model: nn.Module, data: Batch) -> tuple[float, dict[str, Tensor]]:
    model.train()
    logit = model(data.dense, data.sparse)
    loss = binary_cross_entropy_with_logits(logit, data.label)
    extra = getattr(model, "extra_loss", lambda logit, label: 0)(logit, data.label)
    (loss + extra).backward()
    return loss.item(), {
        name: parameter.grad.to_dense() for name, parameter in model.named_parameters()
    }


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", models.names())
def test_chunks_add_up_to_the_whole_batch(
    name: str, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "CHUNK_ROWS", 16)
    data, model = batch(dtype), built(name, dtype)
    optimizer = Kept(model, Train())
    loss = TrainingStep(model, optimizer, seed=0)(data)
    expected_loss, expected = plain_step(built(name, dtype), data)
    assert loss.item() == pytest.approx(expected_loss, rel=tolerance)
    for path, gradient in expected.items():
        size = float(gradient.abs().max())
        torch.testing.assert_close(
            optimizer.gradients[path], gradient, rtol=tolerance, atol=tolerance * max(1.0, size)
        )


def test_a_model_that_couples_its_rows_takes_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step, "CHUNK_ROWS", 16)
    seen = []
    for options, whole in (({}, False), ({"batch_norm": True}, False), ({}, True)):
        model = models.get("dnn")(SCHEMA, **options)
        model.whole_batch = whole
        model.register_forward_pre_hook(lambda module, arguments: seen.append(len(arguments[0])))
        TrainingStep(model, Optimizer(model, Train()), seed=0)(batch(torch.float32))
    assert seen == [16, 16, 16, 2, 50, 50]


def test_no_update_by_a_loss_that_is_not_finite() -> None:
    model, data = built("fm", torch.float32), batch(torch.float32)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    data.dense[3, 0] = math.inf
    assert not math.isfinite(TrainingStep(model, Optimizer(model, Train()), seed=0)(data))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_draws_follow_the_seed_the_step_and_the_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    def steps(seed: int, before: int) -> list[bytes]:
        """What the pieces of two steps draw, each after `before` other draws."""
        drawn = []
        model = models.get("dnn")(SCHEMA)
        model.register_forward_pre_hook(lambda *_: drawn.append(torch.rand(4).numpy().tobytes()))
        training = TrainingStep(model, Optimizer(model, Train()), seed=seed)
        for _ in range(2):
            torch.rand(before)
            training(batch(torch.float32))
        return drawn

    monkeypatch.setattr(step, "CHUNK_ROWS", 16)
    first, again, other = steps(1, before=0), steps(1, before=3), steps(2, before=0)
    assert first == again
    assert len(set(first + other)) == 16
