"""Token mixing and the block around it: the parts that RankMixer and RankElastor are made of."""

import warnings
from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from baselines.columns import ColumnLinear, LayerNorm, RMSNorm
from baselines.features import Observe
from baselines.layers import require_positive
from baselines.tokens import divisors

MixingKind = Literal["full", "kronecker", "transpose", "none"]
NormPlace = Literal["pre", "post", "none"]


def transpose_heads(x: Tensor) -> Tensor:
    """RankMixer's parameter-free mixing, [T, D, B] -> the same; its own inverse.

    Every token is split into T heads; new token h is the concatenation over t of head h of token t.
    """
    tokens, width, batch = x.shape
    return x.reshape(tokens, tokens, width // tokens, batch).transpose(0, 1).reshape(x.shape)


class Mixing(nn.Module):
    """`X + mix(X)` on [T, D, B], with an RMSNorm over TD before `mix` (pre) or a LayerNorm over D
    after the sum (post).

    full: `mix(X) = reshape(W flatten(X))`, W [TD, TD];
    kronecker: flatten(X) cut into g groups, one W [TD/g, TD/g] for all of them, `(I_g (x) W)
    flatten(X)`;
    transpose: transpose_heads (T must divide D);
    none: mix = 0, so that only a `post` norm acts.
    """

    def __init__(
        self,
        kind: MixingKind,
        tokens: int,
        width: int,
        *,
        groups: int = 1,
        bias: bool = True,
        norm: NormPlace,
    ) -> None:
        super().__init__()
        if kind == "transpose" and width % tokens:
            raise ValueError(
                f"num_tokens = {tokens} does not divide token_dim = {width}, which mixing by"
                " transposition needs: every token is split into T heads; for this token_dim"
                f" num_tokens can be {divisors(width)}"
            )
        self.kind = kind
        self.groups = groups if kind == "kronecker" else 1
        if kind == "kronecker":
            check_groups(groups, tokens, width)
        size = tokens * width // self.groups
        self.linear = ColumnLinear(size, size, bias=bias) if kind in ("full", "kronecker") else None
        self.pre_norm = RMSNorm(tokens * width) if norm == "pre" and kind != "none" else None
        self.norm = LayerNorm(width) if norm == "post" else None

    def mix(self, x: Tensor) -> Tensor:
        if self.pre_norm is not None:
            x = self.pre_norm(x.flatten(0, 1)).view(x.shape)
        if self.linear is None:
            return transpose_heads(x)
        mixed: Tensor = self.linear(x.view(self.groups, -1, x.shape[2]))
        return mixed.view(x.shape)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.kind == "none" else x + self.mix(x)
        return y if self.norm is None else self.norm(y)


def check_groups(groups: int, tokens: int, width: int) -> None:
    """Raises ValueError if the groups do not divide T*D; warns if each lies inside a token: nothing
    is mixed then."""
    if groups < 1 or tokens * width % groups:
        raise ValueError(
            f"mixing_groups = {groups} does not divide num_tokens * token_dim = {tokens} * {width}"
            f" = {tokens * width}; mixing_groups can be {divisors(tokens * width)}"
        )
    if tokens > 1 and width % (tokens * width // groups) == 0:
        warnings.warn(
            f"mixing_groups = {groups} mixes nothing across tokens: each group of"
            f" {tokens * width // groups} values lies inside one of the {tokens} tokens of width"
            f" {width}",
            stacklevel=2,
        )


class Block(nn.Module):
    """Mixing, then the per-token FFN: [T, D, B] -> the same; stages `{name}.mixing` and
    `{name}.ffn`.

    `ffn_norm` pre: an RMSNorm over D before the FFN, and the FFN's residual starts behind it; post:
    a LayerNorm over
    D after the FFN.
    """

    def __init__(self, mixing: Mixing, ffn: nn.Module, width: int, ffn_norm: NormPlace) -> None:
        super().__init__()
        self.mixing = mixing
        self.norm = RMSNorm(width) if ffn_norm == "pre" else None
        self.ffn = ffn
        self.ffn_norm = LayerNorm(width) if ffn_norm == "post" else None

    def forward(self, x: Tensor, observe: Observe, name: str) -> Tensor:
        x = self.mixing(x)
        observe(f"{name}.mixing", x.permute(2, 0, 1))
        x = self.ffn(x if self.norm is None else self.norm(x))
        x = x if self.ffn_norm is None else self.ffn_norm(x)
        observe(f"{name}.ffn", x.permute(2, 0, 1))
        return x


def build_blocks(num_blocks: int, block: Callable[[], Block]) -> nn.ModuleList:
    """`num_blocks` blocks of the same making. Raises ValueError if num_blocks < 1."""
    require_positive("num_blocks", num_blocks)
    return nn.ModuleList(block() for _ in range(num_blocks))


def run_stack(
    embedding: Tensor,
    tokenizer: nn.Module,
    blocks: nn.ModuleList,
    head: nn.Module,
    observe: Observe,
) -> Tensor:
    """embedding [B, F, d] -> tokens [T, D, B] -> blocks -> logit [B]; stages `embedding`, `tokens`,
    the blocks' own.

    A function, not a module: a model's head must stand at its top level to be counted as the head.
    """
    observe("embedding", embedding)
    x = tokenizer(embedding)
    observe("tokens", x.permute(2, 0, 1))
    for number, block in enumerate(blocks, start=1):
        x = block(x, observe, f"block{number}")
    logit: Tensor = head(x)
    return logit
