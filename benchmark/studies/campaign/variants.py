"""Variants of recipes: what a study runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.recipes.recipe import Recipe, on_meta
from benchmark.records.archive import study_place
from benchmark.records.ranks import When
from benchmark.records.ranks import ranks as run_ranks
from benchmark.records.record import Record
from benchmark.studies.campaign.cells import Cell


@dataclass(frozen=True)
class Variant:
    """A recipe to run, by its name in the study; `rows` limits the training rows to the first."""

    name: str
    recipe: Recipe
    rows: int | None = None


def cells(study: str, card: str, variants: Iterable[Variant], seeds: Sequence[int]) -> list[Cell]:
    """A cell for each variant and seed; `card` is the name or path of the data set's card."""
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
    """Raises UsageError, before any is run, for a variant whose sizes do not fit."""
    for variant in variants:
        try:
            on_meta(variant.recipe, schema)
        except UsageError as error:
            raise UsageError(f"{variant.name}: {error}") from None


def ranks(run: Record, when: When) -> dict[str, float | None]:
    """Mean effective rank over its limit, stage by stage."""
    return run_ranks(run, "erank", "token", when)
