"""The parts that all models share: field embeddings, the linear layer, checks of sizes."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.data.schema import Schema
from benchmark.model import Lookup, in_plain_form

TABLE_SD = 1e-4


class Linear(nn.Linear):
    """torch's Linear with Xavier-normal weights and zero biases."""

    def reset_parameters(self) -> None:
        nn.init.xavier_normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class FieldEmbedding(nn.Module):
    """One d-vector per field: dense value times a learned vector, sparse id looked up in a table.

    dense [B, n_dense], sparse [B, n_sparse] -> [B, F, dim], dense fields first. All sparse fields
    share one table, in which the rows of field j start at `offsets[j]`; its gradient is sparse.
    The vectors of dense fields are weights of a Linear(1, dim) and begin Xavier-normal, or with the
    sd `dense_sd`. Raises ValueError if dim < 1.

    Example::

        schema = Schema(dense=("price",), sparse=("user", "item"), cardinalities=(100, 50))
        embedding = FieldEmbedding(schema, dim=8)
        embedding(torch.rand(4, 1), torch.zeros(4, 2, dtype=torch.int32))    # [4, 3, 8]
    """

    offsets: Tensor
    lookup: Lookup

    def __init__(self, schema: Schema, dim: int, *, dense_sd: float | None = None) -> None:
        super().__init__()
        require_positive(embedding_dim=dim)
        *offsets, rows = (0, *accumulate(schema.cardinalities))
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.int64), persistent=False)
        self.table = nn.Parameter(torch.empty(rows, dim)) if schema.sparse else None
        self.lookup = look_up
        self.vectors = nn.Parameter(torch.empty(len(schema.dense), dim)) if schema.dense else None
        if self.table is not None:
            nn.init.normal_(self.table, std=TABLE_SD)
        if self.vectors is not None:
            xavier = (2 / (1 + dim)) ** 0.5
            nn.init.normal_(self.vectors, std=xavier if dense_sd is None else dense_sd)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        parts = []
        if self.vectors is not None:
            parts.append(dense.unsqueeze(-1) * self.vectors)
        if self.table is not None:
            parts.append(self.lookup(sparse + self.offsets, self.table))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def look_up(ids: Tensor, table: Tensor) -> Tensor:
    """Rows of a table [rows, d], whose gradient is sparse but in the plain form: [..., d]."""
    return F.embedding(ids, table, sparse=not in_plain_form())


def lowered(x: Tensor) -> Tensor:
    """Float32 x in the type of the products under autocast, which does not see into functions with
    a backward of their own; float64, and all outside autocast, as it is."""
    device = "cuda" if x.is_cuda else "cpu"
    if x.dtype == torch.float32 and torch.is_autocast_enabled(device):
        return x.to(torch.get_autocast_dtype(device))
    return x


def raised(x: Tensor) -> Tensor:
    """Bfloat16 x as float32, in which norms and losses are computed; other types as they are."""
    return x.float() if x.dtype == torch.bfloat16 else x


def agreement_loss(logits: Sequence[Tensor], probability: Tensor) -> Tensor:
    """`sum_k BCE(z_k, p)`: how far parts of a model [B] each are from what they say together, which
    gets no gradient. 0-dim, a mean over the rows."""
    target = probability.detach()
    return torch.stack(
        [F.binary_cross_entropy_with_logits(raised(logit), target) for logit in logits]
    ).sum()


def require_positive(**hyperparameters: int | tuple[int, ...]) -> None:
    """Raise ValueError naming a hyperparameter of which a size is below 1."""
    for name, value in hyperparameters.items():
        sizes = (value,) if isinstance(value, int) else value
        if any(size < 1 for size in sizes):
            text = ", ".join(map(str, sizes))
            raise ValueError(f"{name} = {text}: every size must be at least 1")


def divisors(n: int) -> str:
    """The divisors of n in words, for the error of a size that does not divide it."""
    return ", ".join(str(k) for k in range(1, n + 1) if n % k == 0)
