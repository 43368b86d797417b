"""The ablation of RankElastor (2605.23191): mixing x FFN at equal width, a factorial design."""

from collections.abc import Sequence

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.studies.ablation.factorial import Name
from benchmark.studies.campaign.variants import Variant

STUDY = "ablation"
BASE = "rankelastor_small"
"""The recipe that is varied, where none is named."""
MIXING = ("full", "kronecker", "transpose", "none")
FFN = ("glu", "gelu", "relu")
VARIED = ("model.mixing", "model.ffn")
GRID = tuple((mixing, ffn) for mixing in MIXING for ffn in FFN)


def parse_cells(text: str | None) -> list[Name]:
    """`full/glu,none/relu` as pairs, in the order of the grid; all of them for None. Raises
    UsageError."""
    if text is None:
        return list(GRID)
    chosen = {cell.strip() for cell in text.split(",")}
    if unknown := sorted(chosen - {"/".join(cell) for cell in GRID}):
        raise UsageError(
            f"--cells {unknown[0]}: write MIXING/FFN of mixing {', '.join(MIXING)} and FFN"
            f" {', '.join(FFN)}, e.g. full/glu,none/relu"
        )
    return [cell for cell in GRID if "/".join(cell) in chosen]


def variants(base: Recipe, chosen: Sequence[Name]) -> list[Variant]:
    """Raises UsageError for a base that has no such parts."""
    if base.model != "rankelastor":
        raise UsageError(
            f"--recipe {base.id}: the ablation varies parts of rankelastor, and this is"
            f" {base.model}"
        )
    return [
        Variant(
            folder(cell),
            recipes.override(
                base, [f"{key}={part}" for key, part in zip(VARIED, cell, strict=True)]
            ),
        )
        for cell in chosen
    ]


def folder(cell: Name) -> str:
    """Where the records of a cell lie."""
    return "-".join(cell)
