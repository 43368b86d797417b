"""The scaling study's registration."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.errors import UsageError
from benchmark.reports.document import Document
from benchmark.studies.study import Study, command_line, studies

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.records.record import Record
    from benchmark.reports.document import Report
    from benchmark.studies.campaign.variants import Variant


class Scaling(Study):
    """Run the ladder and the shapes of a recipe, and fit its scaling laws."""

    name = "scaling"

    def variants(
        self,
        recipe: Annotated[
            str | None,
            typer.Option(help="The recipe whose \\[scaling] steps are run, DATASET/NAME."),
        ] = None,
    ) -> "list[Variant]":
        from benchmark.recipes import recipe as recipes
        from benchmark.studies.scaling import ladders

        if recipe is None:
            raise UsageError("give the recipe whose ladder is to be climbed: --recipe DATASET/NAME")
        base = recipes.load(recipe)
        if base.name is None:
            raise UsageError(
                f"--recipe {recipe}: a ladder is of a recipe in recipes/, against which it can be"
                " verified"
            )
        return ladders.variants(base)

    def check_data(self, variants: "Sequence[Variant]", store: "Store") -> None:
        from benchmark.recipes import recipe as recipes
        from benchmark.studies.scaling import ladders, shapes

        super().check_data(variants, store)
        place = ladders.place_of(variants[0].name)
        assert place is not None
        base = recipes.load(f"{variants[0].recipe.dataset}/{place.recipe}")
        shapes.require_levels(base, store.schema)
        rows = store.fingerprint.rows["train"]
        for kind, steps in (("step", base.scaling), ("shape", base.shapes.of)):
            for number, step in enumerate(steps, start=1):
                if step.rows is not None and step.rows > rows:
                    where = f"recipe {base.id}, [scaling] {kind} {number}"
                    raise UsageError(f"{where}: rows = {step.rows}, there are only {rows}")

    def faults(self, record: "Record", variant: str, recipe_folder: Path) -> Iterator[str]:
        """A record of a ladder is held against the step or shape of the recipe as it stands."""
        from benchmark.recipes import recipe as recipes
        from benchmark.records import comparable
        from benchmark.studies.scaling import ladders

        place = ladders.place_of(variant)
        if place is None:
            yield f"{self.name}/{variant} names no step of a recipe, nor a shape"
            return
        kind, number = place.kind, place.number
        try:
            recipe = recipes.load(f"{record.dataset}/{place.recipe}", recipe_folder)
        except UsageError as error:
            yield str(error)
            return
        if number > (count := len(ladders.sizes(recipe, kind))):
            yield f"recipe {recipe.id} has {count} {kind}s, and the record is of {kind} {number}"
            return
        size = ladders.variant(recipe, kind, number)
        yield from (
            f"stale: {fault}; run it again"
            for fault in comparable.recipe(record, size.recipe.digest())
        )
        if record.train_rows != size.rows:
            stated, asked = (rows or "all" for rows in (record.train_rows, size.rows))
            yield (
                f"the record is of {stated} training rows, {kind} {number} of recipe {recipe.id} of"
                f" {asked}"
            )

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        from benchmark.recipes import recipe as recipes
        from benchmark.studies.scaling import ladders

        known = [name for name in recipes.recipe_ids() if name.startswith(f"{dataset}/")]
        places = [place for place in map(ladders.place_of, variants) if place is not None]
        chosen = {f"{dataset}/{place.recipe}" for place in places}
        if not variants:
            chosen = {name for name in known if recipes.load(name).scaling}
        return [
            command_line("study scaling", recipe=name, seeds=seeds)
            for name in known
            if name in chosen
        ]

    def report(self, results: Path, dataset: str) -> "Report | None":
        from benchmark.studies.scaling import report

        return report.report(report.findings(results, dataset))

    def datasets(self, results: Path) -> list[str]:
        from benchmark.studies.scaling import files

        return files.present(results)

    def documents(self, results: Path, dataset: str, report: "Report | None") -> list[Document]:
        from benchmark.studies.scaling import files

        command = f"python -m benchmark study tables {self.name}"
        if report is not None:
            texts = files.texts(results, dataset, report)
            return [Document(path, text, command) for path, text in texts.items()]
        paths = [results / "scaling" / f"{dataset}{form}" for form in files.FORMS]
        return [Document(path, None, command) for path in paths]

    def figures(self, results: Path, dataset: str) -> list[Path]:
        from benchmark.studies.scaling import figures, report

        return figures.draw(report.findings(results, dataset), results)


studies.register(Scaling.name)(Scaling())
