"""`leaderboard`, `significance`, `track` and `ui`: what is made of records."""

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import RecordsFolder, ResultsFolder, completed
from benchmark.terminal.console import notice, out, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.reports.leaderboard.boards import Board


@completed
def leaderboard(
    dataset: Annotated[str | None, typer.Option(help="Print this data set's tables alone.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where the files differ.")
    ] = False,
    results: RecordsFolder = RESULTS,
) -> None:
    """Write the leaderboard from the records alone: leaderboard.md, .csv and .json, and the
    README's tables."""
    from benchmark.errors import BenchmarkError
    from benchmark.registry import unknown
    from benchmark.reports import document
    from benchmark.reports.leaderboard import files as tables

    boards = tables.load_boards(results)
    shown_boards = [board for board in boards if dataset in (None, board.dataset)]
    if dataset is not None and not shown_boards:
        raise unknown("data set with records", dataset, [board.dataset for board in boards])
    contents = tables.texts(boards, results)
    if check:
        wrong = [shown(path) for path in document.differing(contents)]
        if wrong:
            say = "is not what the records give; run `python -m benchmark leaderboard`"
            raise BenchmarkError("\n".join(f"{path}: {say}" for path in wrong))
    else:
        document.write_texts(contents)
    for board in shown_boards:
        _print_board(board)
    verb = "are what the records give" if check else "written"
    out.print(
        f"{', '.join(shown(path) for path in contents)}: {verb}", highlight=False, markup=False
    )


def significance(
    tables: Annotated[int, typer.Option(min=100, help="Simulated tables of each design.")] = 20_000,
    draws: Annotated[
        int, typer.Option(min=10, help="Simulated pairs of recipes for the bootstrap.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Simulate the leaderboard's ranking rule: false findings and power; writes significance.md and
    .json."""
    from benchmark.studies.simulations import ranking
    from benchmark.utils.files import write_text

    report = ranking.report(tables, draws, seed)
    for line in report.remarks:
        out.print(line, highlight=False, markup=False)
    for section in report.tables:
        print_table(section)
    for path, text in ranking.files(report, results).items():
        write_text(path, text)
        out.print(shown(path), highlight=False, markup=False)


def track(
    sync: Annotated[
        bool, typer.Option("--sync", help="Send every record that MLflow lacks.")
    ] = False,
    results: ResultsFolder = RESULTS,
) -> None:
    """Say where MLflow keeps the runs, and send it the records and ladders it lacks."""
    from benchmark.errors import without_password
    from benchmark.tracking import runs, scaling, store

    out.print(f"MLflow store: {without_password(store.store_uri())}", highlight=False)
    if sync:
        found = runs.sync(results, notice)
        scaling.sync(results, notice)
        out.print(
            f"{found.sent} sent, {found.present} there already, {found.unreadable} unreadable",
            highlight=False,
        )
        if found.unreadable:
            raise typer.Exit(1)


def ui(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on the loopback address.")
    ] = 5000,
) -> None:
    """Open the MLflow UI on the project's store, on this machine only."""
    from benchmark.tracking import runs

    runs.ui(port, notice)


def _print_board(board: "Board") -> None:
    from benchmark.reports.document import Table
    from benchmark.reports.leaderboard import columns as cells

    for track in board.tracks:
        tables = list(cells.track_tables(board, track, cells.NARROW))
        for position, table in enumerate(tables):
            title = ", ".join(
                (
                    board.dataset,
                    cells.track_title(track).lower(),
                    *([table.title] if table.title else []),
                )
            )
            remarks = tuple(cells.track_remarks(track)) if position == len(tables) - 1 else ()
            print_table(Table(title, table.head, table.rows, remarks))
