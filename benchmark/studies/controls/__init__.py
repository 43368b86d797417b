"""The control study: does the instrument read ranks that are known?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UsageError
from benchmark.studies.study import DataSet, Study, command_line, studies

if TYPE_CHECKING:
    from benchmark.records.archive import Archive
    from benchmark.records.record import Record
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.cells import Variant

WIDTHS = (1, 2, 3, 4, 5, 6, 8)
SETTINGS = (
    *("model.structure=cross_only", "model.cross=full", "model.num_cross_layers=1"),
    *("train.monitor=logloss", "train.plateau_factor=0.5", "train.epochs=12"),
    "train.learning_rate=0.01",
)
"""One cross layer alone is bilinear in each pair of fields, so its embedding is a linear bottleneck
behind one-hot tokens: what it cannot hold, nothing later restores. Rate and L2 are the best of
eight pairs by validation at the width of the truth."""


class Controls(Study):
    """Read ranks that are known, and the LogLoss behind bottlenecks of known width."""

    name = "controls"

    def variants(self, dataset: DataSet = "synthetic") -> "list[Variant]":
        from benchmark.data import catalog
        from benchmark.recipes.recipe import load, override
        from benchmark.studies.campaign.cells import Variant

        card = catalog.find_card(dataset).card
        if not card.rank_losses:
            known = "only the synthetic data say how many dimensions their truth needs"
            raise UsageError(f"--dataset {card.id}: {known}; choose one of them")
        base = load(f"{card.id}/dcnv2")
        return [
            Variant(f"width-{width}", override(base, [*SETTINGS, f"model.embedding_dim={width}"]))
            for width in WIDTHS
        ]

    def faults(self, record: "Record", variant: str, recipe_folder: Path | None) -> Iterator[str]:
        if variant != f"width-{record.recipe['model']['embedding_dim']}":
            yield self.misplaced(variant)

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        return [command_line("study controls", dataset=dataset, seeds=seeds)]

    def report(self, archive: "Archive", dataset: str) -> "Report | None":
        from benchmark.studies.controls.report import report

        return report(archive, dataset)

    def figures(self, archive: "Archive", dataset: str) -> list[Path]:
        from benchmark.studies.controls.report import figure

        return figure(archive, dataset)


studies.register(Controls.name)(Controls())
