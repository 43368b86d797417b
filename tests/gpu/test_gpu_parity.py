"""Every registered model on a GPU beside the CPU: logits to 1e-4, gradients to 1e-3, and products
in bf16 and tf32 near float32."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from baselines.kernels import Dropout
from benchmark.data.batches import Batch
from benchmark.data.schema import Schema
from benchmark.recipes.precision import Precision, lower, set_precision
from benchmark.registry import models

CPU = torch.device("cpu")
SCHEMA = Schema(("x1", "x2", "x3"), tuple("abcdef"), (9, 7, 11, 5, 8, 6))
ROWS = 256


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1 << 30, (ROWS, 6), generator=generator) % torch.tensor(
        SCHEMA.cardinalities
    )
    dense = torch.randn(ROWS, 3, generator=generator)
    return Batch(dense, ids.to(torch.int32), (torch.arange(ROWS) % 3 == 0).float())


def built(name: str) -> nn.Module:
    """A model without dropout, whose draws differ by device."""
    torch.manual_seed(1)
    model: nn.Module = models.get(name)(SCHEMA)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "embedding" in path.split("."):
                parameter.normal_()
    for module in model.modules():
        if isinstance(module, Dropout):
            module.dropped = 0
    return model


def step(model: nn.Module, device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits in eval mode and the gradients of a training batch, on the CPU."""
    model, data = deepcopy(model).to(device), batch().to(device)
    with torch.no_grad():
        logit = model.eval()(data.dense, data.sparse).cpu()
    output = model.train()(data.dense, data.sparse)
    loss = binary_cross_entropy_with_logits(output, data.label)
    extra = getattr(model, "extra_loss", lambda logit, label: 0)(output, data.label)
    (loss + extra).backward()
    gradients = {name: p.grad.to_dense().cpu() for name, p in model.named_parameters()}
    return logit, gradients


@pytest.mark.parametrize("name", models.names())
def test_logits_and_gradients_are_those_of_the_cpu(name: str, device: torch.device) -> None:
    model = built(name)
    (expected, theirs), (logit, ours) = step(model, CPU), step(model, device)
    size = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(logit, expected, rtol=0, atol=1e-4 * size)
    floor = max(float(gradient.abs().max()) for gradient in theirs.values()) / 100
    for path, gradient in theirs.items():
        largest = max(float(gradient.abs().max()), floor)
        torch.testing.assert_close(ours[path], gradient, rtol=0, atol=1e-3 * largest, msg=path)


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
@pytest.mark.parametrize("name", models.names())
def test_other_precisions_are_near_float32(
    name: str, precision: Precision, device: torch.device
) -> None:
    if precision == "tf32" and device.type == "cpu":
        pytest.skip("a CPU has no tf32")
    model = built(name)
    expected, _ = step(model, CPU)
    lower(model, precision)
    set_precision(precision, device)
    try:
        logit, gradients = step(model, device)
    finally:
        set_precision("float32", device)
    assert float((logit - expected).abs().max()) < 0.02 * float(expected.max() - expected.min())
    assert all(gradient.isfinite().all() for gradient in gradients.values())
