"""Deep & cross networks."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from baselines.dnn import MLP
from baselines.kernels import PerTokenLinear
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class CrossNet(nn.Module):
    """Cross layers `layer(x_0, x_l) -> x_{l+1}` from x_0 = flatten(E): [B, F, d] -> x_L [B, F*d];
    stages `cross{l}`: x_l as [B, F, d]."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, embedding: Tensor, observe: Observe) -> Tensor:
        x0 = x = embedding.flatten(1)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x0, x)
            observe(f"cross{number}", x.view_as(embedding))
        return x


class VectorCross(nn.Module):
    """DCN: `x_0 (w^T x) + b + x`, w and b in R^n."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = Linear(width, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x + self.bias, x0, self.linear(x))


class MatrixCross(nn.Module):
    """DCNv2: `x_0 * (W x + b) + x`, W [n, n]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = Linear(width, width)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        return torch.addcmul(x, x0, self.linear(x))


class MixtureCross(nn.Module):
    """DCNv2, low rank: `sum_i G_i(x) [x_0 * (U_i tanh(C_i tanh(V_i^T x)) + b)] + x`.

    `G = softmax(W_g x + b_g)`. V_i^T is stored as v.weight[i] [rank, n], C_i as c.weight[i], U_i as
    u.weight[i] [n, rank].
    """

    def __init__(self, width: int, experts: int, rank: int) -> None:
        super().__init__()
        self.experts = experts
        self.v = PerTokenLinear(experts, width, rank, bias=False)
        self.c = PerTokenLinear(experts, rank, rank, bias=False)
        self.u = PerTokenLinear(experts, rank, width, bias=False)
        self.gate = Linear(width, experts)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        gates = torch.softmax(self.gate(x), dim=1)
        every = x.unsqueeze(1).expand(-1, self.experts, -1)
        inner = torch.tanh(self.c(torch.tanh(self.v(every))))
        # The gates sum to 1, so x_0 and b leave the sum over experts.
        total = torch.einsum("ber,enr->bn", inner * gates.unsqueeze(2), self.u.weight)
        return torch.addcmul(x, x0, total + self.bias)


@models.register("dcn")
class DCN(nn.Module):
    """Deep & Cross Network, 2017: vector cross layers beside an MLP.

    `x_{l+1} = x_0 (w_l^T x_l) + b_l + x_l`, x_0 = flatten(E) in R^{F d};
    `logit = w^T [x_L; MLP(x_0)] + b`.

    Stages `embedding`, `cross{l}`: [B, F, d]. Paper: Wang et al., ADKDD 2017 (1708.05123).
    Left open by the paper / chosen here: dropout and batch norm (the paper's) are options, off.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_cross_layers: int = 3,
        hidden_units: tuple[int, ...] = (128, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(num_cross_layers=num_cross_layers, hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.cross = CrossNet(VectorCross(width) for _ in range(num_cross_layers))
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(width + self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = torch.cat((self.cross(embedding, observe), self.mlp(embedding.flatten(1))), dim=1)
        logit: Tensor = self.head(x)
        return logit.squeeze(1)


@models.register("dcnv2")
class DCNv2(nn.Module):
    """Deep & Cross Network v2, 2021: matrix cross layers beside or before an MLP.

    cross = "full": `x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`, x_0 = flatten(E) in R^{F d}, W_l
    square; "mixture": `x_{l+1} = sum_i G_i(x_l) [x_0 * (U_i tanh(C_i tanh(V_i^T x_l)) + b)] + x_l`,
    i over `num_experts`, V_i, U_i of `rank` columns, G a softmax of a linear map of x_l, b one
    vector per layer.

    structure = "parallel": `w^T [x_L; MLP(x_0)]`; "stacked": `w^T MLP(x_L)`; "stacked_parallel":
    `w^T [MLP_s(x_L); MLP_p(x_0)]`; "cross_only": `w^T x_L`; each plus a bias. The MLP beside the
    cross layers has `parallel_units`, the one after them `stacked_units`. Hyperparameters of parts
    that are not chosen are not read.
    Stages `embedding`, `cross{l}`: [B, F, d]. Paper: Wang et al., WWW 2021 (2008.13535).
    Left open by the paper / chosen here: g = tanh; own gates per layer; batch norm and dropout only
    in the MLPs.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        structure: Literal["parallel", "stacked", "stacked_parallel", "cross_only"] = "parallel",
        cross: Literal["full", "mixture"] = "full",
        num_cross_layers: int = 3,
        num_experts: int = 4,
        rank: int = 32,
        parallel_units: tuple[int, ...] = (128, 64),
        stacked_units: tuple[int, ...] = (128, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(num_cross_layers=num_cross_layers, num_experts=num_experts, rank=rank)
        require_positive(parallel_units=parallel_units, stacked_units=stacked_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.cross = CrossNet(
            MatrixCross(width) if cross == "full" else MixtureCross(width, num_experts, rank)
            for _ in range(num_cross_layers)
        )
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
