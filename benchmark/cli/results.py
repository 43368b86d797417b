"""`results`: all records as one table, and the manifest of a results folder."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark.cli.options import Group, RecordsFolder, ResultsFolder
from benchmark.errors import UsageError
from benchmark.terminal.console import say
from benchmark.utils.paths import RESULTS, shown

app = typer.Typer(cls=Group, no_args_is_help=True)
FILES = {"parquet": "records.parquet", "csv": "records.csv", "datasets": "records-dataset"}


@app.callback()
def results() -> None:
    """All records as one table, for notebooks and other tools; the manifest of files."""


@app.command("export")
def export(
    to: Annotated[
        Literal["parquet", "csv", "datasets"],
        typer.Option(help="A file, or a folder that datasets.load_from_disk opens."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="records.parquet, records.csv or the folder records-dataset, here."),
    ] = None,
    results: ResultsFolder = RESULTS,
) -> None:
    """Write every record, a row each, as one table; docs/results.md lists its columns."""
    from benchmark.reports.tidy.frame import export as write
    from benchmark.reports.tidy.frame import frame

    table = frame(results)
    if table.is_empty():
        raise UsageError(f"{shown(results)}: there is no record; `run` makes one")
    path = out or Path(FILES[to])
    write(table, to, path)
    say(f"written: {path}, rows: {table.height}, columns: {table.width}")


@app.command("manifest")
def list_files(results: RecordsFolder = RESULTS) -> None:
    """List figures, simulations, measurements and tuning studies as they are, for `verify`."""
    from benchmark.records import manifest

    changed = manifest.keep_all(results)
    say(f"{shown(results / manifest.FILE)}: {len(changed)} changed")
    for name in changed:
        say(f"  {name}")
