"""`claims`: what records say of published claims."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.terminal.console import out, print_table
from benchmark.utils.paths import RESULTS, shown


def claims(
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; exit code 1 where the files are not what the records give.",
        ),
    ] = False,
    results: Annotated[Path, typer.Option(help="Folder of claims.toml and the records.")] = RESULTS,
) -> None:
    """Judge the claims of claims.toml from the records alone; writes claims.md and claims.json."""
    from benchmark.errors import BenchmarkError
    from benchmark.reports.document import differing, write_texts
    from benchmark.studies.claims import claims as study

    report = study.report(results)
    for section in report.tables:
        print_table(section)
    for remark in report.remarks[1:]:
        out.print(remark, highlight=False, markup=False)
    contents = study.texts(report, results)
    if not check:
        write_texts(contents)
        for path in contents:
            out.print(f"written: {shown(path)}", highlight=False)
    elif unlike := [shown(path) for path in differing(contents)]:
        raise BenchmarkError(
            f"{', '.join(unlike)}: not what the records give; run `python -m benchmark claims` and"
            " commit"
        )
