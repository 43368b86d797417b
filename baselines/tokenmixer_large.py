"""TokenMixer-Large, RankMixer's successor."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.blocks import SwiGLU
from baselines.kernels import PerTokenLinear, RMSNorm, TokenLinear, lay_out, transpose_heads
from baselines.layers import FieldEmbedding, divisors, raised, require_positive
from baselines.tokens import Head, Shape
from benchmark.data.schema import Schema
from benchmark.model import Observe, block_stage, ignore
from benchmark.registry import models

DOWN_SCALE = 0.01
"""Of the initial W_down, so that a block begins near the identity (the paper's table 14)."""


class GroupTokenizer(nn.Module):
    """Tokens [B, T, D] from E [B, F, d]: token 0 `W_2 ReLU(W_1 flatten(E))`, and the same of each
    of T - 1 contiguous groups of fields, sizes differing by at most one, larger first. No biases.
    """

    def __init__(self, fields: int, dim: int, shape: Shape) -> None:
        super().__init__()
        groups, width = shape[0] - 1, shape[1]
        small, larger = divmod(fields, groups)
        self.parts = [(larger, small + 1)] if larger else []
        self.parts.append((groups - larger, small))
        self.everything = TokenLinear(fields * dim, width, bias=False)
        self.groups = nn.ModuleList(
            PerTokenLinear(count, size * dim, width, bias=False) for count, size in self.parts
        )
        self.out = PerTokenLinear(*shape, width, bias=False)

    def forward(self, embedding: Tensor) -> Tensor:
        first, hidden = 0, [self.everything(embedding.reshape(len(embedding), 1, -1))]
        for (count, size), group in zip(self.parts, self.groups, strict=True):
            fields = embedding[:, first : first + count * size]
            hidden.append(group(lay_out(fields.reshape(len(fields), count, -1))))
            first += count * size
        tokens: Tensor = self.out(F.relu(torch.cat(hidden, dim=1)))
        return tokens


class HeadMixing(nn.Module):
    """`M + SwiGLU_h(RMSNorm(M))`, M = transpose_heads(X): [B, T, D] -> [B, H, T D/H]."""

    def __init__(self, shape: Shape, heads: int, multiple: int) -> None:
        super().__init__()
        self.heads, width = heads, shape[0] * shape[1] // heads
        self.norm = RMSNorm(width)
        self.ffn = SwiGLU(heads, width, multiple * width, DOWN_SCALE)

    def forward(self, x: Tensor) -> Tensor:
        mixed = transpose_heads(x, self.heads)
        y: Tensor = mixed + self.ffn(self.norm(mixed))
        return y


class MixerBlock(nn.Module):
    """`X + SwiGLU_t(RMSNorm(R))`, R the heads of HeadMixing put back: [B, T, D] -> the same; stages
    `block{l}.mixing` [B, H, T D/H], `block{l}.ffn`."""

    def __init__(self, shape: Shape, heads: int, multiple: int) -> None:
        super().__init__()
        self.tokens = shape[0]
        self.mixing = HeadMixing(shape, heads, multiple)
        self.norm = RMSNorm(shape[1])
        self.ffn = SwiGLU(*shape, multiple * shape[1], DOWN_SCALE)

    def forward(self, x: Tensor, observe: Observe, number: int) -> Tensor:
        mixed = self.mixing(x)
        observe(block_stage(number, "mixing"), mixed)
        y: Tensor = x + self.ffn(self.norm(transpose_heads(mixed, self.tokens)))
        observe(block_stage(number, "ffn"), y)
        return y


@models.register("tokenmixer_large")
class TokenMixerLarge(nn.Module):
    """TokenMixer-Large, 2026: mixing and its inverse in each block, networks for heads and tokens.

    X_0 [T, D]: token 0 of all fields, the others of T - 1 groups of them, `W_2 ReLU(W_1 .)` each.
    Block: M [H, T D/H], row h = head h of all tokens; `M' = M + F_h(RMSNorm(M))`; R [T, D] = M'
    put back; `X' = X + F_t(RMSNorm(R))`; F = SwiGLU without biases, own weights per row, hidden
    `ffn_multiple` times the width. After blocks 3, 5, .., never the last, `X_l = X'_l + X_{l-2}`,
    with an auxiliary logit `a = w_a^T mean_t(X_l) + b_a`; `logit = w^T mean_t(X_L) + b`; loss:
    BCE + `auxiliary_weight` times the BCE of every a.

    Stages `embedding` [B, F, d], `tokens` [B, T, D], `block{l}.mixing` (M') [B, H, T D/H],
    `block{l}.ffn` (X') and, where it differs, `block{l}.state` (X_l) [B, T, D]. Paper: ByteDance,
    2026 (2602.06563). Left open by the paper / chosen here: groups in field order (with fewer
    fields than groups, a group is a field), the blocks with an inter-residual as in fay85's code,
    the pooled head, no sparse experts. Raises ValueError if H does not divide D.
    """

    whole_batch = False

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 9,
        token_dim: int = 32,
        num_heads: int = 8,
        num_blocks: int = 2,
        ffn_multiple: int = 4,
        auxiliary_weight: float = 0.1,
    ) -> None:
        super().__init__()
        require_positive(token_dim=token_dim, num_heads=num_heads, num_blocks=num_blocks)
        require_positive(ffn_multiple=ffn_multiple)
        if num_tokens < 2:
            raise ValueError(f"num_tokens = {num_tokens}: one for all fields and one for a group")
        if token_dim % num_heads:
            can = f"num_heads can be {divisors(token_dim)}"
            raise ValueError(f"num_heads = {num_heads} does not divide token_dim; {can}")
        if num_tokens > schema.num_fields + 1:
            fewer = schema.num_fields + 1
            note = f"{fewer} tokens in place of {num_tokens}: a group is a field"
            warnings.warn(note, stacklevel=2)
            num_tokens = fewer
        shape = num_tokens, token_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = GroupTokenizer(schema.num_fields, embedding_dim, shape)
        self.blocks = nn.ModuleList(
            MixerBlock(shape, num_heads, ffn_multiple) for _ in range(num_blocks)
        )
        self.auxiliary = Head("pool", shape) if num_blocks > 3 and auxiliary_weight else None
        self.head = Head("pool", shape)
        self.auxiliary_weight = auxiliary_weight
        self._auxiliary_logits: list[Tensor] = []

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = before = self.tokenizer(embedding)
        observe("tokens", x)
        self._auxiliary_logits = []
        for number, block in enumerate(self.blocks, start=1):
            earlier, before, x = before, x, block(x, observe, number)
            if number % 2 and 1 < number < len(self.blocks):
                x = x + earlier
                observe(f"block{number}.state", x)
                if self.training and self.auxiliary is not None:
                    self._auxiliary_logits.append(self.auxiliary(x))
        logit: Tensor = self.head(x)
        return logit

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """`auxiliary_weight` times the BCE of the auxiliary logits of the last training batch, each
        a mean over its rows."""
        logits = map(raised, self._auxiliary_logits)
        losses = [F.binary_cross_entropy_with_logits(each, label) for each in logits]
        return self.auxiliary_weight * sum(losses, logit.new_zeros(()))
