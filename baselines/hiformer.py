"""Attention over tokens: HiFormer's composite projections, and heterogeneous attention."""

import torch
from torch import Tensor, nn

from baselines.blocks import SwiGLU, run_stack
from baselines.kernels import LayerNorm, PerTokenLinear, TokenLinear, lay_out
from baselines.layers import FieldEmbedding, divisors, require_positive
from baselines.tokens import Head, Shape, Tokenizer
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """`softmax(Q_h K_h^T / sqrt(width of Q_h)) V_h` over the tokens, heads side by side in each
    width: Q and K [B, T, h k], V [B, T, h v] -> [B, T, h v]."""
    q, k, v = (_heads(x, heads) for x in (query, key, value))
    weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[3] ** 0.5, dim=3)
    return lay_out((weights @ v).transpose(1, 2).flatten(2))


def _heads(x: Tensor, heads: int) -> Tensor:
    """[B, T, h k] -> [B, h, T, k]."""
    return x.reshape(len(x), x.shape[1], heads, -1).transpose(1, 2)


class Composite(nn.Module):
    """`B A flatten(X)`, A [rank, T D] and B [T D, rank]: [B, T, D] -> the same."""

    def __init__(self, shape: Shape, rank: int) -> None:
        super().__init__()
        size = shape[0] * shape[1]
        self.down = TokenLinear(size, rank, bias=False)
        self.up = TokenLinear(rank, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.up(self.down(x.flatten(1)))
        return y.view(x.shape)


class CompositeAttention(nn.Module):
    """Attention with composite projections to Q, K and V, heads of D/h: [B, T, D] -> the same."""

    def __init__(self, shape: Shape, heads: int, rank: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (Composite(shape, rank) for _ in range(3))
        self.out = PerTokenLinear(shape[0], shape[1], shape[1], bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(attend(self.query(x), self.key(x), self.value(x), self.heads))
        return y


class HeterogeneousAttention(nn.Module):
    """Attention with projections of its own for every token, keys of `key_dim` and values of the
    full width D for every head: [B, T, D] -> the same."""

    def __init__(self, shape: Shape, heads: int, key_dim: int) -> None:
        super().__init__()
        tokens, width = shape
        self.heads = heads
        self.query = PerTokenLinear(tokens, width, heads * key_dim, bias=False)
        self.key = PerTokenLinear(tokens, width, heads * key_dim, bias=False)
        self.value = PerTokenLinear(tokens, width, heads * width, bias=False)
        self.out = PerTokenLinear(tokens, heads * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(attend(self.query(x), self.key(x), self.value(x), self.heads))
        return y


class AttentionLayer(nn.Module):
    """`X <- LayerNorm(X + attention(X))`, then `X <- LayerNorm(X + FFN(X))`: [B, T, D] -> the same;
    stages `layer{l}.attention`, `layer{l}.ffn`."""

    def __init__(self, shape: Shape, attention: nn.Module, ffn_hidden: int) -> None:
        super().__init__()
        self.attention = attention
        self.attention_norm = LayerNorm(shape[1])
        self.ffn = SwiGLU(*shape, ffn_hidden)
        self.ffn_norm = LayerNorm(shape[1])

    def forward(self, x: Tensor, observe: Observe, number: int) -> Tensor:
        x = self.attention_norm(x + self.attention(x))
        observe(f"layer{number}.attention", x)
        x = self.ffn_norm(x + self.ffn(x))
        observe(f"layer{number}.ffn", x)
        return x


@models.register("hiformer")
class HiFormer(nn.Module):
    """HiFormer, 2023: attention over tokens whose projections see all tokens at once.

    `X_0 = tokenizer(E)`, E [B, F, d] cut into T slices with a projection each. Layer:
    `[q_1 .. q_T] = B_Q A_Q flatten(X)`, A_Q [r, T D], B_Q [T D, r], so K and V; per head of D/h
    `softmax(Q K^T / sqrt(D/h)) V`, heads side by side times W_t [D, D] of the token;
    `X <- LayerNorm(X + o)`, `X <- LayerNorm(X + SwiGLU_t(X))`; `logit = w^T mean_t(X_L) + b`.

    Stages `embedding` [B, F, d], then [B, T, D]: `tokens`, `layer{l}.attention`, `layer{l}.ffn`.
    Paper: Gui et al., 2023 (2311.05884). Left open by the paper / chosen here: slices in field
    order, SwiGLU where the paper has two layers with GELU, Xavier for A and B (with N(0, 1e-3), as
    in public code, attention begins uniform and V near 0), every query in the last layer. Raises
    ValueError if the heads do not divide D.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 32,
        num_layers: int = 2,
        num_heads: int = 2,
        projection_rank: int = 64,
        ffn_hidden: int = 128,
    ) -> None:
        super().__init__()
        require_positive(num_layers=num_layers, num_heads=num_heads)
        require_positive(projection_rank=projection_rank, ffn_hidden=ffn_hidden)
        if token_dim % num_heads:
            can = f"num_heads can be {divisors(token_dim)}"
            raise ValueError(f"num_heads = {num_heads} does not divide token_dim; {can}")
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer("slice", width, shape)
        self.layers = nn.ModuleList(
            AttentionLayer(shape, CompositeAttention(shape, num_heads, projection_rank), ffn_hidden)
            for _ in range(num_layers)
        )
        self.head = Head("pool", shape)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        return run_stack(embedding, self.tokenizer, self.layers, self.head, observe or ignore)


@models.register("hetero_attention")
class HeteroAttention(nn.Module):
    """Heterogeneous attention, 2023: attention over tokens with projections of each token's own.

    `X_0 = tokenizer(E)`, E [B, F, d] cut into T slices with a projection each. Layer:
    `q_t = Q_t x_t`, `k_t = K_t x_t` [D -> h k], `v_t = V_t x_t` [D -> h D], the full width for
    every head; `o_t = O_t concat_h(softmax(Q K^T / sqrt(k)) V)` [h D -> D];
    `X <- LayerNorm(X + o)`, `X <- LayerNorm(X + SwiGLU_t(X))`; `logit = w^T mean_t(X_L) + b`.

    Stages as HiFormer's. Paper: Gui et al., 2023 (2311.05884), the layer that HiFormer starts from.
    Left open by the paper / chosen here: as in HiFormer.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 32,
        num_layers: int = 2,
        num_heads: int = 2,
        key_dim: int = 16,
        ffn_hidden: int = 128,
    ) -> None:
        super().__init__()
        require_positive(num_layers=num_layers, num_heads=num_heads, key_dim=key_dim)
        require_positive(ffn_hidden=ffn_hidden)
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer("slice", width, shape)
        self.layers = nn.ModuleList(
            AttentionLayer(shape, HeterogeneousAttention(shape, num_heads, key_dim), ffn_hidden)
            for _ in range(num_layers)
        )
        self.head = Head("pool", shape)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        return run_stack(embedding, self.tokenizer, self.layers, self.head, observe or ignore)
