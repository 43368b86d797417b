"""`scale`: scaling laws over the steps of a recipe, and its shapes of equal FLOPs."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.campaign import Options, carry_out, open_store
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

app = typer.Typer(invoke_without_command=True)


@app.callback()
def scale(
    context: typer.Context,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe whose \\[scaling] steps are run, DATASET/NAME.")
    ] = None,
    seeds: options.Seeds = "0-2",
    jobs: options.Jobs = 1,
    threads: options.Threads = None,
    device: options.Device = "cpu",
    backend: options.Backend = "loky",
    address: options.Address = None,
    data_root: options.DataRoot = None,
    results: options.Results = RESULTS,
    dry_run: options.DryRun = False,
    no_track: options.NoTrack = False,
    quiet: options.Quiet = False,
) -> None:
    """Run the ladder and the shapes of a recipe, where records are missing or stale, and fit its
    scaling laws."""
    if context.invoked_subcommand is not None:
        return
    if recipe is None:
        raise UsageError("give the recipe whose ladder is to be run: --recipe DATASET/NAME")
    chosen = Options(
        jobs, threads, device, backend, address, data_root, results, dry_run, not no_track, quiet
    )
    numbers = options.parse_seeds(seeds)

    from benchmark.recipes import recipe as recipes
    from benchmark.studies.campaign import variants as campaign
    from benchmark.studies.scaling import ladders, shapes

    base = recipes.load(recipe)
    if base.name is None:
        raise UsageError(
            f"--recipe {recipe}: a ladder is of a recipe in recipes/, against which it can be"
            " verified"
        )
    variants = ladders.variants(base)
    store = open_store(base.dataset, chosen)
    campaign.require_buildable(variants, store.schema)
    shapes.require_levels(base, store.schema)
    ladders.require_rows(variants, store.fingerprint.rows["train"])
    cells = campaign.cells(ladders.STUDY, base.dataset, variants, numbers)
    failed = carry_out(cells, {base.dataset: store}, chosen)
    if not dry_run:
        _write(results, base.dataset, show=not quiet)
    if not (dry_run or no_track):
        from benchmark.tracking import scaling

        scaling.show(results, base.dataset, notice)
    if failed:
        raise typer.Exit(1)


@app.command()
def tables(results: options.ResultsFolder = RESULTS) -> None:
    """Make results/scaling and its figures anew, from records alone."""
    from benchmark.studies.scaling import report

    for dataset in report.datasets(results):
        _write(results, dataset, show=False)


@app.command()
def simulate(
    draws: Annotated[int, typer.Option(min=1, help="Ladders for each case of intervals.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: options.ResultsFolder = RESULTS,
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


def _write(results: Path, dataset: str, *, show: bool) -> None:
    from benchmark.studies.scaling import figures, report

    study = report.findings(results, dataset)
    tables = report.as_report(study)
    for table in tables.tables if show and tables is not None else ():
        print_table(table)
    documents = report.documents_of(results, tables, dataset)
    for document in documents:
        document.write()
    paths = [document.path for document in documents if document.text is not None]
    for path in (*paths, *figures.draw(study, results)):
        out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)
