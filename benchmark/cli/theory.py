"""`theory`: the papers' statements about rank on random matrices, and the same quantities in
trained networks."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmark.terminal.console import out
from benchmark.utils.paths import RESULTS


def theory(
    draws: Annotated[
        int, typer.Option(min=1, help="Random matrices for each statement and input rank.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    results: Annotated[Path, typer.Option(help="Folder of the records.")] = RESULTS,
) -> None:
    """Try the papers' statements about rank on random matrices; then what records tell of trained
    networks."""
    from benchmark.records.archive import Archive
    from benchmark.studies import theory as checks

    table = Table("statement", "input rank", "holds in", "means over the draws", box=None)
    for row in checks.run(draws, seed):
        means = ", ".join(f"{name} {value:.3g}" for name, value in row.outcome.means.items())
        table.add_row(row.statement.name, str(row.input_rank), f"{row.outcome.holds:.1%}", means)
    out.print(table)
    for statement in checks.STATEMENTS:
        out.print(
            f"{statement.name}: {statement.claim}\n  assumes: {statement.assumes}",
            markup=False,
            highlight=False,
        )
    steps = checks.trained(Archive(results).ranked())
    if not steps:
        return
    out.print("\nIn trained networks nothing of this is proven; measured there:")
    measured = Table(
        "data set", "recipe", "seed", "stage", "srank ratio untrained", "trained", box=None
    )
    for step in steps:
        ratios = (f"{step.initial:.3f}", f"{step.best:.3f}")
        measured.add_row(step.dataset, step.recipe, str(step.seed), step.stage, *ratios)
    out.print(measured)
