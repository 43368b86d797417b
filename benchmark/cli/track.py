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
    from benchmark.tracking import store, studies
    from benchmark.tracking import sync as records

    say(f"MLflow store: {store.shown_uri()}")
    if sync:
        synced = records.sync(results, notice)
        ladders = studies.sync_ladders(results, notice)
        say(f"{synced.sent} sent, {synced.present} there already, {synced.failed} not sent")
        if synced.failed or ladders:
            raise typer.Exit(1)


def ui(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on the loopback address.")
    ] = 5000,
) -> None:
    """Open the MLflow UI on the project's store, on this machine only."""
    from benchmark.tracking import runs

    runs.ui(port, notice)
