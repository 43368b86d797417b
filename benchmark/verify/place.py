"""Where a record lies says what run it is of.

<results>/records/<data set>/<recipe>/seed-<n>.json   <results>/studies/<study>/<data
set>/<variant>/seed-<n>.json
"""

from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.records.record import (
    ADHOC,
    Record,
    adhoc_path,
    record_files,
    record_path,
    scores_path,
)
from benchmark.studies.study import studies
from benchmark.utils.paths import RECIPES, shown


def study_files(results: Path) -> list[Path]:
    """Every record of a study below `results`, sorted."""
    return sorted((results / "studies").glob("*/*/*/seed-*.json"))


def find(path: Path) -> list[Path]:
    """The record at `path`, or all below that folder. Raises UsageError where there is none."""
    if path.is_file():
        return [path]
    found = sorted(path.glob("**/seed-*.json"))
    if not found:
        raise UsageError(f"{path}: there is no record; name a seed-<n>.json or a folder above one")
    return found


def root(path: Path) -> Path:
    """The results folder around a record; where there is none, the record's own."""
    kinds = [folder.name for folder in path.parents]
    if kinds[2:3] == ["records"]:
        return path.parents[3]
    return path.parents[4] if kinds[3:4] == ["studies"] else path.parent


def place(record: Record, path: Path, recipe_folder: Path = RECIPES) -> Iterator[str]:
    """Faults of what the path says; a file away from a results folder says its seed alone."""
    if path.name != f"seed-{record.seed}.json":
        yield f"the record is of seed {record.seed}, which its path contradicts"
    if record.recipe.get("dataset") != record.dataset:
        yield f"the recipe is for {record.recipe.get('dataset')}, the record for {record.dataset}"
    kinds = [folder.name for folder in path.parents]
    if kinds[2:3] == ["records"]:
        yield from _ranked(record, path)
    elif kinds[3:4] == ["studies"]:
        yield from _of_study(record, path, kinds[2], recipe_folder)


def strays(results: Path) -> Iterator[Path]:
    """Files among the records that are none, and scores of no record."""
    known = {
        file
        for path in (*record_files(results), *study_files(results))
        for file in (path, scores_path(path))
    }
    files = (*(results / "records").rglob("*"), *(results / "studies").rglob("seed-*"))
    yield from (path for path in sorted(files) if path.is_file() and path not in known)


def _ranked(record: Record, path: Path) -> Iterator[str]:
    if record.name is None or record.train_rows is not None:
        yield "an ad hoc run lies among the ranked records"
    elif path != record_path(root(path), record.dataset, record.name, record.seed):
        yield f"the record is of {record.recipe_id} seed {record.seed}, which its path contradicts"


def _of_study(record: Record, path: Path, study: str, recipe_folder: Path) -> Iterator[str]:
    folder = path.parent.name
    if path.parents[1].name != record.dataset:
        yield f"the record is of {record.dataset}, which its path contradicts"
    if study == ADHOC:
        if record.name is not None:
            yield f"a run of the committed recipe {record.recipe_id} lies among the ad hoc ones"
        model, rows = record.recipe["model"]["name"], record.train_rows
        expected = adhoc_path(
            root(path), record.dataset, model, record.recipe_digest, rows, record.seed
        )
        if path != expected:
            yield f"the recipe is not that of {study}/{folder}, where {shown(path)} lies"
    elif study in studies.names():
        yield from studies.get(study).faults(record, folder, recipe_folder)
