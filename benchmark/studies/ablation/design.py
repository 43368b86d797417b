"""The cells of the ablation, and the recipes they run."""

from collections.abc import Sequence
from itertools import product

from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import Recipe
from benchmark.studies.campaign.variants import Variant

BASE = "rankelastor_small"
"""The recipe that is varied, unless another is named."""
FACTORS = ("mixing", "FFN")
MIXING = ("full", "kronecker", "transpose", "none")
FFN = ("glu", "gelu", "relu")
LEVELS = (MIXING, FFN)
VARIED = ("model.mixing", "model.ffn")
CellName = tuple[str, str]
"""A level of mixing and one of the FFN."""
GRID: tuple[CellName, ...] = tuple(product(MIXING, FFN))


def parse_cells(text: str | None) -> list[CellName]:
    """`full/glu,none/relu` as pairs in the order of the grid, all for None. Raises UsageError."""
    if text is None:
        return list(GRID)
    chosen = {cell.strip() for cell in text.split(",")}
    if unknown := sorted(chosen - {"/".join(cell) for cell in GRID}):
        raise UsageError(
            f"--cells {unknown[0]}: write MIXING/FFN of mixing {', '.join(MIXING)} and FFN"
            f" {', '.join(FFN)}, e.g. full/glu,none/relu"
        )
    return [cell for cell in GRID if "/".join(cell) in chosen]


def variants(base: Recipe, cells: Sequence[CellName]) -> list[Variant]:
    """The base with the mixing and FFN of each cell. Raises UsageError for another model."""
    if base.model != "rankelastor":
        raise UsageError(
            f"--recipe {base.id}: the ablation varies parts of rankelastor, and this is"
            f" {base.model}"
        )
    return [Variant(folder(cell), _varied(base, cell)) for cell in cells]


def folder(cell: CellName) -> str:
    """The folder of a cell's records, which is the name of its variant."""
    return "-".join(cell)


def _varied(base: Recipe, cell: CellName) -> Recipe:
    settings = [f"{key}={part}" for key, part in zip(VARIED, cell, strict=True)]
    return recipes.override(base, settings)
