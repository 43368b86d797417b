"""Check that a record lies where its content says."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.records import archive
from benchmark.records.archive import ADHOC, RANKED, Place
from benchmark.records.record import Record
from benchmark.records.tuning import TUNING_SEED
from benchmark.studies.study import studies


def find(path: Path) -> list[Path]:
    """The record at `path`, or all below that folder. Raises UsageError without any."""
    paths = [path] if path.is_file() else sorted(path.rglob(archive.RECORD_FILES))
    if not paths:
        raise UsageError(f"{path}: there is no record; name a seed-<n>.json or a folder above one")
    return paths


def faults(record: Record, path: Path, recipe_folder: Path | None = None) -> Iterator[str]:
    """Yield what contradicts the path; outside a results folder it states the seed alone."""
    if path.name != archive.record_file(record.seed):
        yield f"the record is of seed {record.seed}, which its path contradicts"
    if record.recipe.get("dataset") != record.dataset:
        yield f"the recipe is for {record.recipe.get('dataset')}, the record for {record.dataset}"
    place = Place.of(path)
    study = studies.get(place.study) if place and place.study in studies.names() else None
    trial = record.seed == TUNING_SEED and study is not None and study.has_trials
    if record.seed >= TUNING_SEED and not trial:
        yield f"seed {record.seed}: seeds from {TUNING_SEED} on are for tuning, never reported"
    if place is None:
        return
    below = path.parent.relative_to(place.results)
    if place.study != RANKED:
        if study is not None:
            yield from study.faults(record, place.name, recipe_folder)
        yield from _of_study(record, place, below)
    elif record.name is None or record.train_rows is not None:
        yield "an ad hoc run lies among the ranked records"
    elif below != Path(archive.ranked_place(record.dataset, record.name)):
        yield f"the record is of {record.recipe_id} seed {record.seed}, which its path contradicts"


def _of_study(record: Record, place: Place, below: Path) -> Iterator[str]:
    if place.dataset != record.dataset:
        yield f"the record is of {record.dataset}, which its path contradicts"
    if place.study != ADHOC:
        return
    if record.name is not None:
        yield f"a run of the committed recipe {record.recipe_id} lies among the ad hoc ones"
    model, digests = record.recipe["model"]["name"], (record.recipe_digest, record.data.arrays)
    own = archive.adhoc_place(record.dataset, model, *digests, record.train_rows)
    if below != Path(own):
        yield f"its recipe and data are not those of {ADHOC}/{place.name} but of {own}"
