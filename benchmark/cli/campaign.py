"""Run the cells whose records are missing or stale, and show how they get on."""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from benchmark.cli.options import Options
from benchmark.terminal.console import notice, print_table

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.records.archive import Runs
    from benchmark.studies.campaign.cells import Cell, PlannedCell

Timed = tuple["PlannedCell", float | None]
"""A planned cell and its expected seconds."""


def open_store(dataset: str, options: Options) -> "Store | None":
    """The data set's store, encoded now if need be, so that processes that run cells find it; None
    where a plan alone would have to make it."""
    from benchmark.data import catalog, inventory

    if options.dry_run and not inventory.store_folders(catalog.find_card(dataset).card):
        options.notify(f"{dataset} is not prepared: records are not compared with its data")
        return None
    root, notify = options.data_root, options.notify
    return catalog.open_data(dataset, data_root=root, notify=notify, fetch=False)[1]


def run_missing(
    cells: "Sequence[Cell]", stores: "Mapping[str, Store | None]", options: Options
) -> int:
    """Run the cells whose records are missing or stale, the longest first; return how many failed.

    `stores` are their data by card. Raises typer.Exit at a signal, with 128 and its number."""
    from loky import cpu_count

    from benchmark.records.archive import Archive
    from benchmark.reports.words import counted
    from benchmark.studies.campaign import estimate
    from benchmark.studies.campaign.cells import plan
    from benchmark.utils.files import require_writable

    todo: list[tuple[PlannedCell, Store | None]] = []
    for card, store in stores.items():
        own = [cell for cell in cells if cell.card == card]
        states = plan(own, options.results, None if store is None else store.fingerprint)
        todo += [(each, store) for each in states if each.state != "present"]
    present = len(cells) - len(todo)
    past = list(Archive(options.results).readable()) if todo else []
    seconds = [_seconds(each.cell, store, past) for each, store in todo]
    planned = [each for each, _ in todo]
    times = estimate.longest_first(list(zip(planned, seconds, strict=True)))
    jobs, threads = options.shares(cpu_count())
    if options.dry_run:
        _print_plan(times, present, jobs)
        return 0
    if not todo:
        options.notify(f"nothing to run: {counted(present, 'cell')} done before")
        return 0
    if present:
        options.notify(f"{counted(present, 'cell')} done before, {len(todo)} to run")
    require_writable(options.results)
    return _run(times, options, min(jobs, len(todo)), threads)


def _seconds(cell: "Cell", store: "Store | None", past: "Runs") -> float | None:
    """What a cell will take, by what past runs took; None where that is unknown."""
    from benchmark.studies.campaign import estimate

    if store is None:
        return None
    rows = cell.rows or store.fingerprint.rows["train"]
    return estimate.seconds(cell.recipe, store.schema, rows, past)


def _print_plan(todo: list[Timed], present: int, jobs: int) -> None:
    from benchmark.reports.document import Table
    from benchmark.reports.words import counted, duration
    from benchmark.studies.campaign.estimate import in_total

    title = f"{counted(present, 'cell')} done before, {len(todo)} to run"
    rows = tuple(
        (planned.cell.key, duration(seconds), f"{planned.state}: {planned.why}".rstrip(": "))
        for planned, seconds in todo
    )
    head, total = ("cell", "expected", "record"), in_total([seconds for _, seconds in todo], jobs)
    print_table(Table(title, head, rows, (total,)) if todo else Table(title))


def _run(todo: list[Timed], options: Options, jobs: int, threads: int) -> int:
    from benchmark import launch
    from benchmark.data.catalog import cache_folder
    from benchmark.reports.words import counted
    from benchmark.runs.session import Session
    from benchmark.studies.campaign.pool import Cluster, Local
    from benchmark.studies.campaign.suite import Pool, Worker, run_cells
    from benchmark.terminal.board import CellBoard
    from benchmark.utils.files import require_writable

    pool: Pool = Local(jobs, threads) if options.address is None else Cluster(options.address)
    going = cache_folder().resolve() / ".going" / uuid.uuid4().hex
    require_writable(going.parent)
    going.touch()
    stop = partial(going.unlink, missing_ok=True)
    session = Session(options.results.resolve(), track=options.track, quiet=True)
    worker = Worker(launch.run_job, session, options.root, threads, going, options.device)
    cells = [planned.cell for planned, _ in todo]
    times = {planned.cell.key: seconds for planned, seconds in todo}
    try:
        with CellBoard(times, quiet=options.quiet) as board:
            outcomes = run_cells(cells, worker, pool, board, stop)
    except KeyboardInterrupt as error:
        done = sum(outcome.state == "done" for outcome in board.ended)
        notice(f"interrupted: {counted(done, 'cell')} done; the same command goes on from there")
        raise typer.Exit(128 + getattr(error, "signum", 2)) from None
    finally:
        stop()
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    options.notify(f"{counted(len(outcomes) - len(failed), 'cell')} done, {len(failed)} failed")
    for outcome in failed:
        notice(f"FAILED {outcome.cell.key}: {outcome.error}")
    return len(failed)
