"""FinalNet."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.kernels import Dropout
from baselines.layers import FieldEmbedding, Linear, agreement_loss, require_positive
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


class FactorizedLayer(nn.Module):
    """`Dropout(ReLU([BatchNorm]([h2; h1 * h2])))`, `[h2; h1] = W v + b`: [B, in] -> [B, out]."""

    def __init__(self, width: int, out: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        if out % 2:
            raise ValueError(f"a layer of {out} units cannot be halved; make it even")
        self.linear = Linear(width, out)
        self.batch_norm = nn.BatchNorm1d(out) if batch_norm else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        second, first = self.linear(x).chunk(2, dim=1)
        y = torch.cat((second, first * second), dim=1)
        dropped: Tensor = self.dropout(F.relu(y if self.batch_norm is None else self.batch_norm(y)))
        return dropped


class FactorizedBlock(nn.Module):
    """Factorized layers, then a linear head: [B, in] -> [B]."""

    def __init__(
        self, width: int, units: tuple[int, ...], batch_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        widths = (width, *units)
        self.layers = nn.ModuleList(
            FactorizedLayer(before, out, batch_norm, dropout)
            for before, out in zip(widths, units, strict=False)
        )
        self.head = Linear(units[-1], 1)

    def forward(self, x: Tensor, observe: Observe, name: str) -> Tensor:
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x)
            observe(f"{name}.layer{number}", x.unsqueeze(1))
        logit: Tensor = self.head(x)
        return logit.squeeze(1)


@models.register("finalnet")
class FinalNet(nn.Module):
    """FINAL, 2023: layers whose halves are multiplied; one block, or two that teach each other.

    Layer: `[h2; h1] = W v + b` in halves, `v' = Dropout(ReLU([BatchNorm]([h2; h1 * h2])))`; a block
    is such layers and `z = w^T v_L + b`. Block 1 reads x = flatten(E) in R^{F d}; with `gate`
    `[x; flatten(E * G)]`, where column k of G in R^{F x d} is `W_g E_k + b_g` (W_g begins 0, b_g
    1).
    With `block2_units`, block 2 reads x, `logit = (z_1 + z_2) / 2` and the loss has, besides
    BCE(logit, label), `BCE(z_1, p) + BCE(z_2, p)` with p = sigmoid(logit) as a constant
    (`self_ensemble`).

    Stages `embedding` [B, F, d]; `block{b}.layer{l}` [B, 1, width]: one row, of rank 1 a sample.
    Paper: Zhu et al., SIGIR 2023. Left open by the paper / chosen here: as in the public rows,
    whose code calls the gate `use_field_gate` in one version and `use_feature_gating` in the next.
    Raises ValueError for an odd number of units.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        gate: bool = True,
        block1_units: tuple[int, ...] = (400, 400),
        block2_units: tuple[int, ...] = (),
        dropout1: float = 0.0,
        dropout2: float = 0.0,
        batch_norm: bool = True,
        self_ensemble: bool = True,
    ) -> None:
        super().__init__()
        require_positive(block1_units=block1_units, block2_units=block2_units)
        fields, n = schema.num_fields, schema.num_fields * embedding_dim
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.gate = None
        if gate:
            self.gate = Linear(fields, fields)
            nn.init.zeros_(self.gate.weight)
            nn.init.ones_(self.gate.bias)
        first = FactorizedBlock(2 * n if gate else n, block1_units, batch_norm, dropout1)
        self.blocks = nn.ModuleList([first])
        if block2_units:
            self.blocks.append(FactorizedBlock(n, block2_units, batch_norm, dropout2))
        self.self_ensemble = self_ensemble
        self._logits: tuple[Tensor, ...] = ()

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = embedding.flatten(1)
        inputs = [x, x]
        if self.gate is not None:
            gates = self.gate(embedding.transpose(1, 2)).transpose(1, 2)
            inputs[0] = torch.cat((x, (embedding * gates).flatten(1)), dim=1)
        logits = tuple(
            block(inputs[number], observe, f"block{number + 1}")
            for number, block in enumerate(self.blocks)
        )
        self._logits = logits
        return torch.stack(logits).mean(dim=0)

    def extra_loss(self, logit: Tensor, label: Tensor) -> Tensor:
        """`BCE(z_1, p) + BCE(z_2, p)` of the last training batch; 0 with one block."""
        if len(self._logits) < 2 or not self.self_ensemble:
            return logit.new_zeros(())
        return agreement_loss(self._logits, torch.sigmoid(logit))
