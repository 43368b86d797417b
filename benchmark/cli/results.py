"""`leaderboard`, `verify`, `track` and `ui`: what is made of records."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.console import notice, out
from benchmark.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.records.verify import Data, OpenData

ResultsFolder = Annotated[Path, typer.Option(help="Folder of the records.")]


def leaderboard(results: ResultsFolder = RESULTS) -> None:
    """Write leaderboard.md and leaderboard.csv from the records alone."""
    from benchmark.records import leaderboard as tables
    from benchmark.records import record

    records = [record.load(path) for path in record.record_files(results)]
    for path in tables.write(records, results):
        out.print(f"{shown(path)}: from {len(records)} records", highlight=False)


def verify(
    results: ResultsFolder = RESULTS,
    data_root: Annotated[Path | None, typer.Option(help="Folder of the data files you have.")] = None,
) -> None:
    """Derive again what the records state; exit code 1 where something differs."""
    from benchmark.records import verify as ladder
    from benchmark.records.record import record_files

    failed = 0
    for finding in ladder.verify(results, _opener(data_root)):
        failed += finding.failed
        mark = "FAILED" if finding.failed else "not checked"
        out.print(f"{mark} {shown(finding.path)} [{finding.rung}]: {finding.message}", markup=False, highlight=False)
    out.print(f"derived again: {ladder.DERIVED}\nonly reported: {ladder.REPORTED}", highlight=False)
    verdict = f"{failed} checks failed" if failed else "all checks passed"
    out.print(f"{len(record_files(results))} records: {verdict}", highlight=False)
    if failed:
        raise typer.Exit(1)


def track(
    sync: Annotated[bool, typer.Option("--sync", help="Send every record that MLflow lacks.")] = False,
    results: ResultsFolder = RESULTS,
) -> None:
    """Say where MLflow keeps the runs, and send it the records it lacks."""
    from benchmark import mlflow_store, tracking

    out.print(f"MLflow store: {mlflow_store.without_password(mlflow_store.store_uri())}", highlight=False)
    if sync:
        found = tracking.sync(results, notice)
        out.print(f"{found.sent} sent, {found.present} there already, {found.unreadable} unreadable", highlight=False)
        if found.unreadable:
            raise typer.Exit(1)


def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on the loopback address.")] = 5000) -> None:
    """Open the MLflow UI on the project's store, on this machine only."""
    from benchmark import tracking

    tracking.ui(port, notice)


def _opener(data_root: Path | None) -> "OpenData":
    """Opens each data set once, every array hashed again; what has no files here can still be checked in part."""
    import functools

    from benchmark.data import catalog, inventory
    from benchmark.errors import BenchmarkError, MissingData
    from benchmark.records.verify import Data

    @functools.cache
    def open_data(name: str) -> "Data":
        if name not in catalog.card_names():
            return Data(None, None, f"{name} is no built-in data set, so its card and rows are not at hand")
        card = catalog.find_card(name).card
        try:
            _, store = catalog.open_data(name, data_root=data_root, notify=notice, fetch=False)
        except MissingData as error:
            return Data(card, None, str(error))
        if faults := list(inventory.check(card, store.folder)):
            raise BenchmarkError("\n".join(faults))
        return Data(card, store.fingerprint)

    return open_data
