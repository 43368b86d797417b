"""`run`: one recipe, one or several seeds."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from benchmark.cli.console import notice, out
from benchmark.errors import UsageError
from benchmark.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.recipe import Recipe
    from benchmark.records.record import Record
    from benchmark.run import Job
    from benchmark.tracking import Tracker


MOST_SEEDS = 1000
MOST_THREADS = 1024


def run(
    model: Annotated[str | None, typer.Option(help="A model; its recipe for the data set, else its defaults.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set's id, or the path of your own TOML card.")] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe's id, DATASET/NAME.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 0, 0-4 or 0,2,5.")] = "0",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one setting, e.g. train.learning_rate=3e-4; makes the run ad hoc."),
    ] = None,
    rows: Annotated[int | None, typer.Option(min=2, help="Train on the first ROWS rows only; ad hoc.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Folder of the data files you have.")] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Threads; the number of cores by default.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder the records go to.")] = RESULTS,
    no_track: Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result table alone.")] = False,
) -> None:
    """Train, score the test split once, measure the representation, write the record."""
    numbers = parse_seeds(seeds)
    chosen, card_name = _recipe(model, dataset, recipe, set_ or [])

    from benchmark.cli.show import result_table
    from benchmark.data import catalog
    from benchmark.files import require_writable
    from benchmark.run import Job

    require_writable(results)
    records: list[Record] = []
    paths: list[Path] = []
    try:
        found, store = catalog.open_data(card_name, data_root=data_root, notify=_ignore if quiet else notice)
        for seed in numbers:
            job = Job(chosen, found.card, store, seed, threads=threads or _cores(), device=device, rows=rows)
            records.append(_execute(job, results, quiet=quiet, track=not no_track))
            paths.append(job.path(results))
    except KeyboardInterrupt:
        kept = "" if not records else f"; the records of {len(records)} finished seeds are kept"
        notice(f"interrupted: what was not finished leaves nothing behind{kept}")
        raise typer.Exit(130) from None
    finally:
        if records:
            out.print(result_table(records, out.width))
        for path in paths:
            out.print(f"record: {shown(path)}", highlight=False, soft_wrap=True)


def parse_seeds(text: str) -> list[int]:
    """`0`, `0-4` or `0,2,5` as sorted distinct numbers, at most 1,000 below 2^31. Raises UsageError."""
    seeds: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise UsageError(f"--seeds {text}: write 0, 0-4 or 0,2,5")
        if int(last or first) >= 2**31 or int(last or first) - int(first) >= MOST_SEEDS:
            raise UsageError(f"--seeds {text}: at most {MOST_SEEDS:,} seeds, each below 2^31")
        seeds.update(range(int(first), int(last or first) + 1))
    return sorted(seeds)


def _recipe(model: str | None, dataset: str | None, recipe: str | None, settings: list[str]) -> "tuple[Recipe, str]":
    """The recipe, and the name or path of its data set's card."""
    from benchmark import recipe as recipes
    from benchmark.data import catalog

    if recipe is not None and model is None:
        chosen = recipes.load(recipe)
        card_name = dataset or chosen.dataset
        card = catalog.find_card(card_name).card
        if card.id != chosen.dataset:
            raise UsageError(f"--recipe {recipe} is for the data set {chosen.dataset}, not {card.id}")
    elif model is not None and dataset is not None and recipe is None:
        card_name = dataset
        chosen = recipes.find(model, catalog.find_card(dataset).card.id)
    else:
        raise UsageError("give either --model and --dataset, or --recipe DATASET/NAME")
    return (recipes.override(chosen, settings) if settings else chosen), card_name


def _execute(job: "Job", results: Path, *, quiet: bool, track: bool) -> "Record":
    from benchmark.cli.progress import Bar, Lines
    from benchmark.run import Finished, save
    from benchmark.run import run as events

    show: Any = _ignore if quiet else Bar() if sys.stderr.isatty() else Lines()
    tracker = _tracker() if track else None
    path = job.path(results)
    finished: Finished | None = None
    try:
        for event in events(job):
            if isinstance(event, Finished):
                save(event, path)
                finished = event
            show(event)
            if tracker is not None:
                tracker(event, path)
    except BaseException as error:
        if tracker is not None:
            tracker.abort(killed=isinstance(error, KeyboardInterrupt))
        raise
    finally:
        if hasattr(show, "close"):
            show.close()
    assert finished is not None
    return finished.record


def _tracker() -> "Tracker":
    from benchmark.tracking import Tracker

    return Tracker(notice)


def _cores() -> int:
    import torch

    return int(torch.get_num_threads())


def _ignore(_: object) -> None:
    pass
