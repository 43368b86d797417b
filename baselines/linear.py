"""Logistic regression and the factorization machine."""

import torch
from torch import Tensor, nn

from baselines.layers import TABLE_SD, FieldEmbedding
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class LinearTerm(nn.Module):
    """First-order term `[b +] sum_f w_f[id]` (dense: `w_f x_f`): [B]; without b in a model whose
    head has a bias."""

    def __init__(self, schema: Schema, dense_sd: float = TABLE_SD, *, bias: bool = True) -> None:
        super().__init__()
        self.embedding = FieldEmbedding(schema, 1, dense_sd=dense_sd)
        self.bias = nn.Parameter(torch.zeros(1)) if bias else None

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe = ignore) -> Tensor:
        weights: Tensor = self.embedding(dense, sparse)
        observe("embedding", weights)
        total = weights.sum(dim=(1, 2))
        return total if self.bias is None else total + self.bias


def pair_dots(v: Tensor) -> Tensor:
    """`sum_{f<g} <v_f, v_g>` as `(|sum_f v_f|^2 - sum_f |v_f|^2) / 2`: [B, F, d] -> [B]."""
    return (v.sum(dim=1).square() - v.square().sum(dim=1)).sum(dim=1) / 2


@models.register("lr")
class LR(nn.Module):
    """Logistic regression: one weight per feature value, no interactions.

    `logit = b + sum_f w_f`, w_f one weight per id (dense: weight times value).

    Stage `embedding`: the weights, [B, F, 1].
    Paper: Richardson et al., 2007. Left open there / chosen here: initial values: N(0, 1e-4 sd) in
    the tables, and of sd `dense_sd` for the weights of dense fields.
    """

    convex = True

    def __init__(self, schema: Schema, *, dense_sd: float = TABLE_SD) -> None:
        super().__init__()
        self.linear = LinearTerm(schema, dense_sd)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        logit: Tensor = self.linear(dense, sparse, observe or ignore)
        return logit


@models.register("fm")
class FM(nn.Module):
    """Factorization Machine, 2010: a linear term plus the dots of all pairs of field embeddings.

    `logit = b + sum_f w_f + sum_{f<g} <v_f, v_g>`; the pairs are computed as
    `(|sum_f v_f|^2 - sum_f |v_f|^2) / 2`. w_f is a weight and v_f in R^d a vector per id (dense:
    times the value).

    Stage `embedding`: v, [B, F, d]. Paper: Rendle, ICDM 2010. Left open there / chosen here:
    initial values: N(0, 1e-4 sd) in the tables, and of sd `dense_sd` for the weights and vectors of
    dense fields, whose products with raw values would make the first logits large.
    """

    def __init__(
        self, schema: Schema, *, embedding_dim: int = 10, dense_sd: float = TABLE_SD
    ) -> None:
        super().__init__()
        self.linear = LinearTerm(schema, dense_sd)
        self.embedding = FieldEmbedding(schema, embedding_dim, dense_sd=dense_sd)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        v = self.embedding(dense, sparse)
        observe("embedding", v)
        logit: Tensor = self.linear(dense, sparse) + pair_dots(v)
        return logit
