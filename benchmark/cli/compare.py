"""`compare`: two recipes, or two records, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import RecordsFolder
from benchmark.terminal.console import out, print_table
from benchmark.utils.paths import RESULTS, shown

Subject = Annotated[
    str, typer.Argument(help="A recipe DATASET/NAME, a record's path, or a folder of records.")
]


def compare(
    a: Subject,
    b: Subject,
    results: RecordsFolder = RESULTS,
    figures: Annotated[
        Path | None, typer.Option(help="Folder of the figure; figures in the results folder.")
    ] = None,
) -> None:
    """Compare quality with intervals, rank stage by stage and cost, from records alone; writes a
    figure."""
    from benchmark.records.archive import Archive
    from benchmark.reports.compare import sides, tables
    from benchmark.reports.compare.figure import comparison
    from benchmark.reports.figures import style

    first, second = sides.pair(a, b, results)
    for line in sides.labels(first, second):
        out.print(line, highlight=False, markup=False)
    out.print()
    gaps = tables.gaps(first, second)
    for table in tables.report(first, second, gaps):
        print_table(table)
    name = "-".join(("compare", first.runs[0].dataset, sides.slug(first), sides.slug(second)))
    folder = figures or Archive(results).figures()
    for path in style.write(comparison(first, second, gaps), folder, name):
        out.print(f"figure: {shown(path)}", highlight=False, soft_wrap=True)
