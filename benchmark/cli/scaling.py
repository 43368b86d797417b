"""`scale`: do the fits of scaling laws hold?"""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.console import notice, out, print_section
from benchmark.paths import RESULTS, shown


def simulate(
    draws: Annotated[int, typer.Option(min=1, help="Simulated ladders for each case of the intervals.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    results: Annotated[Path, typer.Option(help="Folder in which scaling/simulation.* is written.")] = RESULTS,
) -> None:
    """Try the fits, their intervals and the test for a law on ladders whose law is known; about five minutes."""
    from benchmark.files import write_text
    from benchmark.studies import scaling_simulation, scaling_simulation_report

    report = scaling_simulation_report.report(scaling_simulation.simulate(draws, seed, notice))
    for section in report.sections:
        print_section(section)
    for remark in report.remarks[1:]:
        out.print(remark, highlight=False, markup=False)
    for path, text in scaling_simulation_report.files(report, results).items():
        write_text(path, text)
        out.print(f"written: {shown(path)}", highlight=False)
