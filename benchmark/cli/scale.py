"""`scale`: scaling laws over the steps of a recipe, and its shapes of equal FLOPs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.campaign import Options, carry_out, open_store
from benchmark.cli.options import (
    Address,
    Backend,
    DataRoot,
    Device,
    DryRun,
    Jobs,
    NoTrack,
    Quiet,
    Results,
    Seeds,
    Threads,
    parse_seeds,
)
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.recipes.recipe import Recipe

app = typer.Typer(invoke_without_command=True)


@app.callback()
def scale(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Option(help="The recipe whose \\[scaling] steps are climbed, DATASET/NAME."),
    ] = None,
    seeds: Seeds = "0-2",
    jobs: Jobs = 1,
    threads: Threads = None,
    device: Device = "cpu",
    backend: Backend = "loky",
    address: Address = None,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    dry_run: DryRun = False,
    no_track: NoTrack = False,
    quiet: Quiet = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Run nothing: extrapolate cost and loss to the size --to."),
    ] = False,
    to: Annotated[
        float | None,
        typer.Option(min=1, help="Dense parameters without head, e.g. 1e9, for --plan."),
    ] = None,
) -> None:
    """Run the ladder and the shapes of a recipe, where records are missing or stale, and fit its
    scaling laws."""
    if context.invoked_subcommand is not None:
        return
    if plan != (to is not None):
        raise UsageError("--plan and --to SIZE go together")
    if to is not None:
        _plan(results, recipe, to)
        return
    if recipe is None:
        raise UsageError("give the recipe whose ladder is to be climbed: --recipe DATASET/NAME")
    options = Options(
        jobs, threads, device, backend, address, data_root, results, dry_run, not no_track, quiet
    )
    numbers = parse_seeds(seeds)

    from benchmark.recipes import recipe as recipes
    from benchmark.studies.campaign import variants as grid
    from benchmark.studies.scaling import ladders as study
    from benchmark.studies.scaling import shapes

    base = recipes.load(recipe)
    if base.name is None:
        raise UsageError(
            f"--recipe {recipe}: a ladder is of a recipe in recipes/, against which it can be"
            " verified"
        )
    variants = study.variants(base)
    store = open_store(base.dataset, options)
    grid.require_buildable(variants, store.schema)
    shapes.require_levels(base, store.schema)
    _require_rows(base, store.fingerprint.rows["train"])
    failed = carry_out(
        grid.cells(study.STUDY, base.dataset, variants, numbers), {base.dataset: store}, options
    )
    if not dry_run:
        _tables(results, [base.dataset], show=not quiet, track=not no_track)
    if failed:
        raise typer.Exit(1)


@app.command()
def tables(results: Annotated[Path, typer.Option(help="Folder of the records.")] = RESULTS) -> None:
    """Make results/scaling anew from records: every ladder that was run, and the sizes of the
    released ones."""
    from benchmark.studies.scaling import files

    _tables(results, files.datasets(results), show=False)


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


def _require_rows(recipe: "Recipe", rows: int) -> None:
    for kind, steps in (("step", recipe.scaling), ("shape", recipe.shapes.of)):
        for number, step in enumerate(steps, start=1):
            if step.rows is not None and step.rows > rows:
                where = f"recipe {recipe.id}, [scaling] {kind} {number}"
                raise UsageError(f"{where}: rows = {step.rows}, there are only {rows}")


def _tables(results: Path, datasets: list[str], *, show: bool, track: bool = False) -> None:
    from benchmark.studies.scaling import figures, files
    from benchmark.studies.scaling import report as scaling_report
    from benchmark.utils.files import write_text

    for dataset in datasets:
        found = scaling_report.findings(results, dataset)
        report = scaling_report.report(found)
        if report is None:
            continue
        for section in report.tables if show else ():
            print_table(section)
        for path, text in files.texts(results, dataset, report).items():
            write_text(path, text)
            out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)
        for path in figures.draw(found, results):
            out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)
        if track:
            from benchmark.tracking import scaling as tracking_scaling

            tracking_scaling.show(results, dataset, notice)
