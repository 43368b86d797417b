"""The command line: parse, call one function, print.

Heavy packages are imported inside the commands that need them."""

from typing import Annotated

import typer

from benchmark.cli import (
    claims,
    compare,
    data,
    leaderboard,
    list,
    predict,
    rank,
    report,
    results,
    run,
    speed,
    studies,
    theory,
    track,
    tune,
    verify,
)
from benchmark.cli.options import Group

app = typer.Typer(
    cls=Group,
    name="benchmark",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its tables cut words off
)


def _version(requested: bool) -> None:
    if requested:
        from benchmark import __version__

        typer.echo(f"benchmark {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compare dense-scaling click-through-rate models, reproducibly, with rank diagnostics."""


app.command("run")(run.run)
app.command("predict")(predict.predict)
app.command("list")(list.list_)
app.add_typer(data.app, name="data")
app.add_typer(speed.app, name="speed")
app.command("rank")(rank.rank)
app.command("suite")(studies.suite)
app.add_typer(studies.app, name="study")
studies.add_alias(app, "ablate", "ablation")
studies.add_alias(app, "damping", "damping")
app.add_typer(studies.scale_app, name="scale")
app.command("tune")(tune.tune)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("significance")(leaderboard.significance)
app.command("report")(report.report)
app.add_typer(results.app, name="results")
app.command("claims")(claims.claims)
app.command("compare")(compare.compare)
app.command("verify")(verify.verify)
app.command("track")(track.track)
app.command("ui")(track.ui)
app.command("theory")(theory.theory)
