"""What follows from a record's recipe: its digest, the model it builds and the tuning it names."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from benchmark import registry
from benchmark.data.schema import Schema
from benchmark.measure.cost import Outline, outline
from benchmark.model import HasTrainingNote, added_later
from benchmark.recipes import recipe as recipes
from benchmark.records import comparable, tuning
from benchmark.records.record import Record
from benchmark.reports.words import counted
from benchmark.verify import ranks


def parsed(record: Record) -> recipes.Recipe:
    """The recipe of a record. Raises UsageError for one that is not valid today."""
    table = {key: value for key, value in record.recipe.items() if key != "dataset"}
    return recipes.parse(table, record.dataset, "recipe")


def recipe(record: Record, folder: Path | None) -> Iterator[str]:
    """Yield faults of the recipe and its digest, also against the committed recipe in `folder`."""
    yield from comparable.stale(comparable.numerics(record))
    own = parsed(record)
    resolved = own.resolved()
    # A setting that is newer than the record, which does not state it, has its default.
    later = {"model": added_later(registry.models.get(own.model)), "train": own.train.added_later}
    for group, keys in later.items():
        for key in set(keys) - set(record.recipe[group]):
            del resolved[group][key]
    if resolved != record.recipe:
        yield "the recipe in the record is not fully resolved"
    if (digest := own.digest()) != record.recipe_digest:
        yield f"recipe_digest {record.recipe_digest[:12]} is not that of its recipe ({digest[:12]})"
    if record.name is not None:
        today = recipes.load(f"{record.dataset}/{record.name}", folder).digest()
        yield from comparable.stale(comparable.recipe(record, today))


def model(record: Record) -> Iterator[str]:
    """Yield what contradicts the model of the recipe, built without memory for its weights."""
    schema = Schema(record.data.dense, record.data.sparse, record.data.cardinalities)
    table = json.dumps(record.recipe["model"])
    rebuilt = _outline(table, record.dataset, schema)
    size, flops, notes = rebuilt.parameters, rebuilt.flops_per_sample, rebuilt.notes
    if size != record.parameters:
        yield f"parameters are {record.parameters}, the rebuilt model has {size}"
    if flops != record.flops_per_sample:
        yield f"flops_per_sample is {record.flops_per_sample}, the rebuilt model needs {flops}"
    built = registry.models.get(record.recipe["model"]["name"])
    adds = record.recipe["train"].get("compile") or issubclass(built, HasTrainingNote)
    of_training = record.notes[len(notes) :] if adds else ()
    if notes + of_training != record.notes:
        yield f"notes are {record.notes}, the rebuilt model gives {notes}"
    if record.stages != list(rebuilt.stages):
        yield f"the stages are not those of the model: {', '.join(rebuilt.stages)}"
        return
    yield from ranks.shapes(record, rebuilt.stages, rebuilt.has_table)


@lru_cache(maxsize=256)
def _outline(table: str, dataset: str, schema: Schema) -> Outline:
    """`table` is the recipe's [model] as JSON: the seeds of a recipe share its outline."""
    return outline(recipes.parse({"model": json.loads(table)}, dataset, "recipe"), schema)


def tuned(record: Record, results: Path, recipe_folder: Path | None = None) -> Iterator[str]:
    """Yield what contradicts a record's provenance. Raises BenchmarkError for one that names a
    tuning study which cannot be read."""
    if record.name is not None:
        committed = recipes.load(record.recipe_id, recipe_folder).resolved()
        stated, today = record.recipe.get("provenance"), committed.get("provenance")
        if stated != today:
            yield f"its provenance is {stated}, the recipe says {today}"
    own = record.provenance
    if own is None or own.study is None:
        return
    study = tuning.load(results / own.study)
    if study.reference != record.tuned:
        yield f"{record.tuned} holds the study {study.dataset}/{study.name}"
    if study.dataset != record.dataset:
        yield f"{record.tuned} is a study on {study.dataset}"
    if study.data != record.data.arrays:
        arrays = f"arrays {study.data[:12]}, the record's {record.data.arrays[:12]}"
        yield f"{record.tuned} is a study on other data ({arrays})"
    if study.best is None:
        yield f"{record.tuned} has no complete trial"
        return
    if own.tries != len(study.finished):
        trials = counted(len(study.finished), "finished trial")
        yield f"tries is {own.tries}, {record.tuned} has {trials}"
    settings = recipes.dotted(record.recipe)
    for key, value in (recipes.dotted(study.recipe) | study.best.values).items():
        if key not in settings or settings[key] != value:
            yield f"{key} is {settings.get(key)!r}, the best trial of {record.tuned} has {value!r}"
