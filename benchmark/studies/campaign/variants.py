"""Studies: a base recipe varied, and the records of its variants, which are never ranked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.records.archive import Archive, study_place
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
            study_place(study, variant.recipe.dataset, variant.name),
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


def ranks(run: Record, when: When) -> dict[str, float | None]:
    """Mean effective rank over its limit, stage by stage."""
    return run_ranks(run, "erank", "token", when)


def texts(results: Path, study: str, dataset: str, report: Report) -> dict[Path, str]:
    """The report as Markdown and its numbers as JSON, by their files: the same for the same
    records."""
    path = Archive(results).study_report(study, dataset)
    numbers = json.dumps(report.numbers, indent=1) + "\n"
    return {
        path.with_name(f"{dataset}.md"): report.markdown(),
        path.with_name(f"{dataset}.json"): numbers,
    }


def write(results: Path, study: str, dataset: str, report: Report) -> list[Path]:
    made = texts(results, study, dataset, report)
    for path, text in made.items():
        write_text(path, text)
    return list(made)
