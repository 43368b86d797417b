"""Runs many cells: those whose records are missing or stale."""

import sys
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from benchmark.cli.options import Options
from benchmark.terminal.console import notice, out

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.studies.campaign.cells import Cell, Planned
    from benchmark.studies.campaign.suite import Pool

Timed = tuple["Planned", float | None]


def carry_out(cells: "Sequence[Cell]", stores: "Mapping[str, Store]", options: Options) -> int:
    """Runs what is to be run of the cells, whose data are open in `stores`, by their card: how many
    failed.

    Raises typer.Exit at a signal, with 128 and its number."""
    from benchmark.utils.files import require_writable

    todo, present = _todo(cells, stores, options.results)
    if options.dry_run:
        _print_plan(todo, present, options)
    elif not todo:
        _say(f"all {present} cells done before", options)
    else:
        require_writable(options.results)
        if present:
            _say(f"{present} cells done before, {len(todo)} to run", options)
        return _run(todo, options)
    return 0


def _todo(
    cells: "Sequence[Cell]", stores: "Mapping[str, Store]", results: Path
) -> tuple[list[Timed], int]:
    """What is to be run, longest first, and how many records are there."""
    from benchmark.studies.campaign import estimate
    from benchmark.studies.campaign.cells import plan

    planned = [
        each
        for card, store in stores.items()
        for each in plan([cell for cell in cells if cell.card == card], results, store.fingerprint)
    ]
    todo = [each for each in planned if each.state != "present"]
    past = estimate.history(results) if todo else []

    def seconds(cell: "Cell") -> float | None:
        store = stores[cell.card]
        return estimate.seconds(
            cell.recipe, store.schema, cell.rows or store.fingerprint.rows["train"], past
        )

    timed = [(each, seconds(each.cell)) for each in todo]
    return estimate.longest_first(timed), len(planned) - len(todo)


def _print_plan(todo: list[Timed], present: int, options: Options) -> None:
    from rich.table import Table

    from benchmark.reports.document import words
    from benchmark.studies.campaign.estimate import in_total

    out.print(f"{present} cells done before, {len(todo)} to run", highlight=False)
    if not todo:
        return
    table = Table("cell", "expected", "record", box=None)
    for planned, seconds in todo:
        table.add_row(
            planned.cell.key, words(seconds), f"{planned.state}: {planned.why}".rstrip(": ")
        )
    out.print(table)
    out.print(in_total([seconds for _, seconds in todo], options.jobs), highlight=False)


def _run(todo: list[Timed], options: Options) -> int:
    from benchmark import launch
    from benchmark.data.catalog import cache_folder
    from benchmark.studies.campaign.pool import cores
    from benchmark.studies.campaign.suite import run_cells
    from benchmark.studies.campaign.worker import Worker
    from benchmark.terminal.board import CellBoard, CellLines, LiveTable
    from benchmark.utils.files import require_writable

    threads = options.threads or (
        max(1, cores() // options.jobs) if options.backend == "loky" else 1
    )
    pool = _pool(options, threads)
    going = cache_folder().resolve() / ".going" / uuid.uuid4().hex
    require_writable(going.parent)
    going.touch()
    perform = partial(launch.perform, track=options.track, quiet=True)
    root = options.data_root and options.data_root.expanduser().resolve()
    worker = Worker(perform, options.results.resolve(), root, threads, going, options.device)
    board = CellBoard({planned.cell.key: seconds for planned, seconds in todo})
    show: Any = (
        board.count
        if options.quiet
        else LiveTable(board)
        if sys.stderr.isatty()
        else CellLines(board)
    )
    try:
        outcomes = run_cells(
            [planned.cell for planned, _ in todo],
            worker,
            pool,
            show,
            partial(going.unlink, missing_ok=True),
        )
    except KeyboardInterrupt as error:
        done = sum(outcome.state == "done" for outcome in board.ended)
        notice(f"interrupted: {done} cells done; the same command goes on from there")
        raise typer.Exit(128 + getattr(error, "signum", 2)) from None
    finally:
        if hasattr(show, "close"):
            show.close()
        going.unlink(missing_ok=True)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    _say(f"{len(outcomes) - len(failed)} cells done, {len(failed)} failed", options)
    for outcome in failed:
        notice(f"FAILED {outcome.cell.key}: {outcome.error}")
    return len(failed)


def _pool(options: Options, threads: int) -> "Pool":
    from benchmark.studies.campaign.pool import Cluster, Local

    return Local(options.jobs, threads) if options.address is None else Cluster(options.address)


def _say(message: str, options: Options) -> None:
    if not options.quiet:
        notice(message)


def open_store(dataset: str, options: Options) -> "Store":
    """Encoded now if it was not before: the processes that run cells find it made."""
    from benchmark.data import catalog

    return catalog.open_data(
        dataset,
        data_root=options.data_root,
        notify=_ignore if options.quiet else notice,
        fetch=False,
    )[1]


def _ignore(_: object) -> None:
    pass
