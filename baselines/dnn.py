"""The plain deep network over field embeddings."""

from torch import Tensor, nn

from baselines.features import FieldEmbedding, Observe, ignore
from baselines.layers import MLP, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.registry import models


@models.register("dnn")
class DNN(nn.Module):
    """Deep neural network, 2016: an MLP over the concatenated field embeddings.

    `logit = w^T MLP(flatten(E)) + b`, E in R^{F x d} the field embeddings.

    Every hidden layer is Linear -> [BatchNorm] -> ReLU -> Dropout. Stage `embedding`: [B, F, d].
    Paper: Covington et al., RecSys 2016. Left open there / chosen here: normalisation and its
    place.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        hidden_units: tuple[int, ...] = (256, 128, 64),
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        require_positive("hidden_units", *hidden_units)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.mlp = MLP(
            schema.num_fields * embedding_dim, hidden_units, dropout=dropout, batch_norm=batch_norm
        )
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        logit: Tensor = self.head(self.mlp(embedding.flatten(1)))
        return logit.squeeze(1)
