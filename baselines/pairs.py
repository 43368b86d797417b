"""Models of the products of pairs of fields: the inner-product network and FiBiNET."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dnn import MLP
from baselines.kernels import PerTokenLinear
from baselines.layers import FieldEmbedding, Linear, raised, require_positive
from baselines.linear import LinearTerm
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore, in_plain_form
from benchmark.registry import models


class _PairProducts(torch.autograd.Function):
    """`a_f * b_g` of all pairs of fields f < g, a field at a time: gathering every pair's vectors
    and adding up their gradients takes most of a step."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        fields = a.shape[1]
        return torch.cat([a[:, f, None] * b[:, f + 1 :] for f in range(fields - 1)], dim=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors
        for_a, for_b = torch.zeros_like(a), torch.zeros_like(b)
        sizes = list(range(a.shape[1] - 1, 0, -1))
        for f, part in enumerate(torch.split(gradient, sizes, dim=1)):
            torch.sum(part * b[:, f + 1 :], dim=1, out=for_a[:, f])
            for_b[:, f + 1 :].addcmul_(part, a[:, f, None])
        return for_a, for_b


_pair_products: Callable[[Tensor, Tensor], Tensor] = _PairProducts.apply


class Pairs(nn.Module):
    """The pairs f < g of the fields, in the order (1, 2), (1, 3), ..: of x [B, F, d] the first and
    the second ones, [B, F (F - 1) / 2, d] each. Raises ValueError for fewer than two fields."""

    first: Tensor
    second: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        fields = schema.num_fields
        if fields < 2:
            raise ValueError(f"a product of two fields needs them: the data have {fields}")
        first, second = torch.triu_indices(fields, fields, offset=1)
        self.count = len(first)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.index_select(1, self.first), x.index_select(1, self.second)

    def products(self, a: Tensor, b: Tensor) -> Tensor:
        """`a_f * b_g` of the pairs: [B, F, d] twice -> [B, F (F - 1) / 2, d]."""
        if in_plain_form():
            (first, _), (_, second) = self.forward(a), self.forward(b)
            return first * second
        return _pair_products(raised(a), b)

    def dots(self, x: Tensor) -> Tensor:
        """The inner products of the pairs, [B, F (F - 1) / 2], from those of all fields."""
        rows = (x @ x.mT).unbind(1)
        return torch.cat([row[:, field + 1 :] for field, row in enumerate(rows)], dim=1)


@models.register("ipnn")
class IPNN(nn.Module):
    """Inner-product neural network, 2016: an MLP over field embeddings and the dots of their pairs.

    `logit = w^T MLP([flatten(E); <E_f, E_g> for f < g]) + b`, E in R^{F x d}.

    Stage `embedding`: [B, F, d]. Paper: Qu et al., ICDM 2016 (1611.00144).
    Left open by the paper / chosen here: batch norm and its place. Raises ValueError for data of
    one field.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(hidden_units=hidden_units)
        self.pairs = Pairs(schema)
        width = schema.num_fields * embedding_dim + self.pairs.count
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        (observe or ignore)("embedding", embedding)
        x = torch.cat((embedding.flatten(1), self.pairs.dots(embedding)), dim=1)
        logit: Tensor = self.head(self.mlp(x))
        return logit.squeeze(1)


class Excitation(nn.Module):
    """A weight per field: `ReLU(W_up ReLU(W_down z))`, z the mean of E over d: [B, F, d] -> [B, F];
    W_down to int(F / ratio), at least 1."""

    def __init__(self, fields: int, ratio: float) -> None:
        super().__init__()
        squeezed = max(1, int(fields / ratio))
        self.down = Linear(fields, squeezed, bias=False)
        self.up = Linear(squeezed, fields, bias=False)

    def forward(self, embedding: Tensor) -> Tensor:
        return F.relu(self.up(F.relu(self.down(embedding.mean(dim=2)))))


@models.register("fibinet")
class FiBiNET(nn.Module):
    """FiBiNET, 2019: bilinear products of all pairs of fields, as they are and reweighted.

    `a = ReLU(W_2 ReLU(W_1 mean_d(E)))` in R^F, `S_f = a_f E_f`; for f < g
    `p_fg = (W_fg E_f) * E_g` and `q_fg = (V_fg S_f) * S_g`;
    `logit = sum_f w_f + w^T MLP([all p; all q]) + b`, w_f one weight per id.
    bilinear = "per_pair": a W_fg [d, d] for each pair; "shared": one for all. V is W with
    `tie_bilinear`, with which the public rows were run (their totals of parameters show it).

    Stages `embedding` (E), `excitation` (S): [B, F, d]. Paper: Huang et al., RecSys 2019
    (1905.09433). Left open by the paper / chosen here: as in the public code, the W of all pairs
    are drawn as one Xavier tensor. Raises ValueError for data of one field.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        bilinear: Literal["per_pair", "shared"] = "per_pair",
        tie_bilinear: bool = False,
        reduction_ratio: float = 3.0,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(hidden_units=hidden_units)
        if reduction_ratio <= 0:
            raise ValueError(f"reduction_ratio = {reduction_ratio} must be above 0")
        self.pairs = Pairs(schema)
        self.linear = LinearTerm(schema, bias=False)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.excitation = Excitation(schema.num_fields, reduction_ratio)
        self.bilinear1 = self._bilinear(bilinear, embedding_dim)
        self.bilinear2 = None if tie_bilinear else self._bilinear(bilinear, embedding_dim)
        width = 2 * self.pairs.count * embedding_dim
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def _bilinear(self, kind: str, dim: int) -> nn.Module:
        if kind == "shared":
            return Linear(dim, dim, bias=False)
        each = PerTokenLinear(self.pairs.count, dim, dim, bias=False)
        nn.init.xavier_normal_(each.weight)
        return each

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        scaled = self.excitation(embedding).unsqueeze(2) * embedding
        observe("excitation", scaled)
        p = self._products(embedding, self.bilinear1)
        q = self._products(scaled, self.bilinear2 or self.bilinear1)
        deep: Tensor = self.head(self.mlp(torch.cat((p, q), dim=1).flatten(1))).squeeze(1)
        logit: Tensor = self.linear(dense, sparse) + deep
        return logit

    def _products(self, x: Tensor, bilinear: nn.Module) -> Tensor:
        """`(W_fg x_f) * x_g` of all pairs: [B, F, d] -> [B, F (F - 1) / 2, d]."""
        if isinstance(bilinear, Linear):  # one W for all is applied to fields, not to their pairs
            return self.pairs.products(bilinear(x), x)
        first, second = self.pairs(x)
        products: Tensor = bilinear(first) * second
        return products
