"""`run`: one recipe, one or several seeds."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmark import launch
from benchmark.cli.options import RunOptions, parse_seeds, with_options
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, out, say
from benchmark.utils.paths import shown


@with_options(RunOptions)
def run(
    model: Annotated[
        str | None,
        typer.Option(help="A model: its recipe for the data set, or else its defaults."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set's id, or the path of your own TOML card.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe: DATASET/NAME, or your own file DATASET/NAME.toml.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Write what is run as the recipe DATASET/NAME, and rank it.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 0, 0-4 or 0,2,5.")] = "0",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting, as in train.epochs=3; makes the run ad hoc."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=2, help="Train on the first ROWS rows only; ad hoc.")
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Most minutes between two checkpoints of a run.")
    ] = 5.0,
    again: Annotated[
        bool,
        typer.Option("--again", help="Run what is there too; keep it apart and compare."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again, ignoring checkpoints.")
    ] = False,
    save_model: Annotated[
        Path | None, typer.Option(help="Folder for the best weights, with schema and recipe.")
    ] = None,
    *,
    options: RunOptions,
) -> None:
    """Train, score the test split once, measure the representation, write the record. A run whose
    record is there is not made, unless --again or --save-model asks for it."""
    numbers = parse_seeds(seeds)
    if checkpoint_minutes <= 0:
        raise UsageError(f"--checkpoint-minutes {checkpoint_minutes:g}: it must be above 0")

    from benchmark.distributed import world
    from benchmark.runs.session import Session
    from benchmark.terminal.run import result_table
    from benchmark.training.checkpoint import Cadence

    cadence = Cadence(minutes=checkpoint_minutes)
    session = Session(options.results, options.track, options.quiet, fresh, cadence, save_model)
    outcomes: list[launch.Outcome] = []
    try:
        job = launch.prepare(
            recipe, model, dataset, set_ or [], options.data_root, name=name, quiet=options.quiet
        )
        threads, device = options.threads or job.threads, options.device
        job = replace(job, rows=rows, device=device, threads=threads, world=world.join(device))
        jobs = [replace(job, seed=seed) for seed in numbers]
        if job.world.is_first:
            for each in jobs:
                session.require_model_folder(each)
        for job in jobs:
            outcomes.append(launch.run_missing(job, session, again=again))
        world.disconnect()
    except KeyboardInterrupt as error:
        finished = sum(outcome.is_new for outcome in outcomes)
        notice(_interruption(getattr(error, "step", None), finished))
        raise typer.Exit(128 + getattr(error, "signum", signal.SIGINT)) from None
    finally:
        made = [outcome for outcome in outcomes if outcome.is_new]
        if made:
            out.print(result_table([outcome.record for outcome in made], out.width))
        for remark in filter(None, (outcome.remark for outcome in outcomes)):
            say(remark)
        for outcome in made:
            say(f"record: {shown(outcome.path)}")


def _interruption(step: int | None, finished: int) -> str:
    from benchmark.reports.words import counted

    message = "interrupted: nothing is kept of this run"
    if step is not None:
        message = f"interrupted: the same command goes on at step {step}, --fresh starts again"
    return f"{message}; kept: {counted(finished, 'record')}" if finished else message
