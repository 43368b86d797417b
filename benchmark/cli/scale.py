"""`scale`: scaling laws over the steps of a recipe, and its shapes of equal FLOPs."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import Options, with_options
from benchmark.cli.studies import run_study, write_tables
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

app = typer.Typer(invoke_without_command=True)


@app.callback()
@with_options(Options)
def scale(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Option(help="The recipe whose \\[scaling] steps are climbed, DATASET/NAME."),
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Run nothing: extrapolate cost and loss to the size --to."),
    ] = False,
    to: Annotated[
        float | None,
        typer.Option(min=1, help="Dense parameters without head, e.g. 1e9, for --plan."),
    ] = None,
    *,
    options: Options,
) -> None:
    """Alias of `study scaling`; also its tables, its simulation and its extrapolation."""
    if context.invoked_subcommand is not None:
        return
    if plan != (to is not None):
        raise UsageError("--plan and --to SIZE go together")
    if to is not None:
        _plan(options.results, recipe, to)
        return

    from benchmark.studies.study import studies

    run_study(studies.get("scaling"), {"recipe": recipe}, options)


@app.command()
def tables(results: Annotated[Path, typer.Option(help="Folder of the records.")] = RESULTS) -> None:
    """Make results/scaling anew from records: every ladder that was run, and the sizes of the
    released ones."""
    from benchmark.studies.scaling import files
    from benchmark.studies.study import studies

    for dataset in files.datasets(results):
        write_tables(studies.get("scaling"), results, dataset)


@app.command()
def simulate(
    draws: Annotated[
        int, typer.Option(min=1, help="Simulated ladders for each case of the intervals.")
    ] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: Annotated[
        Path, typer.Option(help="Folder in which scaling/simulation.* is written.")
    ] = RESULTS,
) -> None:
    """Try the fits, their intervals and the test for a law on ladders whose law is known; about
    five minutes."""
    from benchmark.studies.simulations import scaling
    from benchmark.studies.simulations import scaling_report as scaling_simulation_report
    from benchmark.utils.files import write_text

    report = scaling_simulation_report.report(scaling.simulate(draws, seed, notice))
    for section in report.tables:
        print_table(section)
    for remark in report.remarks[1:]:
        out.print(remark, highlight=False, markup=False)
    for path, text in scaling_simulation_report.files(report, results).items():
        write_text(path, text)
        out.print(f"written: {shown(path)}", highlight=False)


def _plan(results: Path, recipe: str | None, to: float) -> None:
    """Of one recipe, or of every ladder that was run."""
    from benchmark.studies.scaling import extrapolate, ladders

    known = [
        (dataset, name, rungs)
        for dataset in ladders.datasets(results)
        for name, rungs in ladders.ladders(results, dataset).items()
    ]
    chosen = [each for each in known if recipe in (None, "/".join(each[:2]))]
    sections = [found for each in chosen if (found := extrapolate.plan(*each, to))]
    if not sections:
        raise UsageError(
            f"there are no records of {recipe or 'any ladder'} to extrapolate from; run `scale"
            " --recipe`"
        )
    for section in sections:
        print_table(section)
