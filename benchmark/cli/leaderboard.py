"""`leaderboard` and `significance`: the ranked tables, and how often they err."""

from typing import Annotated

import typer

from benchmark.cli.options import RecordsFolder, ResultsFolder, completed
from benchmark.cli.studies import show_report, write_documents
from benchmark.terminal.console import print_table, say
from benchmark.utils.paths import RESULTS, shown


@completed
def leaderboard(
    dataset: Annotated[
        str | None, typer.Option(help="Print this data set's tables, and write nothing.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 where the files differ.")
    ] = False,
    results: RecordsFolder = RESULTS,
) -> None:
    """Write the leaderboard from the records alone: leaderboard.md, .csv and .json among them, and
    the README's table beside the project's own results."""
    from benchmark.errors import BenchmarkError
    from benchmark.records.archive import Archive
    from benchmark.registry import unknown
    from benchmark.reports import document
    from benchmark.reports.leaderboard import boards as leaderboards
    from benchmark.reports.leaderboard import text
    from benchmark.verify import ladder

    archive = Archive(results)
    refused = ladder.refused(archive)
    boards = leaderboards.load(archive, refused)
    names = sorted({each.dataset for each in boards} | {each.dataset for each in refused})
    if dataset is not None and dataset not in names:
        raise unknown("data set with records", dataset, names)
    documents = text.documents(boards, archive, refused)
    if check and refused:
        raise BenchmarkError("\n".join(each.line for each in refused))
    if check:
        document.check(documents)
    elif dataset is None:
        document.write(documents)
    chosen = names if dataset is None else [dataset]
    for board in (each for each in boards if each.dataset in chosen):
        for table in text.terminal(board):
            print_table(table)
    for row in (each for each in refused if each.dataset in chosen):
        say(row.line)
    if check or dataset is None:
        paths = ", ".join(shown(each.path) for each in documents)
        say(f"{paths}: {'are what the records give' if check else 'written'}")


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
