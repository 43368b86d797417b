"""`theory`: the papers' statements about rank on random matrices."""

from typing import Annotated

import typer

from benchmark.terminal.console import print_table


def theory(
    draws: Annotated[
        int, typer.Option(min=1, help="Random matrices for each statement and input rank.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Try the papers' statements about rank on random matrices."""
    from benchmark.studies.theory import table

    print_table(table(draws, seed))
