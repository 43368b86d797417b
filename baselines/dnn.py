"""The plain deep network over field embeddings, and the MLP that other models share."""

from torch import Tensor, nn

from baselines.kernels import DroppedReLU
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class MLP(nn.Sequential):
    """Linear -> [BatchNorm] -> ReLU -> [Dropout] per hidden layer: [B, in] -> [B, out]."""

    def __init__(
        self,
        in_features: int,
        hidden_units: tuple[int, ...],
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        layers: list[nn.Module] = []
        width = in_features
        for units in hidden_units:
            layers.append(Linear(width, units))
            if batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers.append(DroppedReLU(dropout))
            if dropout:
                layers.append(nn.Identity())  # keeps the numbers in the weights' names
            width = units
        super().__init__(*layers)
        self.out_features = width


@models.register("dnn")
class DNN(nn.Module):
    """Deep neural network, 2016: an MLP over the concatenated field embeddings.

    `logit = w^T MLP(flatten(E)) + b`, E in R^{F x d} the field embeddings.
    Every hidden layer is Linear -> [BatchNorm] -> ReLU -> Dropout. Stage `embedding`: [B, F, d].
    Paper: Covington et al., RecSys 2016. Left open there / chosen here: batch norm and its place.
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
        require_positive(hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        (observe or ignore)("embedding", embedding)
        logit: Tensor = self.head(self.mlp(embedding.flatten(1)))
        return logit.squeeze(1)
