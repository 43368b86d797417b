"""Where a record lies says what run it is of."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.records import comparable
from benchmark.records.archive import (
    ADHOC,
    RANKED,
    Archive,
    Place,
    adhoc_place,
    record_file,
    records_below,
)
from benchmark.records.record import Record
from benchmark.studies import damping
from benchmark.studies.ablation import design
from benchmark.studies.scaling import ladders
from benchmark.utils.paths import RECIPES, shown


def find(path: Path) -> list[Path]:
    """The record at `path`, or all below that folder. Raises UsageError where there is none."""
    paths = records_below(path)
    if not paths:
        raise UsageError(f"{path}: there is no record; name a seed-<n>.json or a folder above one")
    return paths


def root(path: Path) -> Path:
    """The results folder around a record; where there is none, the record's own."""
    place = Place.of(path)
    return place.results if place else path.parent


def place(record: Record, path: Path, recipe_folder: Path = RECIPES) -> Iterator[str]:
    """Faults of what the path says; a file away from a results folder says its seed alone."""
    if path.name != record_file(record.seed):
        yield f"the record is of seed {record.seed}, which its path contradicts"
    if record.recipe.get("dataset") != record.dataset:
        yield f"the recipe is for {record.recipe.get('dataset')}, the record for {record.dataset}"
    stated = Place.of(path)
    if stated is None:
        return
    if stated.study == RANKED:
        yield from _ranked(record, path, stated)
    else:
        yield from _of_study(record, path, stated, recipe_folder)


def _ranked(record: Record, path: Path, stated: Place) -> Iterator[str]:
    if record.name is None or record.train_rows is not None:
        yield "an ad hoc run lies among the ranked records"
    elif path != Archive(stated.results).path(record.dataset, record.name, record.seed):
        yield f"the record is of {record.recipe_id} seed {record.seed}, which its path contradicts"


def _of_study(record: Record, path: Path, stated: Place, recipe_folder: Path) -> Iterator[str]:
    study, folder = stated.study, stated.name
    if stated.dataset != record.dataset:
        yield f"the record is of {record.dataset}, which its path contradicts"
    if study == ADHOC:
        if record.name is not None:
            yield f"a run of the committed recipe {record.recipe_id} lies among the ad hoc ones"
        model, rows = record.recipe["model"]["name"], record.train_rows
        expected = adhoc_place(record.dataset, model, record.recipe_digest, rows)
        fits = path == stated.results / expected / record_file(record.seed)
    elif study == design.STUDY:
        fits = folder == design.folder(
            (record.recipe["model"]["mixing"], record.recipe["model"]["ffn"])
        )
    elif study == damping.STUDY:
        fits = folder.endswith(f"-{record.recipe['model']['num_blocks']}")
    elif study == ladders.STUDY:
        yield from _of_ladder(record, folder, recipe_folder)
        fits = True
    else:
        fits = True
    if not fits:
        yield f"the recipe is not that of {study}/{folder}, where {shown(path)} lies"


def _of_ladder(record: Record, folder: str, recipe_folder: Path) -> Iterator[str]:
    """A run of a ladder is held against the step or shape of the recipe as it stands."""
    place = ladders.place_of(folder)
    if place is None:
        yield f"{ladders.STUDY}/{folder} names no step of a recipe, nor a shape"
        return
    kind, number = place.kind, place.number
    try:
        recipe = recipes.load(f"{record.dataset}/{place.recipe}", recipe_folder)
    except UsageError as error:
        yield str(error)
        return
    if number > (there := len(ladders.sizes(recipe, kind))):
        yield f"recipe {recipe.id} has {there} {kind}s, and the record is of {kind} {number}"
        return
    variant = ladders.variant(recipe, kind, number)
    yield from (
        f"stale: {fault}; run it again"
        for fault in comparable.recipe(record, variant.recipe.digest())
    )
    if record.train_rows != variant.rows:
        stated, asked = (rows or "all" for rows in (record.train_rows, variant.rows))
        yield (
            f"the record is of {stated} training rows, {kind} {number} of recipe {recipe.id} of"
            f" {asked}"
        )
