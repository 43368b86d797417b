"""The precision of a model's matrix products. Parameters, logits, loss and update are float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Literal

import torch
from torch import Tensor

from benchmark.errors import UsageError
from benchmark.model import CTRModel, Observe

Precision = Literal["float32", "tf32", "bf16"]

BF16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")

_exact = False


def lower(model: CTRModel, precision: Precision) -> None:
    """Have the forward pass of a model compute its products in bf16, where that is its precision,
    in place, so that its weights keep their names. Backward products have the type of forward ones.
    """
    if precision == "bf16":
        # a bound method, which follows its model into a deep copy
        vars(model)["forward"] = MethodType(_forward_in_bf16, model)


def _forward_in_bf16(
    self: CTRModel, dense: Tensor, sparse: Tensor, observe: Observe | None = None
) -> Tensor:
    device = "cuda" if dense.is_cuda else "cpu"
    with torch.autocast(device, torch.bfloat16, enabled=not _exact):
        logit = type(self).forward(self, dense, sparse, observe)
    return logit.float()


def set_precision(precision: Precision, device: torch.device) -> None:
    """Set the precision of this process's float32 products on a GPU, tf32 or float32. Raises
    UsageError for tf32 on a CPU, which has none."""
    if precision == "tf32" and device.type == "cpu":
        hint = 'set it to "float32" or "bf16", or add --device cuda'
        raise UsageError(f'train.precision = "tf32" is computed by GPUs alone: {hint}')
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


@contextmanager
def in_float32() -> Iterator[None]:
    """Compute the forward passes inside in float32, whatever the precision of their models."""
    global _exact
    before = _exact, torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    _exact = True
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        _exact, matmul, torch.backends.cudnn.allow_tf32 = before
        torch.set_float32_matmul_precision(matmul)


def slow_here(precision: Precision, device: torch.device) -> tuple[str, ...]:
    """A warning where bf16 may take longer than float32; empty elsewhere."""
    if precision != "bf16" or device.type != "cpu":
        return ()
    # older torch has no get_capabilities
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    if any(found.get(name) for name in BF16_INSTRUCTIONS):
        return ()
    return (
        'train.precision = "bf16": torch finds no AMX or AVX512-BF16 here, so that it may be slower'
        ' than "float32"',
    )
