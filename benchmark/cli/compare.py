"""`compare`: two recipes, or two records, side by side."""

from typing import Annotated

import typer

from benchmark.cli.options import RecordsFolder
from benchmark.terminal.console import out, print_table
from benchmark.utils.paths import RESULTS

Subject = Annotated[
    str, typer.Argument(help="A recipe DATASET/NAME, a record's path, or a folder of records.")
]


def compare(a: Subject, b: Subject, results: RecordsFolder = RESULTS) -> None:
    """Compare quality with intervals, rank stage by stage and cost, from records alone."""
    from benchmark.reports.compare import sides, tables

    first, second = sides.pair(a, b, results)
    for line in sides.labels(first, second):
        out.print(line, highlight=False, markup=False)
    out.print()
    for table in tables.report(first, second):
        print_table(table)
