"""The ablation of RankElastor (arXiv 2605.23191): mixing x FFN at equal width, crossed."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.errors import UsageError
from benchmark.studies.study import DataSet, Settings, Study, command_line, load_base, studies

if TYPE_CHECKING:
    from benchmark.records.archive import Archive
    from benchmark.records.record import Record
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.cells import Variant

BASES = ("rankelastor_small", "rankelastor_tuned")
"""The recipe that is varied unless another is named: the first of these that the data set has."""
LEVELS = {"mixing": ("full", "kronecker", "transpose", "none"), "FFN": ("glu", "gelu", "relu")}
"""The levels of the two factors."""
VARIED = ("model.mixing", "model.ffn")
CELLS = ["-".join(levels) for levels in product(*LEVELS.values())]
"""The names of the variants, and of the folders of their records: MIXING-FFN."""


class Ablation(Study):
    """Run mixing x FFN of RankElastor at equal width, and compare the levels of both."""

    name = "ablation"

    def variants(
        self,
        dataset: DataSet,
        recipe: Annotated[
            str | None, typer.Option(help="The recipe varied; D/rankelastor_small or _tuned.")
        ] = None,
        set_: Settings = None,
        cells: Annotated[
            str | None, typer.Option(help="Cells, e.g. full/glu,none/relu; all twelve.")
        ] = None,
    ) -> "list[Variant]":
        from benchmark.data import catalog
        from benchmark.recipes.recipe import override
        from benchmark.studies.campaign.cells import Variant

        card = catalog.find_card(dataset).card
        base = load_base(recipe or _base(card.id) or f"{card.id}/{BASES[0]}", "--recipe")
        where = f"--recipe {base.id}"
        if base.dataset != card.id:
            raise UsageError(f"{where} is for the data set {base.dataset}, not {card.id}")
        if base.model != "rankelastor":
            raise UsageError(f"{where}: the ablation varies rankelastor, and this is {base.model}")
        variants = []
        for cell in parse_cells(cells):
            parts = [f"{key}={part}" for key, part in zip(VARIED, cell.split("-"), strict=True)]
            variants.append(Variant(cell, override(base, [*(set_ or []), *parts])))
        return variants

    def faults(self, record: "Record", variant: str, recipe_folder: Path | None) -> Iterator[str]:
        model = record.recipe["model"]
        if variant != f"{model['mixing']}-{model['ffn']}":
            yield self.misplaced(variant)

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        if _base(dataset) is None:
            return []
        cells = ",".join(variants).replace("-", "/")
        return [command_line("study ablation", dataset=dataset, cells=cells, seeds=seeds)]

    def report(self, archive: "Archive", dataset: str) -> "Report | None":
        from benchmark.studies.ablation.report import report

        return report(archive, dataset)

    def figures(self, archive: "Archive", dataset: str) -> list[Path]:
        from benchmark.studies.ablation.figures import draw

        return draw(archive, dataset)


def parse_cells(text: str | None) -> list[str]:
    """`full/glu,none/relu` as names of variants, in order, all for None. Raises UsageError."""
    if text is None:
        return CELLS
    chosen = [cell.strip().replace("/", "-") for cell in text.split(",")]
    if unknown := sorted(set(chosen) - set(CELLS)):
        mixing, ffn = map(", ".join, LEVELS.values())
        levels = f"MIXING/FFN of mixing {mixing} and FFN {ffn}, e.g. full/glu,none/relu"
        raise UsageError(f"--cells {unknown[0].replace('-', '/')}: write {levels}")
    return [cell for cell in CELLS if cell in chosen]


def _base(dataset: str) -> str | None:
    """The recipe of a data set that is varied unless another is named."""
    from benchmark.recipes.files import recipe_ids

    return next((base for name in BASES if (base := f"{dataset}/{name}") in recipe_ids()), None)


studies.register(Ablation.name)(Ablation())
