"""`run`: one recipe, one or several seeds."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import launch
from benchmark.cli.options import MOST_THREADS, completed, parse_seeds
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, out
from benchmark.utils.paths import RESULTS, shown
from benchmark.utils.types import Device

if TYPE_CHECKING:
    from benchmark.records.record import Record


@completed
def run(
    model: Annotated[
        str | None, typer.Option(help="A model; its recipe for the data set, else its defaults.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A data set's id, or the path of your own TOML card.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe: DATASET/NAME, or your own file DATASET/NAME.toml.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 0, 0-4 or 0,2,5.")] = "0",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change one setting, e.g. train.learning_rate=3e-4; makes the run ad hoc."
        ),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=2, help="Train on the first ROWS rows only; ad hoc.")
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the data files you have.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = "cpu",
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="Threads; the number of cores by default."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder the records go to.")] = RESULTS,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(help="Most minutes between two checkpoints, from which a killed run goes on."),
    ] = 5.0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again, whatever checkpoint there is.")
    ] = False,
    save_model: Annotated[
        Path | None, typer.Option(help="Folder for the best weights, with schema and recipe.")
    ] = None,
    no_track: Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result table alone.")] = False,
) -> None:
    """Train, score the test split once, measure the representation, write the record."""
    numbers = parse_seeds(seeds)
    if checkpoint_minutes <= 0:
        raise UsageError(f"--checkpoint-minutes {checkpoint_minutes:g}: it must be above 0")

    from benchmark.terminal.tables import result_table
    from benchmark.training.checkpoint import Cadence

    records: list[Record] = []
    paths: list[Path] = []
    try:
        job = launch.prepare(
            recipe,
            model=model,
            dataset=dataset,
            settings=set_ or [],
            seed=numbers[0],
            rows=rows,
            data_root=data_root,
            device=device,
            threads=threads,
            quiet=quiet,
        )
        for seed in numbers:
            job = replace(job, seed=seed)
            found = launch.perform(
                job,
                results,
                track=not no_track,
                quiet=quiet,
                fresh=fresh,
                cadence=Cadence(minutes=checkpoint_minutes),
                save_model=save_model,
            )
            records.append(found)
            paths.append(job.path(results))
    except KeyboardInterrupt as error:
        notice(_left(error, len(records)))
        raise typer.Exit(128 + getattr(error, "signum", signal.SIGINT)) from None
    finally:
        if records:
            out.print(result_table(records, out.width))
        for path in paths:
            out.print(f"record: {shown(path)}", highlight=False, soft_wrap=True)


def _left(error: KeyboardInterrupt, finished: int) -> str:
    """What an interrupted run left."""
    step = getattr(error, "step", None)
    left = (
        "nothing is kept of it"
        if step is None
        else f"the same command goes on at step {step}, --fresh starts again"
    )
    return f"interrupted: {left}" + (
        f"; the records of {finished} finished seeds are kept" if finished else ""
    )
