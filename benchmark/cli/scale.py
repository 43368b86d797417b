"""`scale`: old name of `study scaling`, and the simulation of its fits."""

from typing import Annotated

import typer

from benchmark.cli import studies
from benchmark.cli.options import Options, ResultsFolder, with_options
from benchmark.terminal.console import notice
from benchmark.utils.paths import RESULTS

app = typer.Typer(invoke_without_command=True)


@app.callback()
@with_options(Options)
def scale(
    context: typer.Context,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe whose \\[scaling] steps are run, DATASET/NAME.")
    ] = None,
    *,
    options: Options,
) -> None:
    """Alias of `study scaling`; also its tables and its simulation."""
    if context.invoked_subcommand is None:
        from benchmark.studies.study import studies as registered

        studies.run_study(registered.get("scaling"), {"recipe": recipe}, options)


@app.command()
def tables(results: ResultsFolder = RESULTS) -> None:
    """Write the tables and figures of ladders again, from records alone."""
    studies.tables("scaling", results)


@app.command()
def simulate(
    draws: Annotated[int, typer.Option(min=1, help="Ladders for each case of intervals.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Test fits, intervals and verdicts on ladders whose law is known; takes about two minutes."""
    from benchmark.studies.simulations import scaling

    report = scaling.as_report(scaling.simulate(draws, seed, notice))
    studies.show_report(report, report.remarks[1:])
    studies.write_documents(scaling.documents(report, results))
