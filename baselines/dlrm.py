"""DLRM, with dot or concatenation interaction (the latter is DLRM-MLP)."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


@models.register("dlrm")
class DLRM(nn.Module):
    """Deep Learning Recommendation Model, 2019: an MLP over pairwise dots of embeddings.

    `z_0 = ReLU(W MLP_bottom(dense) + b)` in R^d and the sparse embeddings are the rows of Z [n, d];
    interaction = "dot": `logit = w^T MLP_top([z_0; <z_i, z_j> for i > j]) + b`, n(n-1)/2 dots;
    "cat": `logit = w^T MLP_top(flatten Z) + b`, the "DLRM-MLP" of the RankMixer tables. Without
    dense columns there is no bottom MLP and no z_0.

    Stages `embedding` [B, n_sparse, d] (where there are sparse fields), `interaction` = Z
    [B, n, d]. Paper: Naumov et al., 2019 (1906.00091).
    Left open by the paper / chosen here: `batch_norm` in the hidden layers of both MLPs, `dropout`
    in the top one. Raises ValueError for `dot` with a single sparse field and nothing else.
    """

    pairs: Tensor

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        interaction: Literal["dot", "cat"] = "dot",
        bottom_units: tuple[int, ...] = (64,),
        top_units: tuple[int, ...] = (128, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(
            embedding_dim=embedding_dim, bottom_units=bottom_units, top_units=top_units
        )
        self.interaction = interaction
        self.embedding = (
            FieldEmbedding(replace(schema, dense=()), embedding_dim) if schema.sparse else None
        )
        self.bottom = None
        if schema.dense:
            hidden = MLP(len(schema.dense), bottom_units, batch_norm=batch_norm)
            self.bottom = nn.Sequential(
                hidden, Linear(hidden.out_features, embedding_dim), nn.ReLU()
            )
        n = len(schema.sparse) + (self.bottom is not None)
        lower, upper = torch.tril_indices(n, n, offset=-1)
        self.register_buffer("pairs", lower * n + upper, persistent=False)
        width = n * embedding_dim
        if interaction == "dot":
            width = n * (n - 1) // 2 + (embedding_dim if self.bottom is not None else 0)
        if not width:
            raise ValueError(
                "interaction = 'dot' needs two vectors and the data have one sparse field; use"
                " 'cat'"
            )
        self.top = MLP(width, top_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.top.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        rows = []
        if self.bottom is not None:
            rows.append(self.bottom(dense).unsqueeze(1))
        if self.embedding is not None:
            rows.append(self.embedding(dense, sparse))
            observe("embedding", rows[-1])
        z = torch.cat(rows, dim=1)
        observe("interaction", z)
        x = z.flatten(1) if self.interaction == "cat" else self.dots(z)
        logit: Tensor = self.head(self.top(x))
        return logit.squeeze(1)

    def dots(self, z: Tensor) -> Tensor:
        """Z [B, n, d] -> z_0 of a model with dense columns, beside the dots below the diagonal."""
        dots = torch.bmm(z, z.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        return dots if self.bottom is None else torch.cat((z[:, 0], dots), dim=1)
