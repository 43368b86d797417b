"""Studies: what each runs, checks and writes. A study registers itself, as a model does."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from benchmark.errors import UsageError
from benchmark.registry import Registry
from benchmark.reports.document import Document, Report

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.recipes.recipe import Recipe
    from benchmark.records.archive import Archive
    from benchmark.records.record import Record
    from benchmark.studies.campaign.cells import Cell, Variant

DataSet = Annotated[str, typer.Option(help="A data set's id, or the path of your own TOML card.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting of the base in every run.")
]


class Study(Protocol):
    """Runs of variants of recipes, which are never ranked, and the documents made of them.

    A folder or a file in benchmark/studies that registers one adds the command `study NAME`, whose
    help is the class's docstring and whose options are the parameters of `variants`. The module is
    imported to list the commands: heavy packages are imported inside the methods.

    Example::

        class Widths(Study):
            \"""Run a recipe at several widths.\"""

            name = "widths"

            def variants(self, recipe: str, widths: str = "8,16") -> list[Variant]:
                base = recipes.load(recipe)
                return [
                    Variant(width, recipes.override(base, [f"model.token_dim={width}"]))
                    for width in widths.split(",")
                ]
            ...

        studies.register(Widths.name)(Widths())"""

    name: str
    has_trials: bool = False
    """Whether runs with TUNING_SEED choose a setting of the others."""

    def variants(self, *args: Any, **options: Any) -> "list[Variant]":
        """The recipes to run, by the options of the command. Raises UsageError for wrong options.

        An option `dataset` names the card of the data; without one, the recipes name it."""

    def faults(self, record: "Record", variant: str, recipe_folder: Path | None) -> Iterator[str]:
        """Reasons why a record does not belong in the folder of this variant."""

    def commands(self, dataset: str, variants: Sequence[str], seeds: str) -> list[str]:
        """Commands that run the named variants of a data set; all variants if none is named.

        Empty without a recipe to vary. `seeds` is the value of --seeds."""

    def report(self, archive: "Archive", dataset: str) -> Report | None:
        """The tables of a data set, None without records.

        Raises BenchmarkError for records that cannot be read or do not belong together."""

    def check_data(self, variants: "Sequence[Variant]", store: "Store") -> None:
        """Raise UsageError for variants that cannot be run on the data."""
        from benchmark.studies.campaign.cells import require_buildable

        require_buildable(variants, store.schema)

    def batches(
        self, card: str, variants: "Sequence[Variant]", seeds: Sequence[int], results: Path
    ) -> "Iterator[list[Cell]]":
        """The cells to run, batch by batch: a later one may depend on the records of an earlier."""
        from benchmark.studies.campaign.cells import of_study

        yield of_study(self.name, card, variants, seeds)

    def datasets(self, archive: "Archive") -> list[str]:
        """Data sets that have records of the study, or documents."""
        return archive.reported(self.name)

    def report_path(self, archive: "Archive", dataset: str) -> Path:
        """The report of a data set, without its suffixes .md and .json."""
        return archive.study_report(self.name, dataset)

    def documents(self, archive: "Archive", dataset: str, report: Report | None) -> list[Document]:
        """The report of a data set as files, without text where there is no report."""
        path, command = self.report_path(archive, dataset), f"study tables {self.name}"
        if report is not None:
            return report.documents(path, command_line(command))
        files = [path.with_name(path.name + end) for end in (".md", ".json")]
        return [Document(file, None, command_line(command)) for file in files]

    def figures(self, archive: "Archive", dataset: str) -> list[Path]:
        """Draw the figures of a data set, if the study has any."""
        return []

    def misplaced(self, variant: str) -> str:
        """The fault of a record whose recipe is not that of its folder."""
        return f"the recipe is not that of {self.name}/{variant}, where the record lies"


def load_base(recipe_id: str, option: str) -> "Recipe":
    """The recipe that a study varies. Raises UsageError, led by the option that names another."""
    from benchmark.recipes.recipe import load

    try:
        return load(recipe_id)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


studies: Registry[Study] = Registry("study", "benchmark.studies")


def command_line(command: str, **options: str) -> str:
    """A shell command with these options; options with an empty value are left out."""
    words = [f"--{name} {value}" for name, value in options.items() if value]
    return " ".join(("python -m benchmark", command, *words))
