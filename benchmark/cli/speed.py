"""`speed`: measure this machine. No test times anything; these commands do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import MOST_THREADS, with_options
from benchmark.terminal.console import notice, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.speed.measurements import Topic

Measured = tuple[str, dict[str, float]]
"""What was measured, and its figures."""

app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)


@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """Options of every command here."""

    repeats: Annotated[
        int, typer.Option(min=1, help="Interleaved repeats; medians are printed.")
    ] = 3
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the figures, and their table, below RESULTS/speed.")
    ] = False
    results: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS


@app.command("data")
@with_options(SpeedOptions)
def data(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the csv files.")] = 1_200_000,
    folder: Annotated[
        Path | None, typer.Option(help="A folder with room for some 500 bytes a row.")
    ] = None,
    *,
    options: SpeedOptions,
) -> None:
    """Encode a csv of Criteo's shape and read its batches, beside a plain read_csv of it."""
    import os

    from benchmark.speed.data import measure

    values = measure(rows, folder, options.repeats, notice)
    _report("data", [(f"{rows:,} rows", values)], os.cpu_count() or 1, options)


@app.command("train")
@with_options(SpeedOptions, repeats=5)
def train(
    recipe: Annotated[
        list[str] | None,
        typer.Option(help="DATASET/NAME, once or more; three of criteo_x1 by default."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of the recipes, e.g. model.num_blocks=4."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="Threads; the number of cores by default."),
    ] = None,
    *,
    options: SpeedOptions,
) -> None:
    """Time training steps and prediction, beside the plain form and this machine's matrix-multiply
    rate."""
    import torch

    from benchmark.recipes import recipe as recipes
    from benchmark.speed.train import STANDARD, Subject, measure, shape_of

    threads, changes = threads or torch.get_num_threads(), set_ or []
    subjects = {}
    for name in recipe or STANDARD:
        changed = recipes.override(recipes.load(name), changes)
        words = " ".join((name, *(change.replace("model.", "") for change in changes)))
        # a recipe that cannot be measured is reported before any is
        subjects[words] = Subject(changed, shape_of(changed, notice), threads, options.repeats)

    def measured() -> Iterator[Measured]:
        for words, subject in subjects.items():
            notice(f"measuring {words}")
            yield words, measure(subject)

    _report("train", measured(), threads, options)


def _report(
    topic: "Topic", measured: Iterable[Measured], threads: int, options: SpeedOptions
) -> None:
    """Print figures as tables or as JSON, and keep them if that is wanted."""
    from benchmark.reports.document import Table
    from benchmark.speed import measurements

    by_subject = {}
    for subject, values in measured:
        by_subject[subject] = values
        figures = measurements.new_figures(topic, subject, values, threads, options.repeats)
        if not options.json:
            print_table(Table(subject, ("figure", "value"), tuple(figures.words().items())))
        if options.keep:
            for path in measurements.keep(figures, options.results):
                notice(f"kept: {shown(path)}")
    if options.json:
        print(dumps(by_subject if len(by_subject) > 1 else values, indent=1))
