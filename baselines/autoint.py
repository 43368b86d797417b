"""AutoInt, with and without an MLP."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from baselines.linear import LinearTerm
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class FieldAttention(nn.Module):
    """Self-attention over fields, [B, F, width] -> [B, F, out]:
    `ReLU([LayerNorm](softmax(Q K^T [/ sqrt(out/heads)]) V [+ W_res X]))`; where out = width,
    W_res is the identity."""

    def __init__(
        self, width: int, out: int, heads: int, *, residual: bool, layer_norm: bool, scale: bool
    ) -> None:
        super().__init__()
        self.heads, self.is_residual = heads, residual
        self.scale = (heads / out) ** 0.5 if scale else 1.0
        self.query = Linear(width, out, bias=False)
        self.key = Linear(width, out, bias=False)
        self.value = Linear(width, out, bias=False)
        self.residual = Linear(width, out, bias=False) if residual and width != out else None
        self.norm = nn.LayerNorm(out) if layer_norm else None

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (self._split(each(x)) for each in (self.query, self.key, self.value))
        weights = torch.softmax(query @ key.transpose(2, 3) * self.scale, dim=3)
        y = (weights @ value).transpose(1, 2).flatten(2)
        if self.is_residual:
            y = y + (x if self.residual is None else self.residual(x))
        return F.relu(y if self.norm is None else self.norm(y))

    def _split(self, x: Tensor) -> Tensor:
        """[B, F, out] -> [B, heads, F, out/heads]."""
        return x.view(len(x), x.shape[1], self.heads, -1).transpose(1, 2)


@models.register("autoint")
class AutoInt(nn.Module):
    """AutoInt, 2019: layers of self-attention over fields; with `hidden_units`, AutoInt+.

    Layer on X [F, width], X_0 = E in R^{F x d}:
    `X' = ReLU([LayerNorm](concat_h softmax(Q_h K_h^T [/ sqrt(a/heads)]) V_h [+ W_res X]))`,
    Q = X W_q, K = X W_k, V = X W_v in R^{F x a}, a = `attention_dim`, cut into heads;
    `logit = w^T flatten(X_L) + b [+ w_m^T MLP(flatten(E)) + b_m] [+ sum_f w_f]`, w_f one weight per
    id. `residual`, `layer_norm`, `scale`, `linear_term` and `hidden_units` choose what is in [].

    Stages `embedding` [B, F, d], `layer{l}` [B, F, a]. Paper: Song et al., CIKM 2019 (1810.11921).
    Left open by the paper / chosen here: the options that public rows differ in. Raises ValueError
    if the heads do not divide a.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        attention_dim: int = 64,
        num_layers: int = 3,
        num_heads: int = 2,
        residual: bool = True,
        layer_norm: bool = False,
        scale: bool = False,
        linear_term: bool = False,
        hidden_units: tuple[int, ...] = (),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(attention_dim=attention_dim, num_layers=num_layers, num_heads=num_heads)
        require_positive(hidden_units=hidden_units)
        if attention_dim % num_heads:
            sizes = f"num_heads = {num_heads} does not divide attention_dim = {attention_dim}"
            raise ValueError(sizes)
        fields = schema.num_fields
        self.linear = LinearTerm(schema, bias=False) if linear_term else None
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.layers = nn.ModuleList(
            FieldAttention(
                width,
                attention_dim,
                num_heads,
                residual=residual,
                layer_norm=layer_norm,
                scale=scale,
            )
            for width in (embedding_dim, *[attention_dim] * (num_layers - 1))
        )
        self.head = Linear(fields * attention_dim, 1)
        self.mlp = self.mlp_head = None
        if hidden_units:
            width = fields * embedding_dim
            self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
            self.mlp_head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        x = embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            observe(f"layer{number}", x)
        logit: Tensor = self.head(x.flatten(1)).squeeze(1)
        if self.mlp is not None and self.mlp_head is not None:
            logit = logit + self.mlp_head(self.mlp(embedding.flatten(1))).squeeze(1)
        return logit if self.linear is None else logit + self.linear(dense, sparse)
