"""xDeepFM."""

from typing import cast

import torch
from torch import Tensor, nn

from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from baselines.linear import LinearTerm
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class CIN(nn.Module):
    """Compressed interaction network: [B, F, d] -> [B]; stages `cin.layer{k}`: [B, H_k, d].

    `X^k_u = sum_{i,j} W^k_{u,(i,j)} (X^0_i * X^{k-1}_j) + b_u`, column (i, j) of W^k at
    i H_{k-1} + j from 0; the logit is linear in the sums over d of all X^k, k >= 1."""

    def __init__(self, fields: int, units: tuple[int, ...]) -> None:
        super().__init__()
        widths = (fields, *units)
        self.layers = nn.ModuleList(
            Linear(fields * before, after) for before, after in zip(widths, units, strict=False)
        )
        self.head = Linear(sum(units), 1)

    def forward(self, embedding: Tensor, observe: Observe) -> Tensor:
        first = x = embedding.transpose(1, 2)  # [B, d, F]: the products of a column are one row
        sums = []
        for number, layer in enumerate(self.layers, start=1):
            x = _interact(first, x, cast(Linear, layer))
            observe(f"cin.layer{number}", x.transpose(1, 2))
            sums.append(x.sum(dim=1))
        logit: Tensor = self.head(torch.cat(sums, dim=1))
        return logit.squeeze(1)


def _interact(first: Tensor, x: Tensor, layer: Linear) -> Tensor:
    """X^k from X^0 [B, d, F] and X^{k-1} [B, d, H_{k-1}]: [B, d, H_k].

    The sum over i comes first where that leaves less in memory, H_k H_{k-1} values of a column and
    not F H_{k-1}."""
    units, before = len(layer.weight), x.shape[2]
    if units >= first.shape[2]:
        products: Tensor = layer((first.unsqueeze(3) * x.unsqueeze(2)).flatten(2))
        return products
    weight = layer.weight.view(units, -1, before).permute(1, 0, 2).flatten(1)  # [F, H_k H_{k-1}]
    summed = (first @ weight).view(*x.shape[:2], units, before)
    compressed: Tensor = (summed * x.unsqueeze(2)).sum(dim=3) + layer.bias
    return compressed


@models.register("xdeepfm")
class XDeepFM(nn.Module):
    """xDeepFM, 2018: a compressed interaction network, an MLP and a linear part.

    `logit = sum_f w_f + CIN(E) + w^T MLP(flatten(E)) + b`, E in R^{F x d} the field embeddings, w_f
    one weight per id. CIN: X^0 = E, `X^k_u = sum_{i,j} W^k_{u,(i,j)} (X^0_i * X^{k-1}_j) + b_u`
    for u = 1..H_k (`cin_units`), and `CIN(E) = w_c^T [sum_d X^1; sum_d X^2; ..] + b_c`.

    Stages `embedding` [B, F, d], `cin.layer{k}` [B, H_k, d]. Paper: Lian et al., KDD 2018
    (1803.05170). Left open by the paper / chosen here: as in the public code, CIN's layers have
    biases and no activation; the linear part has no bias.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        cin_units: tuple[int, ...] = (16, 16),
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(cin_units=cin_units, hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.linear = LinearTerm(schema, bias=False)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.cin = CIN(schema.num_fields, cin_units)
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        deep: Tensor = self.head(self.mlp(embedding.flatten(1))).squeeze(1)
        logit: Tensor = self.linear(dense, sparse) + self.cin(embedding, observe) + deep
        return logit
