"""Fields to embeddings: what every model begins with."""

from collections.abc import Callable
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers import require_positive
from benchmark.data.schema import Schema

TABLE_SD = 1e-4

Observe = Callable[[str, Tensor], None]


def ignore(stage: str, x: Tensor) -> None:
    """The observer of a forward pass that nobody watches."""


class FieldEmbedding(nn.Module):
    """One d-vector per field: dense value times a learned vector, sparse id looked up in one table.

    dense [B, n_dense], sparse [B, n_sparse] -> [B, F, dim], dense fields first. The rows of sparse
    field j stand in
    the one table from `offsets[j]`. Raises ValueError if dim < 1.
    """

    offsets: Tensor

    def __init__(self, schema: Schema, dim: int) -> None:
        super().__init__()
        require_positive("embedding_dim", dim)
        *offsets, rows = (0, *accumulate(schema.cardinalities))
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.int64), persistent=False)
        self.table = nn.Parameter(torch.empty(rows, dim)) if schema.sparse else None
        self.vectors = nn.Parameter(torch.empty(len(schema.dense), dim)) if schema.dense else None
        if self.table is not None:
            nn.init.normal_(self.table, std=TABLE_SD)
        if self.vectors is not None:  # each is the weight of a Linear(1, dim): Xavier-normal
            nn.init.normal_(self.vectors, std=(2 / (1 + dim)) ** 0.5)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        parts = []
        if self.vectors is not None:
            parts.append(dense.unsqueeze(-1) * self.vectors)
        if self.table is not None:
            parts.append(F.embedding(sparse + self.offsets, self.table, sparse=True))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class LinearTerm(nn.Module):
    """First order: `b + sum_f w_f[id]` (dense: `w_f x_f`). Also logistic regression's whole logit,
    [B]."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.embedding = FieldEmbedding(schema, 1)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe = ignore) -> Tensor:
        weights: Tensor = self.embedding(dense, sparse)
        observe("embedding", weights)
        return weights.sum(dim=(1, 2)) + self.bias
