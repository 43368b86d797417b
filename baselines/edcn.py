"""EDCN, the enhanced deep & cross network."""

import torch
from torch import Tensor, nn

from baselines.kernels import DroppedReLU
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class Regulation(nn.Module):
    """`[BatchNorm](s_f x)` with a factor per field, `s = softmax(g / temperature)` over the fields:
    x [B, F d] -> the same; g begins 1."""

    def __init__(self, fields: int, dim: int, temperature: float, batch_norm: bool) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.ones(fields))
        self.batch_norm = nn.BatchNorm1d(fields * dim) if batch_norm else None
        self.dim, self.temperature = dim, temperature

    def forward(self, x: Tensor) -> Tensor:
        factors = torch.softmax(self.gate / self.temperature, dim=0)
        y = x * factors.repeat_interleave(self.dim)
        return y if self.batch_norm is None else self.batch_norm(y)


class Regulations(nn.Module):
    """A regulation for the cross part and one for the deep part."""

    def __init__(self, fields: int, dim: int, temperature: float, batch_norm: bool) -> None:
        super().__init__()
        self.cross = Regulation(fields, dim, temperature, batch_norm)
        self.deep = Regulation(fields, dim, temperature, batch_norm)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cross(x), self.deep(x)


class Cross(nn.Module):
    """`(w^T c) c_0 + b`, w and b in R^n: DCN's layer without its residual."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.linear = Linear(n, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(n))

    def forward(self, first: Tensor, c: Tensor) -> Tensor:
        return torch.addcmul(self.bias, first, self.linear(c))


@models.register("edcn")
class EDCN(nn.Module):
    """Enhanced deep & cross network, 2021: a bridge joins cross and deep part after every layer.

    `c, h = R_1(x)`, c_0 = c, x = flatten(E) in R^{F d}; layer l: `c' = (w^T c) c_0 + b`,
    `h' = Dropout(ReLU(W h + b))`, W square, `B = c' * h'`, and `c, h = R_{l+1}(B)` for all but the
    last; `logit = w^T [c'; h'; B] + b`. R(v) are two `[BatchNorm](s_f v)` with own gates g,
    `s = softmax(g / temperature)` a factor per field.

    Stages `embedding`, `layer{l}.cross` (c'), `layer{l}.deep` (h'), `layer{l}.bridge` (B):
    [B, F, d]. Paper: Chen et al., DLP-KDD 2021. Where the paper adds `+ c` in the cross layer, the
    public code has no residual; its row was measured so, and so is this.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_layers: int = 3,
        temperature: float = 20.0,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        require_positive(num_layers=num_layers)
        if temperature <= 0:
            raise ValueError(f"temperature = {temperature} must be above 0")
        fields, n = schema.num_fields, schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.regulations = nn.ModuleList(
            Regulations(fields, embedding_dim, temperature, batch_norm) for _ in range(num_layers)
        )
        self.crosses = nn.ModuleList(Cross(n) for _ in range(num_layers))
        self.deeps = nn.ModuleList(Linear(n, n) for _ in range(num_layers))
        self.relu = DroppedReLU(dropout)
        self.head = Linear(3 * n, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        bridge, first = embedding.flatten(1), None
        layers = zip(self.regulations, self.crosses, self.deeps, strict=True)
        for number, (regulation, cross, deep) in enumerate(layers, start=1):
            c, h = regulation(bridge)
            first = c if first is None else first
            c, h = cross(first, c), self.relu(deep(h))
            bridge = c * h
            for name, state in (("cross", c), ("deep", h), ("bridge", bridge)):
                observe(f"layer{number}.{name}", state.view_as(embedding))
        logit: Tensor = self.head(torch.cat((c, h, bridge), dim=1))
        return logit.squeeze(1)
