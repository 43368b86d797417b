"""`rank`: what records tell about rank, for one recipe or for all of a data set; tables and
figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmark.cli.options import completed, parse_seeds
from benchmark.errors import BenchmarkError, UsageError
from benchmark.registry import unknown
from benchmark.terminal.console import out, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmark.records.ranks import Runs

Metric = Literal["erank", "srank", "ia", "pr", "all"]


@completed
def rank(
    recipe: Annotated[str | None, typer.Option(help="A recipe's id, DATASET/NAME.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set's id: all its recipes, and rank against loss.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds: 0, 0-4 or 0,2,5; all that have a record.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="A study's records, e.g. ablation or damping; its variants stand for recipes."
        ),
    ] = None,
    metric: Annotated[Metric, typer.Option(help="Which rank; all prints the four.")] = "erank",
    results: Annotated[Path, typer.Option(help="Folder of the records.")] = RESULTS,
    figures: Annotated[
        Path | None,
        typer.Option(help="Folder of the figures; figures/[STUDY/]DATASET in the results folder."),
    ] = None,
) -> None:
    """Show how the rank moves through the stages, from records alone; writes figures as SVG and
    PNG."""
    if (recipe is None) == (dataset is None):
        raise UsageError("give either --recipe DATASET/NAME or --dataset")

    from benchmark.measure.spectrum import METRICS
    from benchmark.reports.figures.dataset import of_dataset

    owner, _, name = (recipe or dataset or "").partition("/")
    place = Path("records") if study is None else Path("studies", study)
    recipes = _recipes(results / place, owner, None if seeds is None else parse_seeds(seeds))
    metrics = METRICS if metric == "all" else (metric,)
    if recipe is None:
        drawn = _all(owner, recipes, metrics)
    elif name in recipes:
        drawn = _one(name, recipes[name], metrics)
    else:
        raise unknown("recipe with records", recipe, [f"{owner}/{known}" for known in recipes])
    drawn |= {
        f"{part}-{each}": figure
        for each in metrics
        for part, figure in of_dataset(recipes, each).items()
    }
    _write(drawn, figures or results / "figures" / (study or "") / owner)


def _one(name: str, runs: "Runs", metrics: Sequence[str]) -> "dict[str, Figure]":
    from benchmark.reports.document import seeds_in_words
    from benchmark.reports.figures import recipe as rank_figures
    from benchmark.reports.rank.recipe import of_recipe

    seeds = seeds_in_words([run.seed for run in runs])
    for line in filter(
        None, (f"{runs[0].recipe_id}, seeds {seeds}", runs[0].caveat, *runs[0].notes)
    ):
        out.print(line, highlight=False, markup=False)
    out.print()
    for section in of_recipe(runs, metrics):
        print_table(section)
    return {f"{name}-{part}": figure for part, figure in rank_figures.of_recipe(runs).items()}


def _all(
    dataset: str, recipes: "Mapping[str, Runs]", metrics: Sequence[str]
) -> "dict[str, Figure]":
    from benchmark.reports.rank import loss
    from benchmark.reports.rank.dataset import overview, rank_and_loss
    from benchmark.reports.rank.figure import rank_against_quality

    for metric in metrics:
        for section in overview(recipes, metric):
            print_table(section)
    points, left_out = loss.points(recipes)
    print_table(rank_and_loss(points, left_out, loss.relations(points)))
    return {"rank-loss": rank_against_quality(dataset, points)} if points else {}


def _recipes(folder: Path, dataset: str, seeds: Sequence[int] | None) -> "dict[str, Runs]":
    """The records of a data set by recipe (by variant in a study's folder) and seed. Raises
    UsageError for none."""
    from benchmark.records import record
    from benchmark.records.comparable import require_alike

    if not (paths := sorted(folder.glob(f"{dataset}/*/seed-*.json"))):
        known = {path.parent.parent.name for path in folder.glob("*/*/seed-*.json")}
        raise unknown(f"data set with records in {shown(folder)}", dataset, known)
    found = [record.load(path).model_copy(update={"name": path.parent.name}) for path in paths]
    recipes: dict[str, list[record.Record]] = {}
    for run in sorted(found, key=lambda run: (run.name or "", run.seed)):
        if seeds is None or run.seed in seeds:
            recipes.setdefault(run.name or "", []).append(run)
    if not recipes:
        there = ", ".join(map(str, sorted({run.seed for run in found})))
        raise UsageError(f"--seeds: of {dataset} there are records of seeds {there}")
    for name, runs in recipes.items():
        require_alike({f"{dataset}/{name}": runs}, ())
    if len({run.data.arrays for run in found}) > 1:
        raise BenchmarkError(
            f"the records of {dataset} are of different data; run the older ones again"
        )
    return dict(recipes)


def _write(figures: "Mapping[str, Figure]", folder: Path) -> None:
    from benchmark.reports.figures import style

    for name, figure in figures.items():
        style.write(figure, folder, name)
    if figures:
        out.print(
            f"figures in {shown(folder)}, SVG and PNG: {', '.join(figures)}",
            highlight=False,
            markup=False,
        )
