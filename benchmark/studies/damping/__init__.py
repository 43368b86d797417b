"""The damping study: does the oscillation of the rank die down with depth?"""

from collections.abc import Iterator, Sequence
from functools import partial
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


class Damping(Study):
    """Run deep stacks; report by how much the mixing raises the rank and the FFN lowers it."""

    name = "damping"

    def variants(
        self,
        dataset: DataSet,
        blocks: Annotated[int, typer.Option(min=2, help="Blocks of every model.")] = 8,
        recipes: Annotated[
            str, typer.Option(help="Names of the data set's recipes, with blocks.")
        ] = "rankmixer,rankelastor",
        set_: Settings = None,
    ) -> "list[Variant]":
        from benchmark.data import catalog
        from benchmark.recipes.recipe import override
        from benchmark.studies.campaign.cells import Variant

        card = catalog.find_card(dataset).card
        variants = []
        for name in filter(None, map(str.strip, recipes.split(","))):
            base = load_base(f"{card.id}/{name}", "--recipes")
            if "num_blocks" not in base.hyperparameters:
                raise UsageError(f"--recipes {base.id}: {base.model} has no blocks to be more of")
            recipe = override(base, [*(set_ or []), f"model.num_blocks={blocks}"])
            variants.append(Variant(f"{name}-{blocks}", recipe))
        return variants

    def faults(self, record: "Record", variant: str, recipe_folder: Path | None) -> Iterator[str]:
        if not variant.endswith(f"-{record.recipe['model']['num_blocks']}"):
            yield self.misplaced(variant)

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        from benchmark.recipes.files import recipe_ids

        make = partial(command_line, "study damping", dataset=dataset)
        lines = [] if variants else [make(seeds=seeds)]
        for recipe, _, blocks in (variant.rpartition("-") for variant in variants):
            if f"{dataset}/{recipe}" in recipe_ids():
                lines.append(make(blocks=blocks, recipes=recipe, seeds=seeds))
        return lines

    def report(self, archive: "Archive", dataset: str) -> "Report | None":
        from benchmark.studies.damping.report import report

        return report(archive, dataset)

    def figures(self, archive: "Archive", dataset: str) -> list[Path]:
        from benchmark.studies.damping.report import figures

        return figures(archive, dataset)


studies.register(Damping.name)(Damping())
