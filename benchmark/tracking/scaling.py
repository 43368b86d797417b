"""Ladders shown in MLflow: a run for each recipe, around the runs of its steps and shapes.

Whatever is not there yet is sent, the runs of records included, so one call after every `scale`, or
one at the end, comes to the same.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive, record_key
from benchmark.studies.scaling import ladders as scaling
from benchmark.tracking import runs as tracking
from benchmark.tracking import summary
from benchmark.tracking.runs import SENT, experiment_id, open_client, runs_in
from benchmark.tracking.store import failure
from benchmark.tracking.tuning import PARENT
from benchmark.utils.files import canonical_sha256
from benchmark.utils.types import Notify

LADDER, TOLD = "ladder", "ladder_sha256"
"""Tags of a ladder's run: DATASET/RECIPE, and the digest of the records and fits it shows."""

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Ladder:
    """Of one recipe: the id of its run in MLflow, the digests of its records, and the tag TOLD."""

    recipe: str
    run: str
    records: tuple[str, ...]
    told: str | None


def show(results: Path, dataset: str, warn: Notify) -> None:
    """Sends the ladders of a data set, whose tables are made; a failure of MLflow is one
    warning."""
    try:
        _send(results, dataset)
    except Exception as error:
        why = str(error) if isinstance(error, BenchmarkError) else failure(error)
        warn(
            f"{why}; the records are kept: send the ladders later with `python -m benchmark track"
            " --sync`"
        )


def sync(results: Path, notify: Notify) -> None:
    """Sends every ladder of a results folder that MLflow lacks, and tells of each.

    Raises BenchmarkError where MLflow fails.
    """
    for dataset in scaling.datasets(results):
        try:
            for recipe in _send(results, dataset):
                notify(f"sent the ladder of {dataset}/{recipe}")
        except BenchmarkError:
            raise
        except Exception as error:
            raise BenchmarkError(failure(error)) from error


def _send(results: Path, dataset: str) -> list[str]:
    """The recipes whose fits were sent: those of the tables as they are, none where there are no
    tables."""
    ladders = _nested(results, dataset)
    tables = Archive(results).scaling_table(f"{dataset}.json")
    if not tables.is_file():
        return []
    numbers = json.loads(tables.read_text(encoding="utf-8"))
    figures = sorted(Archive(results).figures(dataset, scaling.STUDY).glob("*.png"))
    sent = []
    for ladder in ladders:
        metrics = {
            name: value for name, value in _fits(ladder.recipe, numbers) if _is_metric(value)
        }
        verdicts = {
            f"verdict.{group}": str(found["verdict"])
            for group, found in _groups(ladder.recipe, numbers)
        }
        digest = canonical_sha256([*ladder.records, metrics, verdicts])
        if ladder.told != digest:
            _tell(
                ladder, metrics, {**verdicts, TOLD: digest}, [tables.with_suffix(".md"), *figures]
            )
            sent.append(ladder.recipe)
    return sent


def _nested(results: Path, dataset: str) -> list[Ladder]:
    """The ladders of a data set, the runs of their records sent and put below their own."""
    by_recipe: dict[str, list[Path]] = {}
    for path in Archive(results).paths(dataset, study=scaling.STUDY):
        if (place := scaling.place_of(path.parent.name)) is not None:
            by_recipe.setdefault(place.recipe, []).append(path)
    tracking.send([path for paths in by_recipe.values() for path in paths], _ignore)
    client = open_client()
    experiment = experiment_id(client, dataset)
    runs = runs_in(client, experiment)
    return [
        _nest(client, experiment, runs, f"{dataset}/{recipe}", paths)
        for recipe, paths in by_recipe.items()
    ]


def _nest(
    client: Any, experiment: str, runs: Sequence[Any], key: str, records: Sequence[Path]
) -> Ladder:
    digests = {record_key(path): summary.file_sha256(path) for path in records}
    children = [
        run
        for run in runs
        if (run.data.tags.get("record"), run.data.tags.get(SENT)) in digests.items()
    ]
    there = next((run for run in runs if run.data.tags.get(LADDER) == key), None)
    recipe = key.partition("/")[2]
    if there is None:
        began = min((run.info.start_time for run in children), default=None)
        there = client.create_run(experiment, began, {LADDER: key}, f"ladder {recipe}")
    for run in children:
        if run.data.tags.get(PARENT) != there.info.run_id:
            client.set_tag(run.info.run_id, PARENT, there.info.run_id)
    return Ladder(recipe, there.info.run_id, tuple(digests.values()), there.data.tags.get(TOLD))


def _tell(
    ladder: Ladder, metrics: Mapping[str, float], tags: Mapping[str, str], artifacts: Sequence[Path]
) -> None:
    """The tag TOLD comes last, so that what is cut off is sent again."""
    client = open_client()
    for name, value in metrics.items():
        client.log_metric(ladder.run, name, value, step=len(ladder.records))
    for path in artifacts:
        client.log_artifact(ladder.run, str(path))
    for name, text in tags.items():
        client.set_tag(ladder.run, name, text)
    client.set_terminated(ladder.run, "FINISHED")


def _groups(recipe: str, numbers: Numbers) -> list[tuple[str, Numbers]]:
    """What the tables say of a recipe, by axis, and as `joint` of parameters and rows together."""
    found = [(each["axis"], each) for each in numbers["laws"]] + [
        ("joint", each) for each in numbers["joint"]
    ]
    return [(group, each) for group, each in found if each["recipe"] == recipe]


def _fits(recipe: str, numbers: Numbers) -> Iterator[tuple[str, Any]]:
    """What is tested, and the law where there is one."""
    for group, found in _groups(recipe, numbers):
        yield from ((f"{group}/{name}", value) for name, value in found.items())
        if isinstance(found["fit"], Mapping):
            yield from _fit(group, found["fit"])


def _fit(group: str, fit: Numbers) -> Iterator[tuple[str, Any]]:
    """The law's parameters by their names, the ends of their intervals as `E_low` and `E_high`, and
    what is beside."""
    for key, value in fit.items():
        if isinstance(value, Mapping):
            yield from (
                (f"{group}/{name if key == 'law' else f'{key}_{name}'}", each)
                for name, each in value.items()
            )
        else:
            yield f"{group}/{key}", value


def _is_metric(value: Any) -> bool:
    """Words are none, nor is an end that the data do not bound."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _ignore(_: str) -> None:
    pass
