"""`rank`: how the rank moves through one recipe or all of a data set; tables, and figures on
demand."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import completed, parse_seeds
from benchmark.errors import BenchmarkError, UsageError
from benchmark.registry import unknown
from benchmark.terminal.console import out, print_table, say
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.records.archive import Archive, Runs


@completed
def rank(
    recipe: Annotated[str | None, typer.Option(help="A recipe's id, DATASET/NAME.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set's id: all its recipes.")] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds: 0, 0-4 or 0,2,5; all that have a record.")
    ] = None,
    study: Annotated[
        str, typer.Option(help="A study, e.g. ablation or damping: its variants, not recipes.")
    ] = "",
    results: Annotated[Path, typer.Option(help="Folder of the records.")] = RESULTS,
    figures: Annotated[
        Path | None,
        typer.Option(help="Draw figures too, as SVG and PNG, into this folder."),
    ] = None,
) -> None:
    """Show how the rank moves through the stages, from records alone."""
    if (recipe is None) == (dataset is None):
        raise UsageError("give either --recipe DATASET/NAME or --dataset")

    from benchmark.records.archive import Archive
    from benchmark.reports.rank.dataset import overview

    archive = Archive(results)
    owner, _, name = (recipe or dataset or "").partition("/")
    recipes = _recipes(archive, study, owner, None if seeds is None else parse_seeds(seeds))
    if recipe is not None and name not in recipes:
        raise unknown("recipe with records", recipe, [f"{owner}/{each}" for each in recipes])
    recipes = _of_one_data(recipes, owner, name)
    if recipe is None:
        print_table(overview(recipes))
    else:
        _print_one(recipes[name])
    if figures is not None:
        _draw(recipes, name, figures)


def _draw(recipes: "dict[str, Runs]", name: str, folder: Path) -> None:
    """Write the figures of the recipes together, and of the one called `name`, if any."""
    from benchmark.reports.figures import style
    from benchmark.reports.figures.dataset import of_dataset
    from benchmark.reports.figures.recipe import of_recipe

    drawings = {f"{part}-erank": figure for part, figure in of_dataset(recipes).items()}
    alone = of_recipe(recipes[name]) if name else {}
    drawings |= {f"{name}-{part}": figure for part, figure in alone.items()}
    for part, figure in drawings.items():
        style.write(figure, folder, part)
    if drawings:
        say(f"figures in {shown(folder)}, SVG and PNG: {', '.join(drawings)}")


def _print_one(runs: "Runs") -> None:
    """Print the tables of one recipe."""
    from benchmark.reports.rank import recipe as tables
    from benchmark.reports.words import seeds_in_words

    seeds = seeds_in_words([run.seed for run in runs])
    lines = (f"{runs[0].recipe_id}, seeds {seeds}", runs[0].caveat, *runs[0].notes)
    out.print("\n".join(filter(None, lines)), highlight=False, markup=False, end="\n\n")
    for table in tables.of_recipe(runs):
        print_table(table)


def _recipes(
    archive: "Archive", study: str, dataset: str, seeds: Sequence[int] | None
) -> "dict[str, Runs]":
    """The records of a data set by recipe, or by variant of a study. Raises UsageError without any,
    BenchmarkError for records that are not alike."""
    from benchmark.records.comparable import require_alike

    records = archive.by_name(dataset, study)
    if not records:
        folder = shown(archive.folder(study))
        raise unknown(f"data set with records in {folder}", dataset, archive.datasets(study))
    recipes: dict[str, Runs] = {}
    for name, runs in records.items():
        chosen = [run for run in runs if seeds is None or run.seed in seeds]
        if chosen:
            require_alike({f"{dataset}/{name}": chosen}, ())
            recipes[name] = [run.model_copy(update={"name": name}) for run in chosen]
    every = [run for runs in records.values() for run in runs]
    if not recipes:
        available = ", ".join(map(str, sorted({run.seed for run in every})))
        raise UsageError(f"--seeds: of {dataset} there are records of seeds {available}")
    return recipes


def _of_one_data(recipes: "dict[str, Runs]", dataset: str, name: str) -> "dict[str, Runs]":
    """The recipes run on the data of the recipe `name`. Without a name all must be of one data, as
    two cards may have one id. Raises BenchmarkError."""
    data = {each: runs[0].data.arrays for each, runs in recipes.items()}
    if name:
        return {each: runs for each, runs in recipes.items() if data[each] == data[name]}
    examples = {arrays: each for each, arrays in data.items()}
    if len(examples) > 1:
        raise BenchmarkError(
            f"the records of {dataset} are of different data (those of"
            f" {' and '.join(examples.values())}); run the older ones again, or choose one with"
            f" --recipe {dataset}/NAME"
        )
    return recipes
