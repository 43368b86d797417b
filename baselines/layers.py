"""Layers that several models share."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def require_positive(name: str, *sizes: int) -> None:
    """Raises ValueError naming the hyperparameter if one of its sizes is below 1."""
    if any(size < 1 for size in sizes):
        raise ValueError(f"{name} = {', '.join(map(str, sizes))}: every size must be at least 1")


class Linear(nn.Linear):
    """torch's Linear with Xavier-normal weights and zero biases."""

    def reset_parameters(self) -> None:
        nn.init.xavier_normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class MLP(nn.Sequential):
    """Linear -> [BatchNorm] -> ReLU -> [Dropout] for each of `hidden_units`: [B, in] -> [B,
    out_features].

    No units: the identity.
    """

    def __init__(
        self,
        in_features: int,
        hidden_units: tuple[int, ...],
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        layers: list[nn.Module] = []
        widths = (in_features, *hidden_units)
        for width, units in zip(widths, hidden_units, strict=False):
            layers.append(Linear(width, units))
            if batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers.append(DroppedReLU(dropout))
            if dropout:
                layers.append(nn.Identity())  # keeps the numbers in the weights' names
        super().__init__(*layers)
        self.out_features = widths[-1]


class Dropout(nn.Module):
    """Dropout whose random numbers cost little: a quarter of a 64-bit draw decides about a value.

    The rate is rounded to a multiple of 2^-16. Raises ValueError unless 0 <= p < 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout = {p} must lie in [0, 1)")
        self.dropped = round(p * 65536)
        self.scale = 65536 / (65536 - self.dropped)

    @property
    def active(self) -> bool:
        return self.training and self.dropped > 0

    def keep(self, x: Tensor) -> Tensor:
        """0 or 1 for every value of x, in x's type."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(
            -(2**63), None
        )
        kept = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        return torch.ge(
            draws.view(torch.int16)[: x.numel()].view(x.shape), self.dropped - 32768, out=kept
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.keep(x).mul_(self.scale) if self.active else x


class DroppedReLU(Dropout):
    """Dropout after ReLU, which may overwrite x; without the scale 1 / (1 - p) where the caller has
    a place for it."""

    def forward(self, x: Tensor, *, scaled: bool = True) -> Tensor:
        if not self.active:
            return F.relu(x, inplace=True)
        return dropped_relu(x, self.keep(x), self.scale if scaled else 1.0)


class _DroppedReLU(torch.autograd.Function):
    """`scale * keep * ReLU(x)`, of which only the result is kept: it is positive where the gradient
    passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, keep: Tensor, scale: float) -> Tensor:
        y = keep.mul_(x).relu_()
        if scale != 1:
            y.mul_(scale)
        ctx.save_for_backward(y)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (y,) = ctx.saved_tensors
        passed = torch.ops.aten.threshold_backward(gradient, y, 0)
        return passed if ctx.scale == 1 else passed.mul_(ctx.scale), None, None


dropped_relu: Callable[[Tensor, Tensor, float], Tensor] = _DroppedReLU.apply
