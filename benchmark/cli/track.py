"""`track` and `ui`: the records in MLflow."""

from typing import Annotated

import typer

from benchmark.cli.options import ResultsFolder
from benchmark.terminal.console import notice, say
from benchmark.utils.paths import RESULTS


def track(
    sync: Annotated[
        bool, typer.Option("--sync", help="Send every record that MLflow lacks.")
    ] = False,
    results: ResultsFolder = RESULTS,
) -> None:
    """Say where MLflow keeps the runs, and send it the records and ladders it lacks."""
    from benchmark.errors import without_password
    from benchmark.tracking import runs, store, studies

    say(f"MLflow store: {without_password(store.store_uri())}")
    if sync:
        synced = runs.sync(results, notice)
        studies.sync_ladders(results, notice)
        counts = f"{synced.sent} sent, {synced.present} there already"
        say(f"{counts}, {synced.unreadable} unreadable")
        if synced.unreadable:
            raise typer.Exit(1)


def ui(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on the loopback address.")
    ] = 5000,
) -> None:
    """Open the MLflow UI on the project's store, on this machine only."""
    from benchmark.tracking import runs

    runs.ui(port, notice)
