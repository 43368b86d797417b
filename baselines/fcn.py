"""FCN, the fusing cross network (formerly DCNv3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import Dropout
from baselines.layers import FieldEmbedding, Linear, raised, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class FusingCross(nn.Module):
    """`Dropout(base * ([c; c * ReLU(LayerNorm(c))] + b) + x)`, `c = [BatchNorm](W x)`, W [n/2, n],
    the same for all heads: [B, H, n] -> the same; b begins uniform in [0, 1)."""

    def __init__(self, n: int, heads: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.linear = Linear(n, n // 2, bias=False)
        self.batch_norm = nn.BatchNorm1d(heads) if batch_norm else None
        self.norm = nn.LayerNorm(n // 2)
        self.bias = nn.Parameter(torch.rand(n))
        self.dropout = Dropout(dropout)

    def forward(self, base: Tensor, x: Tensor) -> Tensor:
        c = self.linear(x)
        c = c if self.batch_norm is None else self.batch_norm(c)
        masked = torch.cat((c, c * F.relu(self.norm(c))), dim=2)
        y: Tensor = self.dropout(torch.addcmul(x, base, masked + self.bias))
        return y


class CrossStack(nn.Module):
    """Fusing cross layers and a linear head, whose values are averaged over the heads: [B]; deep:
    base = x_l, so the order doubles with each layer; shallow: base = x_0, so it grows by one."""

    def __init__(
        self, n: int, heads: int, layers: int, deep: bool, batch_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        self.deep = deep
        self.layers = nn.ModuleList(
            FusingCross(n, heads, batch_norm, dropout) for _ in range(layers)
        )
        self.head = Linear(n, 1)

    def forward(self, first: Tensor, observe: Observe, name: str) -> Tensor:
        x = first
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x if self.deep else first, x)
            observe(f"{name}.layer{number}", x)
        logit: Tensor = self.head(x)
        return logit.mean(dim=(1, 2))


@models.register("fcn")
class FCN(nn.Module):
    """Fusing cross network, 2024: a deep and a shallow stack of cross layers, each with its loss.

    The d values of every field are cut into `num_heads`; a head's x_0 in R^n, n = F d/heads, holds
    the first halves of all fields, then the second halves. Layer, the same weights for all heads:
    `c = [BatchNorm](W x)` in R^{n/2}, `x' = Dropout(base * ([c; c * ReLU(LayerNorm(c))] + b) + x)`,
    base = x in the deep stack and x_0 in the shallow one; z of a stack = the mean over heads of
    `w^T x_L + b`; `logit = (z_d + z_s) / 2`. Loss: L + w_d L_d + w_s L_s, L_k the BCE of z_k,
    `w_k = max(0, L_k - L)`, through which gradients pass too (`tri_loss`). 0 layers leave a stack
    out.

    Stages `embedding` [B, F, d], `deep.layer{l}`, `shallow.layer{l}` [B, heads, n]. Paper: Li et
    al., 2024 (2407.13349). Left open by the paper / chosen here: as in the authors' code; an even
    width. Raises ValueError if the heads do not divide d into even parts.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_heads: int = 1,
        num_deep_layers: int = 3,
        num_shallow_layers: int = 4,
        deep_dropout: float = 0.0,
        shallow_dropout: float = 0.0,
        batch_norm: bool = False,
        tri_loss: bool = True,
    ) -> None:
        super().__init__()
        require_positive(num_heads=num_heads, embedding_dim=embedding_dim)
        if embedding_dim % (2 * num_heads):
            sizes = f"embedding_dim = {embedding_dim}, num_heads = {num_heads}"
            raise ValueError(f"{sizes}: the width must be a multiple of twice the heads")
        counts = {"deep": num_deep_layers, "shallow": num_shallow_layers}
        if min(counts.values()) < 0 or not any(counts.values()):
            raise ValueError(f"num_deep_layers, num_shallow_layers = {counts}: one must be above 0")
        dropouts = {"deep": deep_dropout, "shallow": shallow_dropout}
        self.heads = num_heads
        n = schema.num_fields * embedding_dim // num_heads
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.stacks = nn.ModuleDict(
            {
                name: CrossStack(n, num_heads, count, name == "deep", batch_norm, dropouts[name])
                for name, count in counts.items()
                if count
            }
        )
        self.tri_loss = tri_loss
        self._logits: tuple[Tensor, ...] = ()

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        halves = embedding.view(*embedding.shape[:2], self.heads, 2, -1)
        first = halves.permute(0, 2, 3, 1, 4).flatten(2)
        logits = tuple(stack(first, observe, name) for name, stack in self.stacks.items())
        self._logits = logits
        return torch.stack(logits).mean(dim=0)

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """`w_d L_d + w_s L_s` of the last training batch; 0 with one stack."""
        whole = F.binary_cross_entropy_with_logits(logit, label)
        total = torch.zeros_like(whole)
        if self.tri_loss and len(self._logits) > 1:
            for own in self._logits:
                loss = F.binary_cross_entropy_with_logits(raised(own), label)
                total = total + F.relu(loss - whole) * loss
        return total
