"""Deep & cross networks."""

from typing import Literal

import torch
from torch import Tensor, nn

from baselines.features import FieldEmbedding, Observe, ignore
from baselines.layers import MLP, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.registry import models


class CrossNet(nn.Module):
    """Cross layers `layer(x_0, x_l) -> x_{l+1}` from x_0 = flatten(E): [B, F, d] -> x_L [B, F*d].

    Stages `cross{l}`: x_l as [B, F, d].
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, embedding: Tensor, observe: Observe) -> Tensor:
        x0 = x = embedding.flatten(1)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x0, x)
            observe(f"cross{number}", x.view_as(embedding))
        return x


class MatrixCross(nn.Module):
    """DCNv2: `x_0 * (W x + b) + x`, W [n, n]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = Linear(width, width)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x, x0, self.linear(x))


@models.register("dcnv2")
class DCNv2(nn.Module):
    """`x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`, x_0 = flatten(E) in R^{F d}, W_l square, L cross layers.

    parallel: `w^T [x_L; MLP(x_0)]`; stacked: `w^T MLP(x_L)`; stacked_parallel: `w^T [MLP_s(x_L); MLP_p(x_0)]`;
    cross_only: `w^T x_L`; each plus a bias. The MLP beside the cross layers has `parallel_units`, the one after
    them `stacked_units`; a structure without an MLP does not read its units.
    Stages `embedding`, `cross{l}`: [B, F, d]. Paper: Wang et al., WWW 2021 (2008.13535).
    Left open there / chosen here: batch norm and dropout, in every hidden layer of the MLPs.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        structure: Literal["parallel", "stacked", "stacked_parallel", "cross_only"] = "parallel",
        cross_layers: int = 3,
        parallel_units: tuple[int, ...] = (128, 64),
        stacked_units: tuple[int, ...] = (128, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive("cross_layers", cross_layers)
        require_positive("parallel_units", *parallel_units)
        require_positive("stacked_units", *stacked_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.cross = CrossNet([MatrixCross(width) for _ in range(cross_layers)])
        self.stacked = self.parallel = None
        head_width = width
        if structure in ("stacked", "stacked_parallel"):
            self.stacked = MLP(width, stacked_units, dropout=dropout, batch_norm=batch_norm)
            head_width = self.stacked.out_features
        if structure in ("parallel", "stacked_parallel"):
            self.parallel = MLP(width, parallel_units, dropout=dropout, batch_norm=batch_norm)
            head_width += self.parallel.out_features
        self.head = Linear(head_width, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = self.cross(embedding, observe)
        if self.stacked is not None:
            x = self.stacked(x)
        if self.parallel is not None:
            x = torch.cat((x, self.parallel(embedding.flatten(1))), dim=1)
        logit: Tensor = self.head(x)
        return logit.squeeze(1)
