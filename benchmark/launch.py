"""`run`: from words a person gives to a record; the command line and Python both come through here.

Heavy packages are imported inside, so that `from benchmark import run` costs nothing before it is
called.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UsageError
from benchmark.utils.paths import RESULTS
from benchmark.utils.types import Device

if TYPE_CHECKING:
    from benchmark.recipes.recipe import Recipe
    from benchmark.records.record import Record
    from benchmark.runs.run import Job, RunEvent
    from benchmark.training.checkpoint import Cadence

MOST_SEED = 2**31


def run(
    recipe: str | None = None,
    *,
    model: str | None = None,
    dataset: str | None = None,
    seed: int = 0,
    set: Mapping[str, Any] | None = None,
    rows: int | None = None,
    data_root: str | Path | None = None,
    device: Device = "cpu",
    threads: int | None = None,
    results: str | Path = RESULTS,
    track: bool = True,
    quiet: bool = False,
    fresh: bool = False,
    cadence: "Cadence | None" = None,
    save_model: str | Path | None = None,
    watch: "Callable[[RunEvent], None] | None" = None,
) -> "Record":
    """Trains, scores the test split once, measures the representation, writes the record; as
    `python -m benchmark run`.

    Give either `recipe`, a "DATASET/NAME" or the path of your own DATASET/NAME.toml, or `model` and
    `dataset`. `set` changes settings by their dotted names, e.g. {"train.learning_rate": 3e-4}, and
    `rows` trains on the first rows only; both make the run ad hoc. `cadence` is when checkpoints
    are written, `watch` is shown every event. Raises UsageError for misuse, BenchmarkError where
    the run fails, and KeyboardInterrupt at Ctrl-C, after which the same call goes on where it was.
    """
    settings = [_assignment(key, value) for key, value in (set or {}).items()]
    job = prepare(
        recipe,
        model=model,
        dataset=dataset,
        settings=settings,
        seed=seed,
        rows=rows,
        data_root=None if data_root is None else Path(data_root),
        device=device,
        threads=threads,
        quiet=quiet,
    )
    return perform(
        job,
        Path(results),
        track=track,
        quiet=quiet,
        fresh=fresh,
        cadence=cadence,
        save_model=None if save_model is None else Path(save_model),
        watch=watch,
    )


def prepare(
    recipe: str | None,
    *,
    model: str | None,
    dataset: str | None,
    settings: Sequence[str],
    seed: int,
    rows: int | None,
    data_root: Path | None,
    device: Device,
    threads: int | None,
    quiet: bool,
) -> "Job":
    """The job these words ask for, its data encoded. Raises UsageError, MissingData,
    BenchmarkError."""
    if not 0 <= seed < MOST_SEED:
        raise UsageError(f"seed {seed}: it must be at least 0 and below 2^31")
    chosen, card_name = _recipe(recipe, model, dataset, settings)

    import torch

    from benchmark.data import catalog
    from benchmark.runs.run import Job
    from benchmark.terminal.console import notice

    found, store = catalog.open_data(
        card_name, data_root=data_root, notify=_ignore if quiet else notice
    )
    return Job(chosen, found.card, store, seed, threads or torch.get_num_threads(), device, rows)


def perform(
    job: "Job",
    results: Path,
    *,
    track: bool,
    quiet: bool,
    fresh: bool = False,
    cadence: "Cadence | None" = None,
    save_model: Path | None = None,
    watch: "Callable[[RunEvent], None] | None" = None,
    leave: Callable[[], bool] | None = None,
) -> "Record":
    """Carries a job out, shown on standard error unless `quiet` and logged to MLflow if `track`.

    Once `leave` says so, it ends as at Ctrl-C."""
    from benchmark.runs.execute import execute
    from benchmark.terminal.console import notice
    from benchmark.terminal.progress import Bar, Lines
    from benchmark.tracking.runs import Tracker
    from benchmark.training.checkpoint import Cadence
    from benchmark.utils.files import require_writable

    for folder in (results, *((save_model,) if save_model else ())):
        require_writable(folder)
    show: Any = _ignore if quiet else Bar() if sys.stderr.isatty() else Lines()
    tracker, path = Tracker(notice) if track else None, job.path(results)
    watchers = [
        show,
        *([watch] if watch else []),
        *([lambda event: tracker(event, path)] if tracker else []),
    ]
    try:
        return execute(
            job,
            results,
            watchers,
            notify=notice,
            cadence=cadence or Cadence(),
            fresh=fresh,
            save_model=save_model,
            leave=leave,
        )
    except BaseException as error:
        if tracker is not None:
            tracker.abort(killed=isinstance(error, KeyboardInterrupt))
        raise
    finally:
        if hasattr(show, "close"):
            show.close()


def _recipe(
    recipe: str | None, model: str | None, dataset: str | None, settings: Sequence[str]
) -> "tuple[Recipe, str]":
    """The recipe, and the name or path of its data set's card."""
    from benchmark.data import catalog
    from benchmark.recipes import recipe as recipes

    if recipe is not None and model is None:
        chosen = recipes.load(recipe)
        card_name = dataset or chosen.dataset
        card = catalog.find_card(card_name).card
        if card.id != chosen.dataset:
            raise UsageError(
                f"--recipe {recipe} is for the data set {chosen.dataset}, not {card.id}"
            )
    elif model is not None and dataset is not None and recipe is None:
        card_name = dataset
        chosen = recipes.find(model, catalog.find_card(dataset).card.id)
    else:
        raise UsageError("give either --model and --dataset, or --recipe DATASET/NAME")
    return (recipes.override(chosen, settings) if settings else chosen), card_name


def _assignment(key: str, value: Any) -> str:
    """As --set takes it."""
    try:
        return f"{key}={json.dumps(value)}"
    except TypeError:
        raise UsageError(
            f"set: {key} = {value!r}: give a number, a text, a truth value or a list of these"
        ) from None


def _ignore(_: object) -> None:
    pass
