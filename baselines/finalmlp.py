"""FinalMLP."""

import torch
from torch import Tensor, nn

from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class FeatureGate(nn.Module):
    """`2 sigmoid(MLP(c))` in R^n of a context c: the embeddings [B, C, d] of some fields, in tables
    of its own, or without fields one vector, the same for all rows."""

    def __init__(
        self, schema: Schema, fields: tuple[str, ...], dim: int, units: tuple[int, ...], n: int
    ) -> None:
        super().__init__()
        if unknown := sorted({*fields} - {*schema.dense, *schema.sparse}):
            raise ValueError(f"a gate's field {unknown[0]} is none of the data set")
        self.dense = [j for j, name in enumerate(schema.dense) if name in fields]
        self.sparse = [j for j, name in enumerate(schema.sparse) if name in fields]
        chosen = (
            Schema(
                tuple(schema.dense[j] for j in self.dense),
                tuple(schema.sparse[j] for j in self.sparse),
                tuple(schema.cardinalities[j] for j in self.sparse),
            )
            if fields
            else schema
        )
        self.embedding = FieldEmbedding(chosen, dim) if fields else None
        self.constant = None if fields else nn.Parameter(torch.zeros(1, dim))
        self.mlp = MLP(max(1, len(fields)) * dim, units)
        self.out = Linear(units[-1], n)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        context = self.constant
        if self.embedding is not None:
            context = self.embedding(dense[:, self.dense], sparse[:, self.sparse]).flatten(1)
        return 2 * torch.sigmoid(self.out(self.mlp(context)))


class Fusion(nn.Module):
    """`w_a^T a + b_a + w_b^T b + b_b + sum_h a_h^T W_h b_h`, a [B, p] and b [B, q] cut into heads:
    [B]."""

    def __init__(self, p: int, q: int, heads: int) -> None:
        super().__init__()
        if p % heads or q % heads:
            raise ValueError(f"num_heads = {heads} must divide the last widths {p} and {q}")
        self.first, self.second = Linear(p, 1), Linear(q, 1)
        self.weight = nn.Parameter(torch.empty(heads, p // heads, q // heads))
        nn.init.normal_(self.weight, std=(2 / (p * q / heads + 1)) ** 0.5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        heads = len(self.weight)
        a_heads, b_heads = (x.reshape(len(x), heads, -1) for x in (a, b))
        bilinear = torch.einsum("bhp,hpq,bhq->b", a_heads, self.weight, b_heads)
        linear: Tensor = (self.first(a) + self.second(b)).squeeze(1)
        return linear + bilinear


@models.register("finalmlp")
class FinalMLP(nn.Module):
    """FinalMLP, 2023: two MLPs over gated embeddings, fused by a bilinear form in pieces.

    `a = MLP_1(x * g_1)`, `b = MLP_2(x * g_2)`, x = flatten(E) in R^{F d}, `g_k = 2 sigmoid(MLP(
    c_k))`; `logit = w_a^T a + w_b^T b + b_a + b_b + sum_h a_h^T W_h b_h`, a and b cut into
    `num_heads`. c_k holds the embeddings of the fields named by `gate{k}_fields`, in tables of
    their own; without names one learned vector. Without `gate_units` there are no gates.

    Stages `embedding` [B, F, d]; `mlp1` (a), `mlp2` (b) [B, 1, width]: one row, of rank 1 a sample.
    Paper: Mao et al., AAAI 2023 (2304.00902). Left open by the paper / chosen here: initial values
    of W as in the public code, Xavier of a column of p q / heads. Raises ValueError for fields that
    the data have not, and if the heads do not divide p and q.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        hidden_units1: tuple[int, ...] = (400, 400, 400),
        hidden_units2: tuple[int, ...] = (400,),
        dropout1: float = 0.0,
        dropout2: float = 0.0,
        batch_norm1: bool = False,
        batch_norm2: bool = False,
        num_heads: int = 10,
        gate_units: tuple[int, ...] = (),
        gate1_fields: tuple[str, ...] = (),
        gate2_fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        require_positive(hidden_units1=hidden_units1, hidden_units2=hidden_units2)
        require_positive(num_heads=num_heads, gate_units=gate_units)
        n = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        contexts = (gate1_fields, gate2_fields) if gate_units else ()
        self.gates = nn.ModuleList(
            FeatureGate(schema, fields, embedding_dim, gate_units, n) for fields in contexts
        )
        self.mlp1 = MLP(n, hidden_units1, dropout=dropout1, batch_norm=batch_norm1)
        self.mlp2 = MLP(n, hidden_units2, dropout=dropout2, batch_norm=batch_norm2)
        self.fusion = Fusion(self.mlp1.out_features, self.mlp2.out_features, num_heads)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = embedding.flatten(1)
        first, second = [x * gate(dense, sparse) for gate in self.gates] or (x, x)
        a, b = self.mlp1(first), self.mlp2(second)
        observe("mlp1", a.unsqueeze(1))
        observe("mlp2", b.unsqueeze(1))
        logit: Tensor = self.fusion(a, b)
        return logit
