"""The ablation of RankElastor (arXiv 2605.23191): mixing x FFN at equal width, crossed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.errors import UsageError
from benchmark.studies.study import DataSet, Settings, Study, command_line, studies

if TYPE_CHECKING:
    from benchmark.records.record import Record
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.variants import Variant


class Ablation(Study):
    """Run mixing x FFN of RankElastor at equal width, and compare the levels of both."""

    name = "ablation"

    def variants(
        self,
        dataset: DataSet,
        recipe: Annotated[
            str | None, typer.Option(help="The rankelastor recipe varied; D/rankelastor_small.")
        ] = None,
        set_: Settings = None,
        cells: Annotated[
            str | None, typer.Option(help="Cells, e.g. full/glu,none/relu; all twelve.")
        ] = None,
    ) -> "list[Variant]":
        from benchmark.data import catalog
        from benchmark.recipes import recipe as recipes
        from benchmark.studies.ablation import design

        card = catalog.find_card(dataset).card
        base = recipes.load(recipe or f"{card.id}/{design.BASE}")
        if base.dataset != card.id:
            raise UsageError(
                f"--recipe {base.id} is for the data set {base.dataset}, not {card.id}"
            )
        base = recipes.override(base, set_) if set_ else base
        return design.variants(base, design.parse_cells(cells))

    def faults(self, record: "Record", variant: str, recipe_folder: Path) -> Iterator[str]:
        from benchmark.studies.ablation import design

        model = record.recipe["model"]
        if variant != design.folder((model["mixing"], model["ffn"])):
            yield self.misplaced(variant)

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        from benchmark.recipes.recipe import recipe_ids
        from benchmark.studies.ablation import design

        if f"{dataset}/{design.BASE}" not in recipe_ids():
            return []
        cells = ",".join(variant.replace("-", "/") for variant in variants)
        return [command_line("study ablation", dataset=dataset, cells=cells, seeds=seeds)]

    def report(self, results: Path, dataset: str) -> "Report | None":
        from benchmark.studies.ablation.report import report

        return report(results, dataset)


studies.register(Ablation.name)(Ablation())
