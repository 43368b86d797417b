"""RankMixer: parameter-free token mixing and per-token FFNs, dense and with sparse experts."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.blocks import Block, Mixing, build_ffn, run_stack
from baselines.kernels import PerTokenLinear, batch_first, batch_last, gelu, per_token_product
from baselines.layers import FieldEmbedding, raised, require_positive
from baselines.tokens import Head, HeadKind, Shape, Tokenizer, TokenizerKind
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models

PENALTY_WEIGHT_RANGE = (1e-4, 1.0)
RATE, DAMPING = 0.2, 20.0
"""Steps of the log of the penalty's weight per open share above the budget and per rise of it."""


@models.register("rankmixer")
class RankMixer(nn.Module):
    """RankMixer, 2025: parameter-free token mixing and per-token FFNs.

    Tokens X in R^{T x D}, `X_0 = tokenizer(E)`, E [B, F, d] cut into T slices with a projection
    each; block l = 1..L, mix = transpose_heads (T must divide D):
    `S = LayerNorm(X + mix(X))`, and with own weights per token
    `X' = LayerNorm(S + W_out GELU(W_1 S + b_1) + b_out)`; `logit = w^T mean_t(X_L) + b`.
    These are the defaults, with one hidden layer, ffn_hidden = (k D,).

    The base form in RankElastor's tables: tokenizer = "matrix", tokenizer_norm = false,
    head = "mlp" and ffn_norm = "pre": `M = RMSNorm(S)`, `X' = M + W_out h(M) + b_out`, no norm
    after, h over all of `ffn_hidden`.

    Stages `embedding` [B, F, d], then [B, T, D]: `tokens`, `block{l}.mixing` (S), `block{l}.ffn`
    (X'). Paper: Zhu et al., CIKM 2025 (2507.15551).
    Left open by the paper / chosen here: k (4), slices in field order instead of semantic groups,
    and zeros to fill the last slice.
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
        require_positive(num_blocks=num_blocks)
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer(
            tokenizer, width, shape, tokenizer_hidden, tokenizer_norm, tokenizer_dropout
        )
        self.blocks = nn.ModuleList(
            Block(
                Mixing("transpose", shape, "post"),
                build_ffn(ffn, shape, ffn_hidden, dropout=ffn_dropout),
                token_dim,
                ffn_norm,
            )
            for _ in range(num_blocks)
        )
        self.head = Head(head, shape)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        return run_stack(embedding, self.tokenizer, self.blocks, self.head, observe or ignore)


class SparseExperts(nn.Module):
    """`s + sum_j G_j(s) e_j(s)` for token s, [B, T, D] -> the same; every token has E experts:

    `e_j(s) = W2_j GELU(W1_j s + b1_j) + b2_j`, `G(s) = ReLU(W_r s + b_r)` in R^E.
    `router` serves in eval mode. In training it routes every second row of the batch and
    `train_router` the others, so that both are trained and the experts see dense gates too. `gates`
    are the serving router's in the last training batch, [B, T, E]; None in eval mode.
    """

    def __init__(self, shape: Shape, experts: int, hidden: int) -> None:
        super().__init__()
        tokens, width = shape
        self.router = PerTokenLinear(tokens, width, experts)
        self.train_router = PerTokenLinear(tokens, width, experts)
        self.lift = PerTokenLinear(tokens * experts, width, hidden)
        self.lower = PerTokenLinear(tokens * experts, hidden, width)
        self.gates: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        gates: Tensor = F.relu(self.router(x))
        self.gates = gates if self.training else None
        if self.training:
            served = torch.arange(len(x), device=x.device).view(-1, 1, 1) % 2 == 1
            gates = torch.where(served, gates, F.relu(self.train_router(x)))
        return x + self.mixture(x, gates)

    def mixture(self, s: Tensor, gates: Tensor) -> Tensor:
        """`sum_j gates_j e_j(s)`: s [B, T, D], gates [B, T, E] -> [B, T, D], by one product to the
        hidden layers of all experts of a token, and one from their weighted sum."""
        _, tokens, experts = gates.shape
        hidden, width = self.lift.weight.shape[1:]
        assert self.lift.bias is not None and self.lower.bias is not None
        w1, b1 = self.lift.weight.view(tokens, -1, width), self.lift.bias.view(tokens, -1)
        w2 = self.lower.weight.view(tokens, experts, width, hidden).transpose(1, 2).flatten(2)
        b2 = self.lower.bias.view(tokens, experts, width).transpose(1, 2)
        gates = batch_last(gates)
        lifted = batch_last(gelu(per_token_product(s, w1, b1))).reshape(tokens, experts, hidden, -1)
        weighted = batch_first((lifted * gates.unsqueeze(2)).flatten(1, 2))
        return per_token_product(weighted, w2, None) + batch_first(torch.bmm(b2, gates))


@models.register("rankmixer_moe")
class RankMixerMoE(nn.Module):
    """RankMixer with sparse experts, 2025: every token's FFN is a ReLU-routed mixture of experts.

    `S = LayerNorm(X + mix(X))`, and per token `X' = LayerNorm(S + sum_j G_j(S) e_j(S))`,
    `G = ReLU(router(S))`, e_j a GELU network with `expert_hidden` units, j = 1..E; tokenizer and
    head as the paper's RankMixer. Dense training, sparse inference: two routers, both trained; the
    penalty is on the gates of the inference router, which alone serves:
    `loss = BCE + lambda mean_rows(sum over blocks, tokens and experts of G)`.

    Stages as RankMixer's. Paper: 2507.15551, section on sparse MoE. Raises ValueError unless
    0 < active_ratio <= 1.
    Left open by the paper / chosen here: how two routers train (each routes every second row of a
    batch); lambda (1e-4 to 1; it balances where `active_ratio` of the gates are open, see `adapt`);
    closed experts are multiplied by 0, not skipped, so FLOPs count all experts.
    """

    penalty_weight: Tensor
    open_share: Tensor

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
        require_positive(num_experts=num_experts, expert_hidden=expert_hidden)
        if not 0 < active_ratio <= 1:
            raise ValueError(f"active_ratio = {active_ratio} must lie in (0, 1]")
        super().__init__()
        require_positive(num_blocks=num_blocks)
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer("slice", width, shape)
        self.blocks = nn.ModuleList(
            Block(
                Mixing("transpose", shape, "post"),
                SparseExperts(shape, num_experts, expert_hidden),
                token_dim,
                "post",
            )
            for _ in range(num_blocks)
        )
        self.head = Head("pool", shape)
        self.active_ratio = active_ratio
        self.register_buffer("penalty_weight", torch.tensor(PENALTY_WEIGHT_RANGE[0]))
        self.register_buffer("open_share", torch.tensor(0.5))  # of a fresh router, on average

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        logit = run_stack(embedding, self.tokenizer, self.blocks, self.head, observe or ignore)
        if self.training:
            before, self.open_share = self.open_share, (self.gates() > 0).float().mean()
            shares = self.open_share, before
            self.penalty_weight = adapt(self.penalty_weight, *shares, self.active_ratio)
        return logit

    def gates(self) -> Tensor:
        """The serving routers' gates of the last training batch, [L, T, E, B]. Raises RuntimeError
        in eval mode."""
        gates = [module.gates for module in self.modules() if isinstance(module, SparseExperts)]
        kept = [raised(batch_last(gate)) for gate in gates if gate is not None]
        if not kept:
            raise RuntimeError("gates are kept by a forward pass in training mode")
        return torch.stack(kept)

    def training_note(self) -> str:
        """The share of open gates in the last training batch of these weights."""
        share = f"{self.open_share.item():.1%} of the serving gates were open in training"
        return f"{share}, for a budget of {self.active_ratio:.1%}"

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """`lambda mean_rows(sum G)` of the last training batch, 0-dim."""
        return self.penalty_weight * self.gates().sum(dim=(0, 1, 2)).mean()


def adapt(weight: Tensor, share: Tensor, before: Tensor, budget: float) -> Tensor:
    """The penalty's next weight, by the open shares of this batch and of the one before.

    The steps of its log up and down are equal in expectation where the mean share is the budget.
    The damping lowers the weight while the share still falls: a closed gate has no gradient to open
    it again."""
    step = RATE * (share - budget) + DAMPING * (share - before)
    return (weight * step.exp()).clamp(*PENALTY_WEIGHT_RANGE)
