"""What a record's `tuned` claims, checked against the study it names."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.recipes import recipe as recipes
from benchmark.records import tuning
from benchmark.records.record import Record
from benchmark.records.tuning import TUNING_SEED
from benchmark.utils.paths import RECIPES


def tuned(record: Record, results: Path, recipe_folder: Path = RECIPES) -> Iterator[str]:
    """Everything wrong with the tuning of a ranked record. Raises BenchmarkError for a study that
    cannot be read."""
    if record.name is not None:
        reference = recipes.load(record.recipe_id, recipe_folder).tuned
        if record.tuned != reference:
            yield f"tuned is {record.tuned}, the recipe says {reference}"
    if record.seed >= TUNING_SEED:
        yield (
            f"seed {record.seed}: seeds from {TUNING_SEED} on are for tuning, and are not reported"
        )
    if record.tuned is None:
        return
    study = tuning.load(results / record.tuned)
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
    own = recipes.dotted(record.recipe)
    for key, value in (recipes.dotted(study.recipe) | study.best.values).items():
        if key not in own or own[key] != value:
            yield f"{key} is {own.get(key)!r}, the best trial of {record.tuned} has {value!r}"
