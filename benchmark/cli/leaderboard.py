"""`leaderboard` and `significance`: the ranked tables, and how often they err."""

from typing import Annotated

import typer

from benchmark.cli.options import RecordsFolder, ResultsFolder, completed
from benchmark.cli.studies import show_report, write_documents
from benchmark.terminal.console import print_table, say
from benchmark.utils.paths import RESULTS, shown


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
    from benchmark.records.archive import Archive
    from benchmark.registry import unknown
    from benchmark.reports import document
    from benchmark.reports.leaderboard import boards as leaderboards
    from benchmark.reports.leaderboard import text

    archive = Archive(results)
    boards = leaderboards.load(archive)
    printed = [board for board in boards if dataset in (None, board.dataset)]
    if dataset is not None and not printed:
        raise unknown("data set with records", dataset, [board.dataset for board in boards])
    documents = text.documents_of(boards, archive)
    handle = document.check if check else document.write
    handle(documents)
    for board in printed:
        for table in text.terminal(board):
            print_table(table)
    verb = "are what the records give" if check else "written"
    paths = ", ".join(shown(each.path) for each in documents)
    say(f"{paths}: {verb}")


def significance(
    tables: Annotated[int, typer.Option(min=100, help="Simulated tables of each design.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Simulate the leaderboard's ranks and intervals: their errors and power; writes
    significance.md and .json."""
    from benchmark.studies.simulations import ranking

    report = ranking.report(list(ranking.outcomes(tables, seed)), seed)
    show_report(report, report.remarks)
    write_documents(ranking.documents(report, results))
