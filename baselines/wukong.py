"""Wukong."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class FactorizationBlock(nn.Module):
    """Rows from products of rows: X [B, m, d] -> [B, rows, d]:
    `ReLU(MLP(LayerNorm(flatten(X (X^T Y)))))`, Y [m, k]; Y begins N(0, 1)."""

    def __init__(
        self, m: int, dim: int, rows: int, rank: int, units: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.randn(m, rank))
        self.norm = nn.LayerNorm(m * rank)
        self.mlp = MLP(m * rank, units, dropout=dropout)
        self.out = Linear(self.mlp.out_features, rows * dim)

    def forward(self, x: Tensor) -> Tensor:
        products = x @ (x.transpose(1, 2) @ self.projection)
        y = F.relu(self.out(self.mlp(self.norm(products.flatten(1)))))
        return y.view(len(x), -1, x.shape[2])


class WukongLayer(nn.Module):
    """`LayerNorm([FMB(X); W_L X] + X)`, X [B, m, d] -> [B, n_F + n_L, d]; with `+ W_R X` where m is
    another number."""

    def __init__(
        self,
        m: int,
        dim: int,
        rows: tuple[int, int],
        rank: int,
        units: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        fm_rows, linear_rows = rows
        self.fm = FactorizationBlock(m, dim, fm_rows, rank, units, dropout)
        self.linear = Linear(m, linear_rows, bias=False)
        self.residual = Linear(m, sum(rows), bias=False) if m != sum(rows) else None
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        columns = x.transpose(1, 2)
        y = torch.cat((self.fm(x), self.linear(columns).transpose(1, 2)), dim=1)
        residual = x if self.residual is None else self.residual(columns).transpose(1, 2)
        normed: Tensor = self.norm(y + residual)
        return normed


@models.register("wukong")
class Wukong(nn.Module):
    """Wukong, 2024: stacked factorization machines; each layer doubles the order of interactions.

    Layer on X [m, d], X_0 = E in R^{F x d}: `X' = LayerNorm([B; C] + R)`, `C = W_L X` in
    R^{n_L x d}, `B = ReLU(MLP(LayerNorm(flatten(X X^T Y))))` in R^{n_F x d} with Y [m, k], and R
    = X, or `W_R X` where m != n_F + n_L; `logit = w^T MLP(flatten(X_L)) + b`. n_F = `fm_rows`,
    n_L = `linear_rows`, k = `fm_rank`; the MLP inside has `fm_units`, the last one `top_units`.

    Stages `embedding` [B, F, d], `layer{l}` [B, n_F + n_L, d]: the rank cannot exceed d.
    Paper: Zhang et al., ICML 2024 (2403.02545). Left open by the paper / chosen here: the ReLU of B
    and batch norm in the last MLP, as in the public code; W_R without its bias, which the LayerNorm
    takes away; Y begins N(0, 1).
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_layers: int = 3,
        fm_rows: int = 20,
        linear_rows: int = 20,
        fm_rank: int = 8,
        fm_units: tuple[int, ...] = (256,),
        top_units: tuple[int, ...] = (512, 256),
        dropout: float = 0.0,
        top_dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        require_positive(num_layers=num_layers, fm_rows=fm_rows, linear_rows=linear_rows)
        require_positive(fm_rank=fm_rank, fm_units=fm_units, top_units=top_units)
        rows = fm_rows + linear_rows
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.layers = nn.ModuleList(
            WukongLayer(m, embedding_dim, (fm_rows, linear_rows), fm_rank, fm_units, dropout)
            for m in (schema.num_fields, *[rows] * (num_layers - 1))
        )
        width = rows * embedding_dim
        self.top = MLP(width, top_units, dropout=top_dropout, batch_norm=batch_norm)
        self.head = Linear(self.top.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        x = self.embedding(dense, sparse)
        observe("embedding", x)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            observe(f"layer{number}", x)
        logit: Tensor = self.head(self.top(x.flatten(1)))
        return logit.squeeze(1)
