"""Studies: a base recipe varied, and the records of its variants, which are never ranked.

results/studies/<study>/<data set>/<variant>/seed-<n>.json   results/studies/<study>/<data set>.{md,json}
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from benchmark.data.schema import Schema
from benchmark.errors import BenchmarkError, UsageError
from benchmark.files import write_text
from benchmark.measure.cost import on_meta
from benchmark.recipe import Recipe
from benchmark.records import record
from benchmark.records.ranks import When
from benchmark.records.ranks import ranks as run_ranks
from benchmark.records.record import Record
from benchmark.studies.cells import Cell
from benchmark.studies.report import Report

Runs = dict[str, list[Record]]
"""The records of each variant, by seed."""


@dataclass(frozen=True)
class Variant:
    """`rows` limits the training rows to the first."""

    name: str
    recipe: Recipe
    rows: int | None = None


def cells(study: str, card: str, variants: Iterable[Variant], seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(variant.recipe, card, seed, PurePath("studies", study, variant.recipe.dataset, variant.name), variant.rows)
        for variant in variants
        for seed in seeds
    ]


def require_buildable(variants: Iterable[Variant], schema: Schema) -> None:
    """Raises UsageError for a variant whose sizes do not fit, before any is run."""
    for variant in variants:
        try:
            on_meta(variant.recipe, schema)
        except UsageError as error:
            raise UsageError(f"{variant.name}: {error}") from None


def found(results: Path, study: str, dataset: str) -> Runs:
    """Every record of a study on a data set, variants by name. Raises BenchmarkError for one that cannot be read."""
    runs: Runs = {}
    for path in sorted((results / "studies" / study / dataset).glob("*/seed-*.json")):
        runs.setdefault(path.parent.name, []).append(record.load(path))
    return {name: sorted(records, key=lambda found: found.seed) for name, records in runs.items()}


def require_alike(runs: Runs, varied: Collection[str]) -> None:
    """Raises BenchmarkError where records differ in more than the settings `varied`, dotted, and their seed."""
    kept = [(f"{name}/seed-{found.seed}", _basis(found, varied)) for name, each in runs.items() for found in each]
    for name, basis in kept[1:]:
        if differing := sorted(
            key for key in basis.keys() | kept[0][1].keys() if basis.get(key) != kept[0][1].get(key)
        ):
            raise BenchmarkError(
                f"the records {kept[0][0]} and {name} differ in {', '.join(differing)}, so they are no one study: "
                "run the older ones again, or remove them"
            )


def ranks(run: Record, when: When) -> dict[str, float | None]:
    """Mean effective rank over its limit, stage by stage."""
    return run_ranks(run, "erank", "token", when)


def texts(results: Path, study: str, dataset: str, report: Report) -> dict[Path, str]:
    """The report as Markdown and its numbers as JSON, by their files: the same for the same records."""
    folder = results / "studies" / study
    numbers = json.dumps(report.numbers, indent=1) + "\n"
    return {folder / f"{dataset}.md": report.markdown(), folder / f"{dataset}.json": numbers}


def write(results: Path, study: str, dataset: str, report: Report) -> list[Path]:
    made = texts(results, study, dataset, report)
    for path, text in made.items():
        write_text(path, text)
    return list(made)


def _basis(run: Record, varied: Collection[str]) -> dict[str, Any]:
    settings = {f"{group}.{key}": value for group in ("model", "train") for key, value in run.recipe[group].items()}
    kept = {key: value for key, value in settings.items() if key not in varied}
    return kept | {"data": run.data.arrays, "numerics": run.numerics}
