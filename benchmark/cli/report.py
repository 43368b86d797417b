"""`report`: the page of all results."""

from contextlib import suppress
from typing import Annotated

import typer

from benchmark.cli.options import RecordsFolder
from benchmark.errors import BenchmarkError, UsageError
from benchmark.terminal.console import say
from benchmark.utils.paths import RESULTS, shown


def report(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where the page differs.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser, on this machine only.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on the loopback address.")
    ] = 8000,
    results: RecordsFolder = RESULTS,
) -> None:
    """Write report/index.html among the results, from records alone: boards, plots, claims and
    studies in one file that opens without a server."""
    from benchmark import page
    from benchmark.records.archive import Archive
    from benchmark.reported import Reports
    from benchmark.reports import document
    from benchmark.reports.page.serve import LOOPBACK, server
    from benchmark.verify import ladder

    if check and serve:
        raise UsageError("give either --check, which writes nothing, or --serve")
    archive = Archive(results)
    refused = ladder.refused(archive)
    made = page.document(Reports(archive, refused))
    if check and refused:
        raise BenchmarkError("\n".join(each.line for each in refused))
    if check:
        document.check([made])
        say(f"{shown(made.path)}: is what the records give")
        return
    made.write()
    for row in refused:
        say(row.line)
    size = len((made.text or "").encode()) / 1e6
    say(f"{shown(made.path)}: written, {size:.1f} MB")
    if serve:
        with server(results, port) as running, suppress(KeyboardInterrupt):
            say(f"http://{LOOPBACK}:{port}/report/  (Ctrl-C ends it)")
            running.serve_forever()
