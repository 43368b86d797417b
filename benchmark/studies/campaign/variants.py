"""Studies: a base recipe varied, and the records of its variants, which are never ranked.

results/studies/<study>/<data set>/<variant>/seed-<n>.json   results/studies/<study>/<data
set>.{md,json}
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.records import record
from benchmark.records.comparable import Runs
from benchmark.records.ranks import When
from benchmark.records.ranks import ranks as run_ranks
from benchmark.records.record import Record
from benchmark.reports.document import Report
from benchmark.studies.campaign.cells import Cell
from benchmark.utils.files import write_text


@dataclass(frozen=True)
class Variant:
    """`rows` limits the training rows to the first."""

    name: str
    recipe: Recipe
    rows: int | None = None


def cells(study: str, card: str, variants: Iterable[Variant], seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(
            variant.recipe,
            card,
            seed,
            PurePath("studies", study, variant.recipe.dataset, variant.name),
            variant.rows,
        )
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
    """Every record of a study on a data set, variants by name. Raises BenchmarkError for one that
    cannot be read."""
    runs: Runs = {}
    for path in sorted((results / "studies" / study / dataset).glob("*/seed-*.json")):
        runs.setdefault(path.parent.name, []).append(record.load(path))
    return {name: sorted(records, key=lambda found: found.seed) for name, records in runs.items()}


def ranks(run: Record, when: When) -> dict[str, float | None]:
    """Mean effective rank over its limit, stage by stage."""
    return run_ranks(run, "erank", "token", when)


def texts(results: Path, study: str, dataset: str, report: Report) -> dict[Path, str]:
    """The report as Markdown and its numbers as JSON, by their files: the same for the same
    records."""
    folder = results / "studies" / study
    numbers = json.dumps(report.numbers, indent=1) + "\n"
    return {folder / f"{dataset}.md": report.markdown(), folder / f"{dataset}.json": numbers}


def write(results: Path, study: str, dataset: str, report: Report) -> list[Path]:
    made = texts(results, study, dataset, report)
    for path, text in made.items():
        write_text(path, text)
    return list(made)
