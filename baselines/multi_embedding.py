"""Multi-Embedding, around DCNv2."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dcn import CrossNet, MatrixCross
from baselines.dnn import MLP
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


@models.register("multi_embedding")
class MultiEmbedding(nn.Module):
    """Multi-Embedding DCNv2, 2024: several small tables with cross layers each, and one MLP.

    `h = (1/M) sum_m ReLU(x_L^m)`, where x^m = flatten(E^m) in R^{F d} of table m goes through cross
    layers of its own, DCNv2's `x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`; `logit = w^T MLP(h) + b`.
    Compare M tables of width d with one of width M d.

    The M tables are one of width M d here, whose rows hold an id's vectors side by side.

    Stages `embedding` (all E^m) [B, F, M d], then [B, F, d]: `copy{m}.embedding` (E^m),
    `copy{m}.cross` (x_L^m). Paper: Guo et al., ICML 2024 (2310.04400). Left open by the paper /
    chosen here: tables begin N(0, 1e-4 sd) as everywhere here (theirs: Xavier-uniform).
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_embeddings: int = 2,
        num_cross_layers: int = 3,
        hidden_units: tuple[int, ...] = (400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive(num_embeddings=num_embeddings, num_cross_layers=num_cross_layers)
        require_positive(embedding_dim=embedding_dim)
        require_positive(hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(
            schema, num_embeddings * embedding_dim, dense_sd=(2 / (1 + embedding_dim)) ** 0.5
        )
        self.crosses = nn.ModuleList(
            CrossNet(MatrixCross(width) for _ in range(num_cross_layers))
            for _ in range(num_embeddings)
        )
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embeddings = self.embedding(dense, sparse)
        observe("embedding", embeddings)
        copies = embeddings.chunk(len(self.crosses), dim=2)
        interactions = []
        for number, (embedding, cross) in enumerate(
            zip(copies, self.crosses, strict=True), start=1
        ):
            observe(f"copy{number}.embedding", embedding)
            x = cross(embedding, ignore)
            observe(f"copy{number}.cross", x.view(embedding.shape))
            interactions.append(F.relu(x))
        h = torch.stack(interactions).mean(dim=0)
        logit: Tensor = self.head(self.mlp(h))
        return logit.squeeze(1)
