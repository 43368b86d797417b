"""The scaling study: ladders of sizes of a recipe, and the laws of their losses."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.errors import UsageError
from benchmark.studies.study import Study, command_line, studies

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.records.archive import Archive
    from benchmark.records.record import Record
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.cells import Cell, Variant

SIMULATION = "simulation"
"""The name of the documents of the simulated ladders, which lie among those of data sets."""


class Scaling(Study):
    """Run the ladder of a recipe at the learning rates that suit its sizes, and fit its laws."""

    name = "scaling"
    has_trials = True

    def variants(
        self,
        recipe: Annotated[
            str | None, typer.Option(help="The recipe whose [scaling] is run, DATASET/NAME.")
        ] = None,
        step: Annotated[
            list[int] | None, typer.Option(help="A step by its number, once or more; all of them.")
        ] = None,
    ) -> "list[Variant]":
        from benchmark.recipes import recipe as recipes
        from benchmark.studies.scaling import ladders

        if recipe is None:
            raise UsageError("give the recipe whose ladder is to be run: --recipe DATASET/NAME")
        base = recipes.load(recipe)
        if base.name is None:
            raise UsageError(f"--recipe {recipe}: only a recipe in recipes/ has a ladder")
        return ladders.variants(base, step)

    def check_data(self, variants: "Sequence[Variant]", store: "Store") -> None:
        super().check_data(variants, store)
        rows = store.fingerprint.rows["train"]
        for variant in variants:
            if variant.rows is not None and variant.rows > rows:
                where = f"recipe {variant.recipe.dataset}/{variant.name}, [scaling]"
                raise UsageError(f"{where}: rows = {variant.rows}, there are only {rows}")

    def batches(
        self, card: str, variants: "Sequence[Variant]", seeds: Sequence[int], results: Path
    ) -> "Iterator[list[Cell]]":
        """Every rate at TUNING_SEED, if there are several; then the seeds at the chosen rates."""
        from benchmark.records.tuning import TUNING_SEED
        from benchmark.studies.scaling import ladders

        if TUNING_SEED in seeds:
            raise UsageError(f"--seeds: {TUNING_SEED} is the seed that chooses the learning rates")
        if len({variant.recipe.train.learning_rate for variant in variants}) > 1:
            yield from super().batches(card, variants, [TUNING_SEED], results)
        if chosen := ladders.at_chosen_rates(variants, results):
            yield from super().batches(card, chosen, seeds, results)

    def faults(self, record: "Record", variant: str, recipe_folder: Path | None) -> Iterator[str]:
        from benchmark.studies.scaling import ladders

        return ladders.place_faults(record, variant, recipe_folder)

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        from benchmark.recipes import recipe as recipes
        from benchmark.recipes.files import recipe_ids
        from benchmark.studies.scaling import ladders

        own = [name for name in recipe_ids() if name.startswith(f"{dataset}/")]
        places = [place for place in map(ladders.place_of, variants) if place is not None]
        chosen = {f"{dataset}/{recipe}" for recipe, *_ in places}
        if not variants:
            chosen = {name for name in own if recipes.load(name).scaling}
        ladder_ids = [name for name in own if name in chosen]
        return [command_line("study scaling", recipe=name, seeds=seeds) for name in ladder_ids]

    def report(self, archive: "Archive", dataset: str) -> "Report | None":
        from benchmark.studies.scaling.report import report

        return report(archive, dataset)

    def datasets(self, archive: "Archive") -> list[str]:
        documents = set(archive.scaling_tables()) - {SIMULATION}
        return sorted(documents | set(archive.datasets(self.name)))

    def report_path(self, archive: "Archive", dataset: str) -> Path:
        return archive.scaling_table(dataset)

    def figures(self, archive: "Archive", dataset: str) -> list[Path]:
        from benchmark.studies.scaling import figures

        return figures.draw(archive, dataset)


studies.register(Scaling.name)(Scaling())
