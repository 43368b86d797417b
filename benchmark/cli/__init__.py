"""The command line: parse, call one function, print. Heavy packages are imported inside the commands that need them."""

import typer

from benchmark.cli import data, listing, results, running

app = typer.Typer(
    name="benchmark",
    help="A reproducible benchmark of dense-scaling click-through-rate models, with rank diagnostics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(running.run)
app.command("list")(listing.list_)
app.add_typer(data.app, name="data")
app.command("leaderboard")(results.leaderboard)
app.command("verify")(results.verify)
app.command("track")(results.track)
app.command("ui")(results.ui)
