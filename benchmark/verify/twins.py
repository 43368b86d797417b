"""Whether two models are one: a setting may bind nowhere, as dropout does without a layer."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError
from benchmark.model import CTRModel, HasExtraLoss
from benchmark.recipes.recipe import vary
from benchmark.records.record import Record
from benchmark.verify.recipe import parsed

ROWS, MOST_IDS = 64, 16
_PLAIN = (bool, int, float, str, tuple)


def are_twins(one: Record, other: Record) -> bool:
    """Whether the models of two records on the same columns begin alike: their weights, the plain
    attributes of their modules, and a step's logits and gradients on random rows. Tables are cut to
    MOST_IDS rows."""
    if one.recipe["model"]["name"] != other.recipe["model"]["name"]:
        return False
    try:
        models = [_seeded(record) for record in (one, other)]
    except BenchmarkError:  # a recipe that is not valid today, of which other checks speak
        return False
    if _attributes(models[0]) != _attributes(models[1]):
        return False
    return _equal(*(_first_step(model, _schema(one)) for model in models))


def _schema(record: Record) -> Schema:
    data = record.data
    return Schema(data.dense, data.sparse, tuple(min(n, MOST_IDS) for n in data.cardinalities))


def _seeded(record: Record) -> CTRModel:
    """The untrained model; tf32, which a CPU lacks, stands as bf16, which rounds products too."""
    recipe = parsed(record)
    if recipe.train.precision == "tf32":
        recipe = vary(recipe, {"train.precision": "bf16"}, "recipe")
    torch.manual_seed(record.seed)
    return recipe.build(_schema(record)).model


def _attributes(model: CTRModel) -> list[tuple[str, dict[str, object]]]:
    """What each module is, and its own numbers and words."""
    return [(type(module).__qualname__, _plain(vars(module))) for module in model.modules()]


def _plain(attributes: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in attributes.items() if isinstance(value, _PLAIN)}


def _first_step(model: CTRModel, schema: Schema) -> list[Tensor]:
    """The weights, then the logits and gradients of a batch in training, with its extra loss."""
    torch.manual_seed(0)
    dense = torch.rand(ROWS, len(schema.dense))
    sizes = torch.tensor(schema.cardinalities)
    sparse = (torch.rand(ROWS, len(sizes)) * sizes).long()
    label = torch.arange(ROWS).remainder(2).float()
    weights = [value.clone() for value in model.state_dict().values()]
    model.train()
    logit = model(dense, sparse)
    loss = binary_cross_entropy_with_logits(logit, label)
    if isinstance(model, HasExtraLoss):
        loss = loss + model.extra_loss(logit, label)
    torch.autograd.backward(loss)
    gradients = [p.grad.to_dense() for p in model.parameters() if p.grad is not None]
    return [*weights, logit.detach(), *gradients]


def _equal(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    pairs = zip(ones, others, strict=False)
    return len(ones) == len(others) and all(torch.equal(one, other) for one, other in pairs)
