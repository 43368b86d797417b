"""`scale`: old name of `study scaling`, and the simulation of its fits."""

from typing import Annotated

import typer

from benchmark.cli.options import Options, ResultsFolder, with_options
from benchmark.cli.studies import run_study, write_tables
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

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
        from benchmark.studies.study import studies

        run_study(studies.get("scaling"), {"recipe": recipe}, options)


@app.command()
def tables(results: ResultsFolder = RESULTS) -> None:
    """Write the tables and figures of ladders again, from records alone."""
    from benchmark.studies.study import studies

    study = studies.get("scaling")
    for dataset in study.datasets(results):
        write_tables(study, results, dataset)


@app.command()
def simulate(
    draws: Annotated[int, typer.Option(min=1, help="Ladders for each case of intervals.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Test fits, intervals and verdicts on ladders whose law is known; takes about two minutes."""
    from benchmark.studies.simulations import scaling

    outcome = scaling.simulate(draws, seed, notice)
    report = scaling.as_report(outcome)
    for table in report.tables:
        print_table(table)
    for remark in report.remarks[1:]:
        out.print(remark, highlight=False, markup=False)
    for document in scaling.documents(outcome, results):
        document.write()
        out.print(f"written: {shown(document.path)}", highlight=False)
