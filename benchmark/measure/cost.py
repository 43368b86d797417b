"""What a model costs: parameters by part and forward matrix-multiply FLOPs of one row."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.data.schema import Schema
from benchmark.model import CTRModel, Observe, part_of


@dataclass(frozen=True)
class Parameters:
    """Trainable parameters: tables and vectors of dense fields, the rest without head, head."""

    embedding: int
    dense: int
    head: int

    @property
    def total(self) -> int:
        return self.embedding + self.dense + self.head


def parameters(model: CTRModel) -> Parameters:
    count = {"embedding": 0, "dense": 0, "head": 0}
    for name, parameter in model.named_parameters():
        count[part_of(name)] += parameter.numel()
    return Parameters(**count)


def flops_per_sample(model: CTRModel, schema: Schema) -> int:
    """Forward matrix-multiply FLOPs of one row; a multiply-add is 2, elementwise work is 0."""
    with FlopCounterMode(display=False) as counter:
        _forward_one_row(model, schema, None)
    return int(counter.get_total_flops())


def stage_shapes(model: CTRModel, schema: Schema) -> dict[str, tuple[int, int]]:
    """(rows, columns) of every stage's matrix, in order."""
    stages: dict[str, torch.Tensor] = {}
    _forward_one_row(model, schema, stages.__setitem__)
    return {stage: (x.shape[1], x.shape[2]) for stage, x in stages.items()}


def _forward_one_row(model: CTRModel, schema: Schema, observe: Observe | None) -> None:
    device = next(model.parameters()).device
    dense = torch.zeros(1, len(schema.dense), device=device)
    sparse = torch.zeros(1, len(schema.sparse), dtype=torch.int32, device=device)
    training = model.training
    with torch.no_grad():
        model.eval()(dense, sparse, observe)
    model.train(training)
