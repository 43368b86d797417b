"""RankMixer: parameter-free token mixing and per-token FFNs, dense and with sparse experts."""

from typing import Literal

import torch
from torch import Tensor, nn

from baselines.features import FieldEmbedding, Observe, ignore
from baselines.layers import require_positive
from baselines.moe import PENALTY_WEIGHT_RANGE, SparseExperts, adapted
from baselines.per_token_ffn import build_ffn
from baselines.token_mixing import Block, Mixing, build_blocks, run_stack
from baselines.tokens import HeadKind, TokenizerKind, build_head, build_tokenizer
from benchmark.data.schema import Schema
from benchmark.registry import models


@models.register("rankmixer")
class RankMixer(nn.Module):
    """RankMixer, 2025: parameter-free token mixing and per-token FFNs.

    Tokens X in R^{T x D}, `X_0 = tokenizer(E)`; block l = 1..L, mix = transpose_heads (T must
    divide D):
    `S = LayerNorm(X + mix(X))`, `X' = LayerNorm(S + W_out GELU(W_1 S + b_1) + b_out)`, own weights
    per token;
    `logit = w^T mean_t(X_L) + b`. E [B, F, d], cut into T slices with a projection each. These are
    the defaults, with one hidden layer, ffn_hidden = (k D,). Paper: Zhu et al., CIKM 2025
    (2507.15551).
    The base form in RankElastor's tables: tokenizer = "matrix", tokenizer_norm = false, head =
    "mlp" and
    ffn_norm = "pre": `M = RMSNorm(S)`, `X' = M + W_out h(M) + b_out`, no norm after, h over all of
    `ffn_hidden`.
    Stages `embedding` [B, F, d], then [B, T, D]: `tokens`, `block{l}.mixing` (S), `block{l}.ffn`
    (X').
    Left open by the paper / chosen here: k (4), slices in field order instead of semantic groups,
    and zeros to fill
    the last slice.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 32,
        num_blocks: int = 2,
        tokenizer: TokenizerKind = "slice",
        tokenizer_hidden: int = 64,
        tokenizer_norm: bool = True,
        tokenizer_dropout: float = 0.0,
        ffn: Literal["gelu", "relu"] = "gelu",
        ffn_hidden: tuple[int, ...] = (128,),
        ffn_norm: Literal["post", "pre"] = "post",
        ffn_dropout: float = 0.0,
        head: HeadKind = "pool",
    ) -> None:
        super().__init__()
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = build_tokenizer(
            tokenizer,
            width,
            num_tokens,
            token_dim,
            tokenizer_hidden,
            tokenizer_norm,
            tokenizer_dropout,
        )
        self.blocks = build_blocks(
            num_blocks,
            lambda: Block(
                Mixing("transpose", num_tokens, token_dim, norm="post"),
                build_ffn(ffn, num_tokens, token_dim, hidden=ffn_hidden, dropout=ffn_dropout),
                token_dim,
                ffn_norm,
            ),
        )
        self.head = build_head(head, num_tokens, token_dim)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        return run_stack(
            self.embedding(dense, sparse), self.tokenizer, self.blocks, self.head, observe or ignore
        )


@models.register("rankmixer_moe")
class RankMixerMoE(nn.Module):
    """RankMixer with sparse experts, 2025: every token's FFN is a ReLU-routed mixture of experts.

    `S = LayerNorm(X + mix(X))`, `X' = LayerNorm(S + sum_j G_j(S) e_j(S))` per token, `G =
    ReLU(router(S))`, e_j a GELU network with `expert_hidden` units, j = 1..E; tokenizer and head as
    the paper's RankMixer. Dense training, sparse inference: two routers, both trained; the penalty
    is on the inference router's gates only, which alone serves:
    `loss = BCE + lambda mean_rows(sum over blocks, tokens and experts of G)`.
    Stages as RankMixer's. Paper: 2507.15551, section on sparse MoE. Raises ValueError unless 0 <
    active_ratio <= 1. Left open by the paper / chosen here: how two routers train (each routes
    every second row of a batch); lambda
    (1e-4 to 1; on each training batch x 1.05 where more than `active_ratio` of the gates are open,
    else / 2);
    closed experts are multiplied by 0, not skipped, so FLOPs count all experts.
    """

    penalty_weight: Tensor

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 32,
        num_blocks: int = 2,
        num_experts: int = 4,
        expert_hidden: int = 32,
        active_ratio: float = 0.25,
    ) -> None:
        super().__init__()
        require_positive("num_experts", num_experts)
        require_positive("expert_hidden", expert_hidden)
        if not 0 < active_ratio <= 1:
            raise ValueError(f"active_ratio = {active_ratio} must lie in (0, 1]")
        self.active_ratio = active_ratio
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = build_tokenizer(
            "slice", schema.num_fields * embedding_dim, num_tokens, token_dim
        )
        self.blocks = build_blocks(
            num_blocks,
            lambda: Block(
                Mixing("transpose", num_tokens, token_dim, norm="post"),
                SparseExperts(num_tokens, token_dim, num_experts, expert_hidden),
                token_dim,
                "post",
            ),
        )
        self.head = build_head("pool", num_tokens, token_dim)
        self.register_buffer("penalty_weight", torch.tensor(PENALTY_WEIGHT_RANGE[0]))

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        logit = run_stack(
            self.embedding(dense, sparse), self.tokenizer, self.blocks, self.head, observe or ignore
        )
        if self.training:
            self.penalty_weight = adapted(self.penalty_weight, self.gates(), self.active_ratio)
        return logit

    def gates(self) -> Tensor:
        """The serving routers' gates of the last training batch, [L, T, E, B]. Raises RuntimeError
        in eval mode."""
        gates = [module.gates for module in self.modules() if isinstance(module, SparseExperts)]
        kept = [gate for gate in gates if gate is not None]
        if not kept:
            raise RuntimeError("gates are kept by a forward pass in training mode")
        return torch.stack(kept)

    def training_penalty(self) -> Tensor:
        """`lambda mean_rows(sum G)` of the last training batch, 0-dim; lambda is the buffer
        `penalty_weight`."""
        return self.penalty_weight * self.gates().sum(dim=(0, 1, 2)).mean()
