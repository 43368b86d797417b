"""The layers of token models, which keep the batch last: [T, width, B].

A product then writes rows as long as the batch. A token is often narrower than a matrix product's
kernels like (26 or 30 values), and products that write rows of that length run at half their speed.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from baselines.layers import Linear

RMS_EPS = 1e-12
LAYER_NORM_EPS = 1e-5


class _Normalised(torch.autograd.Function):
    """`x / sqrt(mean(x^2) + eps)` over the width, [..., width, B], of x or (centred) of x -
    mean(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float, centred: bool) -> Tensor:
        if centred:
            x = x - x.mean(dim=-2, keepdim=True)
        inverse = x.square().mean(dim=-2, keepdim=True).add_(eps).rsqrt_()
        y = x * inverse
        ctx.save_for_backward(y, inverse)
        ctx.centred = centred
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        y, inverse = ctx.saved_tensors
        along = (gradient * y).mean(dim=-2, keepdim=True)
        result = torch.addcmul(gradient, y, along, value=-1)
        if ctx.centred:
            result -= gradient.mean(dim=-2, keepdim=True)
        return result.mul_(inverse), None, None


normalised: Callable[[Tensor, float, bool], Tensor] = _Normalised.apply


class RMSNorm(nn.Module):
    """`gamma * x / sqrt(mean(x^2) + 1e-12)` over the width, [..., width, B] (Zhang & Sennrich,
    1910.07467).

    gamma is [width], or [T, width] with a `shape` of two sizes.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, RMS_EPS, False) * self.gamma.unsqueeze(-1)


class LayerNorm(nn.Module):
    """LayerNorm over the width, [..., width, B]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        scaled = normalised(x, LAYER_NORM_EPS, True)
        return torch.addcmul(self.bias.unsqueeze(1), scaled, self.weight.unsqueeze(1))


class _ColumnProduct(torch.autograd.Function):
    """`W x + b`: x [in, B], W [out, in], b [out] or None, or all of them with a first axis of
    tokens."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return weight @ x
        product = torch.addmm if x.dim() == 2 else torch.baddbmm
        return product(bias.unsqueeze(-1), weight, x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        of_weight = None
        if for_weight:  # written along its longer side
            along_in = weight.shape[-2] <= weight.shape[-1]
            of_weight = gradient @ x.mT if along_in else (x @ gradient.mT).mT
        return (
            weight.mT @ gradient if for_x else None,
            of_weight,
            gradient.sum(dim=-1) if for_bias else None,
        )


column_product: Callable[[Tensor, Tensor, Tensor | None], Tensor] = _ColumnProduct.apply


def shared_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`W x + b` with the same W [out, in] for every token: [in, B] -> [out, B], [T, in, B] -> [T,
    out, B].

    A product for every token, because one of all tokens' columns with so few rows does not use two
    threads.
    """
    if x.dim() == 2:
        return column_product(x, weight, bias)
    if len(x) == 1:
        return column_product(x.squeeze(0), weight, bias).unsqueeze(0)
    return column_product(
        x, weight.expand(len(x), -1, -1), None if bias is None else bias.expand(len(x), -1)
    )


class ColumnLinear(Linear):
    """Linear with the batch last, [in, B] -> [out, B] or the same for every token, [T, in, B] ->
    [T, out, B]."""

    def forward(self, x: Tensor) -> Tensor:
        return shared_product(x, self.weight, self.bias)


class PerTokenLinear(nn.Module):
    """Own weights for every token, as one batched product: [T, in, B] -> [T, out, B].

    `weight` is [T, out, in], Xavier-normal per token; `bias` is [T, out], zero.
    """

    def __init__(
        self, tokens: int, in_features: int, out_features: int, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tokens, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(tokens, out_features)) if bias else None
        nn.init.normal_(self.weight, std=(2 / (in_features + out_features)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return column_product(x, self.weight, self.bias)
