"""`claims`: what the records say of published claims."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.terminal.console import out, print_table
from benchmark.utils.paths import RESULTS, shown


def claims(
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit code 1 where the files are not up to date."
        ),
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder of claims.toml and the records.")] = RESULTS,
) -> None:
    """Judge the claims of claims.toml from the records alone; writes claims.md and claims.json."""
    from benchmark.reports import document
    from benchmark.studies.claims import claims as study

    report = study.report(results)
    for section in report.tables:
        print_table(section)
    for remark in report.remarks[1:]:
        out.print(remark, highlight=False, markup=False)
    documents = report.documents(results / "claims", study.COMMAND)
    if check:
        document.check(documents)
        return
    document.write(documents)
    for each in documents:
        out.print(f"written: {shown(each.path)}", highlight=False)
