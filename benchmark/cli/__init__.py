"""The command line: parse, call one function, print. Heavy packages are imported inside the commands that need them."""

import typer

from benchmark.cli import data, listing, predicting, rank, results, running, speed, studies, theory

app = typer.Typer(
    name="benchmark",
    help="A reproducible benchmark of dense-scaling click-through-rate models, with rank diagnostics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(running.run)
app.command("predict")(predicting.predict)
app.command("list")(listing.list_)
app.add_typer(data.app, name="data")
app.add_typer(speed.app, name="speed")
app.command("rank")(rank.rank)
app.command("suite")(studies.suite)
app.command("ablate")(studies.ablate)
app.command("damping")(studies.damping)
app.command("leaderboard")(results.leaderboard)
app.command("verify")(results.verify)
app.command("track")(results.track)
app.command("ui")(results.ui)
app.command("theory")(theory.theory)
