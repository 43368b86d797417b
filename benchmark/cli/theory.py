"""`theory`: the papers' statements about rank on random matrices, and in trained networks."""

from typing import Annotated

import typer

from benchmark.cli.options import ResultsFolder
from benchmark.terminal.console import print_table
from benchmark.utils.paths import RESULTS


def theory(
    draws: Annotated[
        int, typer.Option(min=1, help="Random matrices for each statement and input rank.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Try the papers' statements about rank on random matrices, and show trained networks."""
    from benchmark.records.archive import Archive
    from benchmark.reports.document import Table
    from benchmark.studies import theory as study

    rows = []
    for (statement, rank), outcome in study.run(draws, seed).items():
        means = ", ".join(f"{name} {value:.3g}" for name, value in outcome.means.items())
        rows.append((statement, str(rank), f"{outcome.holds:.1%}", means))
    remarks = [f"{each.name}: {each.claim}\n  assumes: {each.assumes}" for each in study.STATEMENTS]
    head = ("statement", "input rank", "holds in", "means over the draws")
    print_table(Table("On random matrices", head, tuple(rows), tuple(remarks)))
    measured = []
    for step in study.trained(Archive(results).ranked()):
        subject = step.dataset, step.recipe, str(step.seed), step.stage
        measured.append((*subject, f"{step.initial:.3f}", f"{step.best:.3f}"))
    if measured:
        columns = ("data set", "recipe", "seed", "stage", "srank ratio untrained", "trained")
        title = "In trained networks nothing of this is proven; measured there"
        print_table(Table(title, columns, tuple(measured)))
