"""MaskNet, serial and parallel."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.dnn import MLP
from baselines.kernels import Dropout
from baselines.layers import FieldEmbedding, Linear, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class Mask(nn.Module):
    """`W_2 ReLU(W_1 x + b_1) + b_2`: [B, in] -> [B, out], W_1 to `int(out * ratio)`."""

    def __init__(self, in_features: int, out_features: int, ratio: float) -> None:
        super().__init__()
        inner = int(out_features * ratio)
        if inner < 1:
            raise ValueError(f"reduction_ratio = {ratio} leaves nothing of width {out_features}")
        self.hidden = Linear(in_features, inner)
        self.out = Linear(inner, out_features)

    def forward(self, x: Tensor) -> Tensor:
        mask: Tensor = self.out(F.relu(self.hidden(x)))
        return mask


class MaskBlock(nn.Module):
    """`Dropout(ReLU([LayerNorm](W (mask(x) * h))))`: x [B, n], h [B, width] -> [B, out]."""

    def __init__(
        self, n: int, width: int, out: int, ratio: float, layer_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        self.mask = Mask(n, width, ratio)
        self.linear = Linear(width, out, bias=False)
        self.norm = nn.LayerNorm(out) if layer_norm else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        y = self.linear(self.mask(x) * h)
        dropped: Tensor = self.dropout(F.relu(y if self.norm is None else self.norm(y)))
        return dropped


@models.register("masknet")
class MaskNet(nn.Module):
    """MaskNet, 2021: blocks whose input is multiplied by a mask computed from all embeddings.

    `MaskBlock(x, h) = Dropout(ReLU([LayerNorm](W (m * h))))`, `m = W_2 ReLU(W_1 x + b_1) + b_2`,
    x = flatten(E) in R^{F d}, W_1 to `int(width of h * reduction_ratio)`.
    structure = "serial": h_0 = x, `h_l = MaskBlock_l(x, h_{l-1})` of width `hidden_units[l]`,
    `logit = w^T h_L + b`; "parallel": `num_blocks` blocks of x and x of width `block_dim`,
    `logit = w^T MLP([their results]) + b` with the MLP's `hidden_units`; there `num_blocks` and
    `block_dim` are read, else not.

    Stages `embedding` [B, F, d]; `block{l}` [B, 1, width]: one row, of rank 1 a sample.
    Paper: Wang et al., DLP-KDD 2021 (2102.07619). Left open by the paper / chosen here: no
    LayerNorm of the embeddings, as in the public rows; reduction_ratio multiplies, as in their
    code.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        structure: Literal["serial", "parallel"] = "serial",
        hidden_units: tuple[int, ...] = (400, 400, 400),
        num_blocks: int = 3,
        block_dim: int = 64,
        reduction_ratio: float = 0.2,
        layer_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        require_positive(hidden_units=hidden_units, num_blocks=num_blocks, block_dim=block_dim)
        n = schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        widths = (n, *hidden_units) if structure == "serial" else (n, *[block_dim] * num_blocks)
        self.serial = structure == "serial"
        self.blocks = nn.ModuleList(
            MaskBlock(n, before if self.serial else n, out, reduction_ratio, layer_norm, dropout)
            for before, out in pairwise(widths)
        )
        self.top = None
        if not self.serial:
            self.top = MLP(num_blocks * block_dim, hidden_units, dropout=dropout)
        self.head = Linear(hidden_units[-1], 1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = h = embedding.flatten(1)
        results = []
        for number, block in enumerate(self.blocks, start=1):
            h = block(x, h if self.serial else x)
            observe(f"block{number}", h.unsqueeze(1))
            results.append(h)
        if self.top is not None:
            h = self.top(torch.cat(results, dim=1))
        logit: Tensor = self.head(h)
        return logit.squeeze(1)
