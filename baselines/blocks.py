"""The blocks that RankMixer and RankElastor stack: token mixing, then per-token networks."""

import warnings
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import (
    Dropout,
    LayerNorm,
    PerTokenLinear,
    RMSNorm,
    TokenLinear,
    gelu,
    swish,
    transpose_heads,
)
from baselines.layers import divisors, lowered, require_positive
from baselines.tokens import Head, Shape, Tokenizer
from benchmark.model import Observe, block_stage

MixingKind = Literal["full", "kronecker", "transpose", "none"]
FFNKind = Literal["glu", "glu_paper", "gelu", "relu"]
NormPlace = Literal["pre", "post", "none"]


class Mixing(nn.Module):
    """`X + mix(X)` on [B, T, D], with an RMSNorm over TD before `mix` (pre) or a LayerNorm over D
    after the sum (post).

    full: `mix(X) = reshape(W flatten(X))`, W [TD, TD];
    kronecker: `(I_g (x) W) flatten(X)`: g groups of values, one W [TD/g, TD/g] for all of them;
    transpose: transpose_heads (T must divide D);
    none: mix = 0, so that only a `post` norm acts.
    """

    def __init__(
        self, kind: MixingKind, shape: Shape, norm: NormPlace, groups: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        tokens, width = shape
        if kind == "transpose" and width % tokens:
            raise ValueError(
                f"num_tokens = {tokens} does not divide token_dim = {width}, as mixing by"
                f" transposition needs; num_tokens can be {divisors(width)}"
            )
        if kind == "kronecker" and (groups < 1 or tokens * width % groups):
            raise ValueError(
                f"mixing_groups = {groups} does not divide num_tokens * token_dim = {tokens} *"
                f" {width} = {tokens * width}; mixing_groups can be {divisors(tokens * width)}"
            )
        self.kind = kind
        self.groups = groups if kind == "kronecker" else 1
        size = tokens * width // self.groups
        if kind == "kronecker" and tokens > 1 and width % size == 0:
            warnings.warn(
                f"mixing_groups = {groups} mixes nothing across tokens: each group of {size} values"
                f" lies inside one of the {tokens} tokens of width {width}",
                stacklevel=2,
            )
        self.linear = TokenLinear(size, size, bias=bias) if kind in ("full", "kronecker") else None
        self.pre_norm = RMSNorm(tokens * width) if norm == "pre" and kind != "none" else None
        self.norm = LayerNorm(width) if norm == "post" else None

    def mix(self, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        if self.pre_norm is not None:
            flat = self.pre_norm(flat)
        if self.linear is None:
            return transpose_heads(flat.view(x.shape))
        mixed: Tensor = self.linear(flat.view(len(x), self.groups, -1))
        return mixed.view(x.shape)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.kind == "none" else x + self.mix(x)
        return y if self.norm is None else self.norm(y)


class GatedUnit(nn.Module):
    """[RMSNorm] -> gate -> Linear(in -> h) if h != in -> Dropout: [B, T, in] -> [B, T, h].

    gate, r != 1: `reduce((skip2(x) + GELU(lift1(x))) * lift2(x)) + skip1(x)`, with lifts and skip2
    to int(r * in); gate, r = 1: `(s + GELU(lift1(x))) * lift2(x) + s`, s = skip1(x).
    """

    def __init__(
        self, tokens: int, width: int, hidden: int, expansion: float, norm: bool, dropout: float
    ) -> None:
        super().__init__()
        lifted = int(expansion * width)
        self.norm = RMSNorm(tokens, width) if norm else None
        self.lift1 = PerTokenLinear(tokens, width, lifted)
        self.lift2 = PerTokenLinear(tokens, width, lifted)
        self.skip1 = PerTokenLinear(tokens, width, width)
        self.skip2 = self.reduce = None
        if expansion != 1:
            self.skip2 = PerTokenLinear(tokens, width, lifted)
            self.reduce = PerTokenLinear(tokens, lifted, width)
        self.resize = PerTokenLinear(tokens, width, hidden) if hidden != width else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        x = lowered(x)  # once, for up to four products
        skip = self.skip1(x)
        inner = skip if self.skip2 is None else self.skip2(x)
        gated = (inner + gelu(self.lift1(x))) * self.lift2(x)
        y: Tensor = skip + (gated if self.reduce is None else self.reduce(gated))
        y = self.dropout(y if self.resize is None else self.resize(y))
        return y


class ActivationUnit(nn.Module):
    """[RMSNorm] -> Linear(in -> h) -> GELU or ReLU -> Dropout: [B, T, in] -> [B, T, h]."""

    def __init__(
        self, kind: FFNKind, tokens: int, width: int, hidden: int, norm: bool, dropout: float
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(tokens, width) if norm else None
        self.linear = PerTokenLinear(tokens, width, hidden)
        self.activation = gelu if kind == "gelu" else F.relu
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm is not None:
            x = self.norm(x)
        y: Tensor = self.dropout(self.activation(self.linear(x)))
        return y


class SwiGLU(nn.Module):
    """`W_down (swish(W_gate x) * (W_up x))`, own weights per token, no biases: [B, T, D] -> the
    same. `down_scale` multiplies the initial W_down."""

    def __init__(self, tokens: int, width: int, hidden: int, down_scale: float = 1.0) -> None:
        super().__init__()
        self.gate = PerTokenLinear(tokens, width, hidden, bias=False)
        self.up = PerTokenLinear(tokens, width, hidden, bias=False)
        self.down = PerTokenLinear(tokens, hidden, width, bias=False)
        with torch.no_grad():
            self.down.weight.mul_(down_scale)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.down(swish(self.gate(x)) * self.up(x))
        return y


class ResidualFFN(nn.Module):
    """`x + Linear(units(x))`: [B, T, D] -> the same."""

    def __init__(self, units: nn.Sequential, out: PerTokenLinear) -> None:
        super().__init__()
        self.units = units
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.out(self.units(x))
        return y


class PaperGLU(nn.Module):
    """`(GELU(x W1) * (x W2)) W3 + x Wr` without biases, W1, W2 to int(r D): [B, T, D] -> same."""

    def __init__(self, shape: Shape, expansion: float, dropout: float) -> None:
        super().__init__()
        tokens, width = shape
        lifted = int(expansion * width)
        self.w1 = PerTokenLinear(tokens, width, lifted, bias=False)
        self.w2 = PerTokenLinear(tokens, width, lifted, bias=False)
        self.w3 = PerTokenLinear(tokens, lifted, width, bias=False)
        self.wr = PerTokenLinear(tokens, width, width, bias=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.dropout(self.w3(gelu(self.w1(x)) * self.w2(x))) + self.wr(x)
        return y


def build_ffn(
    kind: FFNKind,
    shape: Shape,
    hidden: tuple[int, ...],
    expansion: float = 3.0,
    unit_norm: bool = False,
    dropout: float = 0.0,
) -> nn.Module:
    """The FFN of this kind for tokens [B, T, D].

    glu: a ResidualFFN of a GatedUnit for each entry of `hidden`; gelu, relu: of ActivationUnits;
    glu_paper: a PaperGLU, which reads `expansion` and `dropout` alone. Raises ValueError if a size
    is below 1 or the expansion leaves no width.
    """
    require_positive(ffn_hidden=hidden)
    narrowest = min((shape[1], *hidden[:-1]))
    if kind in ("glu", "glu_paper") and int(expansion * narrowest) < 1:
        raise ValueError(
            f"expansion = {expansion} leaves nothing of the width {narrowest}; make it at least 1"
        )
    if kind == "glu_paper":
        return PaperGLU(shape, expansion, dropout)
    tokens, width = shape
    units = nn.Sequential()
    for size in hidden:
        units.append(
            GatedUnit(tokens, width, size, expansion, unit_norm, dropout)
            if kind == "glu"
            else ActivationUnit(kind, tokens, width, size, unit_norm, dropout)
        )
        width = size
    return ResidualFFN(units, PerTokenLinear(tokens, width, shape[1]))


class Block(nn.Module):
    """Mixing, then the per-token FFN: [B, T, D] -> the same; stages `block{l}.mixing`, `.ffn`.

    `ffn_norm` pre: an RMSNorm over D before the FFN, whose residual starts behind it; post: a
    LayerNorm over D after the FFN.
    """

    def __init__(self, mixing: Mixing, ffn: nn.Module, width: int, ffn_norm: NormPlace) -> None:
        super().__init__()
        self.mixing = mixing
        self.norm = RMSNorm(width) if ffn_norm == "pre" else None
        self.ffn = ffn
        self.ffn_norm = LayerNorm(width) if ffn_norm == "post" else None

    def forward(self, x: Tensor, observe: Observe, number: int) -> Tensor:
        x = self.mixing(x)
        observe(block_stage(number, "mixing"), x)
        x = self.ffn(x if self.norm is None else self.norm(x))
        x = x if self.ffn_norm is None else self.ffn_norm(x)
        observe(block_stage(number, "ffn"), x)
        return x


def run_stack(
    embedding: Tensor, tokenizer: Tokenizer, blocks: nn.ModuleList, head: Head, observe: Observe
) -> Tensor:
    """Embedding [B, F, d] -> tokens [B, T, D] -> blocks -> logit [B]; stages `embedding`, `tokens`,
    and those of the blocks.

    A function, not a module: a model's head must stand at its top level to be counted as the head.
    """
    observe("embedding", embedding)
    x = tokenizer(embedding)
    observe("tokens", x)
    for number, block in enumerate(blocks, start=1):
        x = block(x, observe, number)
    logit: Tensor = head(x)
    return logit
