"""GDCN, the gated deep & cross network."""

from typing import Literal

import torch
from torch import Tensor, nn

from baselines.dcn import CrossNet
from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class GatedCross(nn.Module):
    """`x_0 * (W x + b) * sigmoid(W_g x) + x`, W and W_g [n, n]; b begins uniform in [0, 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = Linear(width, width)
        nn.init.uniform_(self.linear.bias)
        self.gate = Linear(width, width, bias=False)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x, x0 * self.linear(x), torch.sigmoid(self.gate(x)))


@models.register("gdcn")
class GDCN(nn.Module):
    """Gated deep & cross network, 2023: DCNv2's cross layers with a gate on every value.

    `x_{l+1} = x_0 * (W_l x_l + b_l) * sigmoid(V_l x_l) + x_l`, x_0 = flatten(E) in R^{F d}, W_l and
    V_l square; structure = "parallel": `logit = w^T [x_L; MLP(x_0)] + b`; "stacked":
    `logit = w^T MLP(x_L) + b`.

    Stages `embedding`, `cross{l}`: [B, F, d]. Paper: Wang et al., CIKM 2023 (2311.04635).
    Left open by the paper / chosen here: b_l begins uniform in [0, 1), as in the public code.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        structure: Literal["parallel", "stacked"] = "parallel",
        num_cross_layers: int = 3,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(num_cross_layers=num_cross_layers, hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.cross = CrossNet(GatedCross(width) for _ in range(num_cross_layers))
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.parallel = structure == "parallel"
        self.head = Linear(self.mlp.out_features + (width if self.parallel else 0), 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = self.cross(embedding, observe)
        deep = self.mlp(embedding.flatten(1) if self.parallel else x)
        logit: Tensor = self.head(torch.cat((x, deep), dim=1) if self.parallel else deep)
        return logit.squeeze(1)
