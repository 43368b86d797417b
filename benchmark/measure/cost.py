"""What a model costs: parameters by part and forward matrix-multiply FLOPs of one row."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmark.contract import Stages, own_faults, require_parameters
from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.model import CTRModel, Observe, embedding_table, part_of
from benchmark.recipes.recipe import Built, Recipe, on_meta
from benchmark.registry import models


@dataclass(frozen=True)
class Parameters:
    """Trainable parameters: tables and vectors of dense fields, the rest without head, head."""

    embedding: int
    dense: int
    head: int

    @property
    def total(self) -> int:
        return self.embedding + self.dense + self.head


@dataclass(frozen=True)
class Outline:
    """What is known of a model before it has weights: its size, the (rows, columns) of each stage
    in order, the warnings of its constructor, and whether it has an embedding table."""

    parameters: Parameters
    flops_per_sample: int
    stages: dict[str, tuple[int, int]]
    notes: tuple[str, ...]
    has_table: bool


def outline(recipe: Recipe, schema: Schema) -> Outline:
    """The outline of a recipe's model, built without memory for its weights unless it needs them,
    as a model whose `forward` makes tensors on the CPU. Raises UsageError for hyperparameters that
    do not fit the data, and BenchmarkError for a model that breaks its contract."""
    try:
        return outline_of(recipe.model, on_meta(recipe, schema), schema)
    except UsageError:
        raise
    except Exception:  # the model's own fault only if the CPU has it too
        with own_faults(recipe.model, models.get(recipe.model)):
            return outline_of(recipe.model, recipe.build(schema), schema)


def outline_of(name: str, built: Built, schema: Schema) -> Outline:
    """The outline of a model that is there. Raises BenchmarkError if it breaks its contract."""
    model, stages = built.model, Stages(name, 1)
    require_parameters(name, model)
    flops = flops_per_sample(model, schema)
    _forward_one_row(model, schema, stages)
    has_table = embedding_table(model) is not None
    return Outline(parameters(model), flops, stages.shapes, built.notes, has_table)


def parameters(model: CTRModel) -> Parameters:
    count = {"embedding": 0, "dense": 0, "head": 0}
    for name, parameter in model.named_parameters():
        count[part_of(name)] += parameter.numel()
    return Parameters(**count)


def flops_per_sample(model: CTRModel, schema: Schema) -> int:
    """Forward matrix-multiply FLOPs of one row; a multiply-add is 2, elementwise work is 0."""
    counter = _FlopCounter()
    with counter:
        _forward_one_row(model, schema, None)
    return counter.flops


class _FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """torch's FlopCounterMode without its count by module, and without torch's compiler, which that
    loads: a second or two of every run."""

    def __init__(self) -> None:
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        result = func(*args, **named)
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += int(count(*args, **named, out_val=result))
        return result


def _forward_one_row(model: CTRModel, schema: Schema, observe: Observe | None) -> None:
    device = next(model.parameters()).device
    dense = torch.zeros(1, len(schema.dense), device=device)
    sparse = torch.zeros(1, len(schema.sparse), dtype=torch.int32, device=device)
    training = model.training
    with torch.no_grad():
        model.eval()(dense, sparse, observe)
    model.train(training)
