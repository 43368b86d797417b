"""DeepFM."""

from torch import Tensor, nn

from baselines.dnn import MLP
from baselines.layers import TABLE_SD, FieldEmbedding, Linear, require_positive
from baselines.linear import LinearTerm, pair_dots
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


@models.register("deepfm")
class DeepFM(nn.Module):
    """DeepFM, 2017: a factorization machine and an MLP over the same field embeddings.

    `logit = sum_f w_f + sum_{f<g} <E_f, E_g> + w^T MLP(flatten(E)) + b`, E in R^{F x d} the field
    embeddings and w_f one weight per id (dense: weight times value).

    Stage `embedding`: [B, F, d]. Paper: Guo et al., IJCAI 2017 (1703.04247).
    Left open by the paper / chosen here: the linear part has no bias of its own, as in the public
    rows; weights and vectors of dense fields begin with sd `dense_sd`, since the dots of raw values
    would make the first logits large.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout: float = 0.0,
        batch_norm: bool = False,
        dense_sd: float = TABLE_SD,
    ) -> None:
        super().__init__()
        require_positive(hidden_units=hidden_units)
        width = schema.num_fields * embedding_dim
        self.linear = LinearTerm(schema, dense_sd, bias=False)
        self.embedding = FieldEmbedding(schema, embedding_dim, dense_sd=dense_sd)
        self.mlp = MLP(width, hidden_units, dropout=dropout, batch_norm=batch_norm)
        self.head = Linear(self.mlp.out_features, 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        (observe or ignore)("embedding", embedding)
        deep: Tensor = self.head(self.mlp(embedding.flatten(1))).squeeze(1)
        logit: Tensor = self.linear(dense, sparse) + pair_dots(embedding) + deep
        return logit
