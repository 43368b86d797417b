"""Ladders shown in MLflow: a run for each recipe, around the runs of its steps and shapes.

Whatever is not there yet is sent, the runs of records included, so one call after every `scale`, or one at the end,
comes to the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from benchmark import tracking
from benchmark.errors import BenchmarkError
from benchmark.files import canonical_sha256
from benchmark.mlflow_store import failure
from benchmark.records import summary
from benchmark.studies import scaling, scaling_report
from benchmark.tracking import SENT, Notify, experiment_id, open_client, runs_in
from benchmark.tracking_tuning import PARENT

LADDER, TOLD = "ladder", "ladder_sha256"
"""Tags of a ladder's run: DATASET/RECIPE, and the digest of the records whose fits it shows."""

Numbers = Mapping[str, Any]
"""Those of a scaling report."""


@dataclass(frozen=True)
class Ladder:
    """Of one recipe: `records` are the files of its steps and shapes, `parent` is the id of its run in MLflow."""

    dataset: str
    recipe: str
    records: tuple[Path, ...]
    parent: str
    digest: str
    told: bool
    """Whether the run shows the fits of just these records."""

    @property
    def key(self) -> str:
        return f"{self.dataset}/{self.recipe}"


def show(results: Path, dataset: str, numbers: Numbers, warn: Notify) -> None:
    """Sends the ladders of a data set; a failure of MLflow is one warning."""
    try:
        for ladder in _nested(results, dataset):
            if not ladder.told:
                _tell(ladder, results, numbers)
    except Exception as error:
        why = str(error) if isinstance(error, BenchmarkError) else failure(error)
        warn(f"{why}; the records are kept: send the ladders later with `python -m benchmark track --sync`")


def sync(results: Path, notify: Notify) -> None:
    """Sends every ladder of a results folder that MLflow lacks, and tells of each that is sent, or cannot be made.

    Raises BenchmarkError where MLflow fails.
    """
    for dataset in scaling.datasets(results):
        try:
            waiting = [ladder for ladder in _nested(results, dataset) if not ladder.told]
            if not waiting:
                continue
            numbers = _numbers(results, dataset)
            if isinstance(numbers, str):
                notify(f"the ladders of {dataset} are not sent: {numbers}")
                continue
            for ladder in waiting:
                _tell(ladder, results, numbers)
                notify(f"sent the ladder of {ladder.key}")
        except BenchmarkError:
            raise
        except Exception as error:
            raise BenchmarkError(failure(error)) from error


def _numbers(results: Path, dataset: str) -> Numbers | str:
    """Or why there are none."""
    try:
        report = scaling_report.report(results, dataset)
    except BenchmarkError as error:
        return str(error)
    return "no ladder" if report is None else report.numbers


def _nested(results: Path, dataset: str) -> list[Ladder]:
    """The ladders of a data set, the runs of their records sent and put below their own."""
    by_recipe: dict[str, list[Path]] = {}
    for path in sorted((results / "studies" / scaling.STUDY / dataset).glob("*/seed-*.json")):
        if (place := scaling.place_of(path.parent.name)) is not None:
            by_recipe.setdefault(place.recipe, []).append(path)
    tracking.send([path for paths in by_recipe.values() for path in paths], _ignore)
    client = open_client()
    experiment = experiment_id(client, dataset)
    runs = runs_in(client, experiment)
    return [_nest(client, experiment, runs, dataset, recipe, paths) for recipe, paths in by_recipe.items()]


def _nest(
    client: Any, experiment: str, runs: Sequence[Any], dataset: str, recipe: str, records: Sequence[Path]
) -> Ladder:
    digests = {summary.record_key(path): summary.file_sha256(path) for path in records}
    children = [run for run in runs if (run.data.tags.get("record"), run.data.tags.get(SENT)) in digests.items()]
    there = next((run for run in runs if run.data.tags.get(LADDER) == f"{dataset}/{recipe}"), None)
    if there is None:
        began = min((run.info.start_time for run in children), default=None)
        there = client.create_run(experiment, began, {LADDER: f"{dataset}/{recipe}"}, f"ladder {recipe}")
    parent = there.info.run_id
    for run in children:
        if run.data.tags.get(PARENT) != parent:
            client.set_tag(run.info.run_id, PARENT, parent)
    digest = canonical_sha256(digests)
    return Ladder(dataset, recipe, tuple(records), parent, digest, told=there.data.tags.get(TOLD) == digest)


def _tell(ladder: Ladder, results: Path, numbers: Numbers) -> None:
    """The fits as metrics, their verdicts as tags; the figures and tables of the data set, as far as they are there."""
    client = open_client()
    for name, value in _fits(ladder.recipe, numbers):
        if value is not None and isfinite(value):
            client.log_metric(ladder.parent, name, value, step=len(ladder.records))
    for law in _of(ladder.recipe, numbers["laws"]):
        client.set_tag(ladder.parent, f"verdict.{law['axis']}", law["verdict"])
    figures = results / "figures" / "scaling" / ladder.dataset
    for path in (results / "scaling" / f"{ladder.dataset}.md", *sorted(figures.glob("*.png"))):
        if path.is_file():
            client.log_artifact(ladder.parent, str(path))
    client.set_tag(ladder.parent, TOLD, ladder.digest)
    client.set_terminated(ladder.parent, "FINISHED")


def _fits(recipe: str, numbers: Numbers) -> Iterator[tuple[str, float | None]]:
    """By `AXIS/...`, and by `joint/...` for parameters and rows together; None for an end that is not bounded."""
    for law in _of(recipe, numbers["laws"]):
        yield f"{law['axis']}/p", law["p"]
        if law["fit"] is not None:
            yield from _fit(law["axis"], law["fit"], ("E", "A", "alpha"), ("r2", "held_out", "misfit"))
    for joint in _of(recipe, numbers["joint"]):
        if not isinstance(joint["fit"], str):
            yield from _fit("joint", joint["fit"], ("E", "alpha", "beta"), ("r2", "misfit"))


def _fit(group: str, fit: Numbers, law: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, float | None]]:
    for name in law:
        yield f"{group}/{name}", fit["law"][name]
        for end, value in fit.get(name, {}).items():
            yield f"{group}/{name}_{end}", value
    yield from ((f"{group}/{name}", fit[name]) for name in others)


def _of(recipe: str, found: Sequence[Numbers]) -> list[Numbers]:
    return [each for each in found if each["recipe"] == recipe]


def _ignore(_: str) -> None:
    pass
