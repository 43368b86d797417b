"""The model of a record's recipe, built without memory for weights: size, cost and stages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from benchmark.data.schema import Schema
from benchmark.measure.cost import Parameters, flops_per_sample, parameters, stage_shapes
from benchmark.model import embedding_table
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.records.record import Record
from benchmark.verify import ranks


@dataclass(frozen=True)
class Outline:
    """The parts of a record that follow from a recipe and the schema of its data; `shapes` are
    (rows, columns) by stage, in order."""

    parameters: Parameters
    flops_per_sample: int
    notes: tuple[str, ...]
    shapes: dict[str, tuple[int, int]]
    has_table: bool


def model(record: Record) -> Iterator[str]:
    """Yield what contradicts the model built from the recipe."""
    schema = Schema(record.data.dense, record.data.sparse, record.data.cardinalities)
    built = _outline(json.dumps(record.recipe["model"]), record.dataset, schema)
    if built.parameters != record.parameters:
        yield f"parameters are {record.parameters}, the rebuilt model has {built.parameters}"
    if built.flops_per_sample != record.flops_per_sample:
        yield (
            f"flops_per_sample is {record.flops_per_sample}, the rebuilt model needs"
            f" {built.flops_per_sample}"
        )
    compiled = record.notes[len(built.notes) :] if record.recipe["train"].get("compile") else ()
    if built.notes + compiled != record.notes:
        yield f"notes are {record.notes}, the rebuilt model gives {built.notes}"
    if [stage.stage for stage in record.spectra] != list(built.shapes):
        yield f"the stages are not those of the model: {', '.join(built.shapes)}"
        return
    yield from ranks.shapes(record, built.shapes, built.has_table)


@lru_cache(maxsize=256)
def _outline(table: str, dataset: str, schema: Schema) -> Outline:
    """`table` is the recipe's [model] as JSON: the seeds of a recipe share its outline."""
    built = on_meta(recipes.parse({"model": json.loads(table)}, dataset, "recipe"), schema)
    return Outline(
        parameters(built.model),
        flops_per_sample(built.model, schema),
        built.notes,
        stage_shapes(built.model, schema),
        embedding_table(built.model) is not None,
    )
