"""QNN-alpha, the quadratic neural network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import Dropout, DroppedReLU
from baselines.layers import FieldEmbedding, Linear, agreement_loss, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class QuadraticLayer(nn.Module):
    """`Dropout(x + x * sum_r h_r)`, `[h_1; ..; h_R] = Dropout(ReLU([BatchNorm](W x + b)))`:
    [B, n] -> the same, W [R n, n]."""

    def __init__(self, n: int, rows: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.rows = rows
        self.linear = Linear(n, rows * n)
        self.batch_norm = nn.BatchNorm1d(rows * n) if batch_norm else None
        self.relu, self.dropout = DroppedReLU(dropout), Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        h = self.linear(x)
        h = self.relu(h if self.batch_norm is None else self.batch_norm(h))
        factor = h.view(len(x), self.rows, -1).sum(dim=1)
        y: Tensor = self.dropout(torch.addcmul(x, x, factor))
        return y


@models.register("qnn_alpha")
class QNNAlpha(nn.Module):
    """QNN-alpha, 2025: layers that multiply x by a sum of ReLU rows; two passes teach each other.

    `x' = Dropout(x + x * sum_r h_r)`, `[h_1; ..; h_R] = Dropout(ReLU([BatchNorm](W x + b)))`, x_0 =
    flatten(E) in R^{F d}, R = `num_rows`; `z = w^T x_L + b`. In training with `self_ensemble` there
    are two passes with dropout of their own, the logit is that of p = (sigmoid(z_1) +
    sigmoid(z_2)) / 2, and the loss has, besides BCE(p, label), `BCE(z_1, p) + BCE(z_2, p)` with p
    as a constant; elsewhere there is one pass.

    Stages `embedding`, `layer{l}`: [B, F, d]. Paper: Li et al., KDD 2025 (2505.17999). Left open by
    the paper / chosen here: one head, as in every public row (with more, the public code adds
    values in another order than it reads them). FLOPs count one pass.
    """

    whole_batch = False

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_layers: int = 3,
        num_rows: int = 2,
        dropout: float = 0.1,
        batch_norm: bool = False,
        self_ensemble: bool = True,
    ) -> None:
        super().__init__()
        require_positive(num_layers=num_layers, num_rows=num_rows)
        n = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.layers = nn.ModuleList(
            QuadraticLayer(n, num_rows, batch_norm, dropout) for _ in range(num_layers)
        )
        self.head = Linear(n, 1)
        self.self_ensemble = self_ensemble
        self._logits: tuple[Tensor, ...] = ()

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        logit = self._pass(embedding, observe)
        self._logits = ()
        if not (self.training and self.self_ensemble):
            return logit
        self._logits = (logit, self._pass(embedding, ignore))
        logits = torch.stack(self._logits)
        up, down = F.logsigmoid(logits), F.logsigmoid(-logits)
        return up.logsumexp(dim=0) - down.logsumexp(dim=0)

    def _pass(self, embedding: Tensor, observe: Observe) -> Tensor:
        x = embedding.flatten(1)
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            observe(f"layer{number}", x.view_as(embedding))
        logit: Tensor = self.head(x)
        return logit.squeeze(1)

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """`BCE(z_1, p) + BCE(z_2, p)` of the last training batch, a mean over its rows."""
        if not self._logits:
            return logit.new_zeros(())
        return agreement_loss(self._logits, torch.sigmoid(logit))
