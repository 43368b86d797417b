"""`speed`: measure this machine. No test times anything; these commands do."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.terminal.console import notice, print_table
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.speed.measurements import Figures
    from benchmark.speed.train import Setting

app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)
Repeats = Annotated[int, typer.Option(min=1, help="Interleaved repeats; medians are printed.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
Keep = Annotated[
    bool, typer.Option("--keep", help="Keep the figures, and their table, below RESULTS/speed.")
]
Recipes = Annotated[
    list[str] | None,
    typer.Option("--recipe", help="DATASET/NAME, once or more; three of criteo_x1 by default."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a setting of the recipes, e.g. model.num_blocks=4."),
]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Threads; the number of cores by default.")
]
Results = Annotated[Path, typer.Option(help="Folder of the results.")]


@app.command("data")
def data(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the csv files.")] = 1_200_000,
    folder: Annotated[
        Path | None, typer.Option(help="A folder with room for some 500 bytes a row.")
    ] = None,
    repeats: Repeats = 3,
    json_: Json = False,
    keep: Keep = False,
    results: Results = RESULTS,
) -> None:
    """Encode a csv of Criteo's shape and read its batches, beside a plain read_csv of it."""
    from benchmark.speed import data as speed

    _report([speed.measure(rows, folder, repeats, notice)], json_, keep, results)


@app.command("train")
def train(
    recipe: Recipes = None,
    set_: Settings = None,
    threads: Threads = None,
    repeats: Repeats = 5,
    json_: Json = False,
    keep: Keep = False,
    results: Results = RESULTS,
) -> None:
    """Time training steps by stage, beside the plain form and this machine's matrix-multiply
    rate."""
    from benchmark.speed import train as speed

    settings = _settings(recipe, set_, threads)
    figures = (speed.measure_training(each, repeats, notice) for each in settings)
    _report(figures, json_, keep, results)


@app.command("predict")
def predict(
    recipe: Recipes = None,
    set_: Settings = None,
    threads: Threads = None,
    repeats: Repeats = 5,
    json_: Json = False,
    keep: Keep = False,
    results: Results = RESULTS,
) -> None:
    """Time prediction, beside the plain form and this machine's matrix-multiply rate."""
    from benchmark.speed import train as speed

    settings = _settings(recipe, set_, threads)
    figures = (speed.measure_prediction(each, repeats, notice) for each in settings)
    _report(figures, json_, keep, results)


@app.command("metrics")
def metrics(
    rows: Annotated[int, typer.Option(min=1000, help="Predictions to score.")] = 5_000_000,
    repeats: Repeats = 3,
    json_: Json = False,
    keep: Keep = False,
    results: Results = RESULTS,
) -> None:
    """Time AUC and LogLoss beside scikit-learn's, and the spectra of 4096 matrices of 26 x 30."""
    from benchmark.speed import metrics as speed

    _report([speed.measure(rows, repeats, notice)], json_, keep, results)


def _settings(
    recipe_ids: list[str] | None, changes: list[str] | None, threads: int | None
) -> "list[Setting]":
    import torch

    from benchmark.speed.train import STANDARD, Setting

    threads = threads or torch.get_num_threads()
    settings = [Setting(one, tuple(changes or ()), threads) for one in recipe_ids or STANDARD]
    for setting in settings:
        setting.recipe()  # a wrong name or key is reported before anything is measured
    return settings


def _report(measured: "Iterable[Figures]", json_: bool, keep: bool, results: Path) -> None:
    """Print, and keep, each measurement as it ends; JSON is printed at the end, by subject if there
    are several."""
    from benchmark.speed import measurements

    values = {}
    for figures in measured:
        values[figures.subject] = figures.values
        if not json_:
            print_table(measurements.table([figures]))
        if keep:
            for path in measurements.keep(figures, results):
                notice(f"kept: {shown(path)}")
    if json_:
        print(json.dumps(values if len(values) > 1 else next(iter(values.values())), indent=1))
