"""`claims`: what the records say of published claims."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.studies import show_report, write_documents
from benchmark.utils.paths import RESULTS


def claims(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where the files differ.")
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder of claims.toml and the records.")] = RESULTS,
) -> None:
    """Judge the claims of claims.toml from the records alone; writes claims.md and claims.json."""
    from benchmark.records.archive import Archive
    from benchmark.reports import document
    from benchmark.studies.claims import claims as study

    report = study.report(Archive(results))
    show_report(report, report.remarks[1:])
    documents = study.documents(report, results)
    if check:
        document.check(documents)
    else:
        write_documents(documents)
