"""The layers of the token models, in ordinary layout: [B, width] or [B, T, width].

Each has a plain form, its equation in torch's own operations, which is the tested reference, and a
fast form, which keeps the batch last in memory: its results are [B, T, width] views of
[T, width, B]. Products that write rows as short as a token (26 or 30 values) run at half speed.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers import Linear, lowered, raised
from benchmark.model import in_plain_form

RMS_EPS = 1e-12
WIDE = 8
"""A hidden layer this many times wider than its input has its norm computed from the input."""


def batch_last(x: Tensor) -> Tensor:
    """View [B, ...] as [..., B]."""
    if len(x) == 1:  # products choose their kernel by strides, which movedim leaves ambiguous here
        return x.squeeze(0).unsqueeze(-1)
    return x.movedim(0, -1)


def batch_first(x: Tensor) -> Tensor:
    """View [..., B] as [B, ...]."""
    if x.shape[-1] == 1:
        return x.squeeze(-1).unsqueeze(0)
    return x.movedim(-1, 0)


def lay_out(x: Tensor) -> Tensor:
    """Copy x [B, ...] into the memory order of the fast forms; the plain form takes it as it is."""
    return x if in_plain_form() else batch_first(batch_last(x).contiguous())


class _Normalised(torch.autograd.Function):
    """`x / sqrt(mean(x^2) + eps)` over the width, [..., width, B]; of x - mean(x) if centred."""

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


class _Product(torch.autograd.Function):
    """`W x + b`: x [in, B], W [out, in], b [out] or None, or all with a first axis of tokens."""

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
        weight_gradient = None
        if for_weight:  # written along its longer side
            along_in = weight.shape[-2] <= weight.shape[-1]
            weight_gradient = gradient @ x.mT if along_in else (x @ gradient.mT).mT
        x_gradient = weight.mT @ gradient if for_x else None
        bias_gradient = gradient.sum(dim=-1) if for_bias else None
        return x_gradient, weight_gradient, bias_gradient


class _MaskedReLU(torch.autograd.Function):
    """`scale * mask * ReLU(x)`; only the result is kept: it is positive where gradients pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        y = mask.mul_(x).relu_()
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


_normalised: Callable[[Tensor, float, bool], Tensor] = _Normalised.apply
_product: Callable[[Tensor, Tensor, Tensor | None], Tensor] = _Product.apply
_masked_relu: Callable[[Tensor, Tensor, float], Tensor] = _MaskedReLU.apply


def _shared_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`W x + b`, one W [out, in] for all tokens: [in, B] -> [out, B] or [T, in, B] -> [T, out, B].

    A product for every token: one of all tokens' columns, with few rows, uses a single thread.
    """
    x, weight = lowered(x), lowered(weight)
    if x.dim() == 2:
        return _product(x, weight, bias)
    if len(x) == 1:
        return _product(x.squeeze(0), weight, bias).unsqueeze(0)
    # A product for every token: a single one with so few rows does not use two threads.
    every_bias = None if bias is None else bias.expand(len(x), -1)
    return _product(x, weight.expand(len(x), -1, -1), every_bias)


def per_token_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`W_t x_t + b_t` for every token: x [B, T, in], W [T, out, in], b [T, out] -> [B, T, out]."""
    if in_plain_form():
        y = torch.einsum("bti,toi->bto", x, weight)
        return y if bias is None else y + bias
    return batch_first(_product(lowered(batch_last(x)), lowered(weight), bias))


class TokenLinear(Linear):
    """Linear with the same weights for every token."""

    def forward(self, x: Tensor) -> Tensor:
        if in_plain_form():
            return super().forward(x)
        return batch_first(_shared_product(batch_last(x), self.weight, self.bias))


class PerTokenLinear(nn.Module):
    """Linear with own weights for every token, as one batched product: [B, T, in] -> [B, T, out].

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
        return per_token_product(x, self.weight, self.bias)


class RMSNorm(nn.Module):
    """`gamma * x / sqrt(mean(x^2) + 1e-12)` over the width (Zhang & Sennrich, 1910.07467).

    gamma is [width], or [T, width] with a `shape` of two sizes.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        if in_plain_form():
            return self.gamma * F.rms_norm(x, x.shape[-1:], eps=RMS_EPS)
        return batch_first(_rms_norm(batch_last(x), self.gamma))


def _rms_norm(x: Tensor, gamma: Tensor) -> Tensor:
    return _normalised(raised(x), RMS_EPS, False) * gamma.unsqueeze(-1)


class LayerNorm(nn.LayerNorm):
    """LayerNorm over the width."""

    def forward(self, x: Tensor) -> Tensor:
        if in_plain_form():
            return super().forward(x)
        y = _normalised(raised(batch_last(x)), self.eps, True)
        return batch_first(torch.addcmul(self.bias.unsqueeze(1), y, self.weight.unsqueeze(1)))


def gelu(x: Tensor) -> Tensor:
    """GELU in the memory order of the fast forms, on which its last bits depend."""
    return batch_first(F.gelu(batch_last(x)))


def swish(x: Tensor) -> Tensor:
    """`x sigmoid(x)` in the memory order of the fast forms."""
    return batch_first(F.silu(batch_last(x)))


def mean(x: Tensor, *dims: int) -> Tensor:
    """The mean over dimensions of x other than the batch."""
    return batch_first(batch_last(x).mean(dim=[dim - 1 for dim in dims]))


class Dropout(nn.Module):
    """Dropout with cheap random numbers: a quarter of a 64-bit draw decides about a value.

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

    def mask(self, x: Tensor) -> Tensor:
        """0 or 1 for every value of x, in x's type."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None)
        quarters = draws.view(torch.int16)[: x.numel()].view(x.shape)
        kept = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        return torch.ge(quarters, self.dropped - 32768, out=kept)

    def forward(self, x: Tensor) -> Tensor:
        if in_plain_form():
            return F.dropout(x, self.dropped / 65536, self.training)
        if not self.active:
            return x
        x = batch_last(x)
        return batch_first(x * self.mask(x).mul_(self.scale))


class DroppedReLU(nn.Module):
    """ReLU, then dropout, in the memory order of x, which may be overwritten."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropout = Dropout(p)

    def forward(self, x: Tensor, *, scaled: bool = True) -> Tensor:
        """Without dropout's scale 1 / (1 - p) where `scaled` is false: the caller applies it."""
        if in_plain_form():
            y: Tensor = self.dropout(F.relu(x))
            return y
        if not self.dropout.active:
            return F.relu(x, inplace=True)
        return _masked_relu(x, self.dropout.mask(x), self.dropout.scale if scaled else 1.0)


def token_mlp(
    x: Tensor, hidden: TokenLinear, norm: RMSNorm | None, relu: DroppedReLU, out: TokenLinear
) -> Tensor:
    """`Linear -> [RMSNorm] -> ReLU -> Dropout -> Linear`: [B, T, in] -> [B, T, out]."""
    y: Tensor
    if in_plain_form():
        y = hidden(x)
        y = out(relu(y if norm is None else norm(y)))
        return y
    x = batch_last(x)
    tokens, width, batch = x.shape
    if norm is None or width * WIDE > min(len(norm.gamma), tokens * batch):
        y = _shared_product(x, hidden.weight, hidden.bias)
        y = relu(y if norm is None else _rms_norm(y, norm.gamma))
        return batch_first(_shared_product(y, out.weight, out.bias))
    # The norm's factor passes through ReLU to the narrow output; gamma belongs to the weights.
    gamma = norm.gamma
    y = _shared_product(x, gamma.unsqueeze(1) * hidden.weight, gamma * hidden.bias)
    y = _shared_product(relu(y, scaled=False), out.weight, None)
    scale = relu.dropout.scale if relu.dropout.active else 1.0
    factor = (_mean_square(x, hidden.weight, hidden.bias) + RMS_EPS).rsqrt() * scale
    return batch_first(torch.addcmul(out.bias.unsqueeze(1), y, factor.to(y.dtype)))


def _mean_square(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The mean of `(W x + b)^2` over the width: [T, in, B] -> [T, 1, B]. In float64, as the
    quadratic form of x with W^T W squares the condition number."""
    w = torch.cat((weight, bias.unsqueeze(1)), dim=1).double()
    x = F.pad(x, (0, 0, 0, 1), value=1.0).double()
    return (_shared_product(x, w.T @ w, None) * x).sum(dim=1, keepdim=True) / len(w)


def transpose_heads(x: Tensor, heads: int | None = None) -> Tensor:
    """Parameter-free mixing: [B, T, D] -> [B, H, T D/H]; row h is head h of all tokens, side by
    side. With H = T, the default, it is RankMixer's; the same with T heads is its inverse.
    """
    _, tokens, width = x.shape
    heads = heads or tokens
    if in_plain_form():
        return x.reshape(-1, tokens, heads, width // heads).transpose(1, 2).flatten(2)
    pieces = batch_last(x).reshape(tokens, heads, width // heads, -1)
    return batch_first(pieces.transpose(0, 1).flatten(1, 2))
