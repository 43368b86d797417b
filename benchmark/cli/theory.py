"""`theory`: the papers' statements about rank on random matrices."""

from typing import Annotated

import typer

from benchmark.cli.studies import write_documents
from benchmark.terminal.console import print_table
from benchmark.utils.paths import RESULTS


def theory(
    draws: Annotated[
        int, typer.Option(min=1, help="Random matrices for each statement and input rank.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Write it to results/theory.md.")] = False,
) -> None:
    """Try the papers' statements about rank on random matrices."""
    from benchmark.studies import theory as statements

    report = statements.report(draws, seed)
    for table in report.tables:
        print_table(table)
    if write:
        write_documents(report.documents(RESULTS / "theory", statements.COMMAND))
