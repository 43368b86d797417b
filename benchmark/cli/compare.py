"""`compare`: two recipes, or two records, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.console import out, print_section
from benchmark.cli.results import RecordsFolder
from benchmark.paths import RESULTS, shown

Subject = Annotated[str, typer.Argument(help="A recipe DATASET/NAME, a record's path, or a folder of records.")]


def compare(
    a: Subject,
    b: Subject,
    results: RecordsFolder = RESULTS,
    figures: Annotated[Path | None, typer.Option(help="Folder of the figure; figures in the results folder.")] = None,
) -> None:
    """Compare quality with intervals, rank stage by stage and cost, from records alone; writes a figure."""
    from benchmark.records import plot
    from benchmark.studies import compare as study
    from benchmark.studies import sides
    from benchmark.studies.compare_figure import comparison

    first, second = sides.pair(a, b, results)
    for line in sides.labels(first, second):
        out.print(line, highlight=False, markup=False)
    out.print()
    for section in study.report(first, second):
        print_section(section)
    name = "-".join(("compare", first.runs[0].dataset, sides.slug(first), sides.slug(second)))
    for path in plot.write(comparison(first, second), figures or results / "figures", name):
        out.print(f"figure: {shown(path)}", highlight=False, soft_wrap=True)
