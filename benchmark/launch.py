"""`run`, from a recipe's name to its record, shown and tracked.

Heavy packages are imported inside the functions, so that `from benchmark import run` costs nothing.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from benchmark.errors import UsageError
from benchmark.utils.paths import RESULTS, shown
from benchmark.utils.threads import limit_spinning
from benchmark.utils.types import Device

if TYPE_CHECKING:
    from benchmark.records.record import Record
    from benchmark.runs.job import Job
    from benchmark.runs.run import RunEvent
    from benchmark.runs.session import Session
    from benchmark.training.checkpoint import Cadence

FROM_DEFAULTS = "a run from defaults, not a leaderboard row; --name NAME writes it as a recipe"


class RunOptions(TypedDict, total=False):
    """The options of `run` that do not decide what it returns."""

    model: str | None
    dataset: str | None
    name: str | None
    set: Mapping[str, Any] | None
    rows: int | None
    data_root: str | Path | None
    device: Device
    threads: int | None
    results: str | Path
    track: bool
    quiet: bool
    again: bool
    fresh: bool
    cadence: "Cadence | None"
    save_model: str | Path | None
    watch: "Callable[[RunEvent], None] | None"


@overload
def run(
    recipe: str | None = None, *, seed: int = 0, seeds: None = None, **options: Unpack[RunOptions]
) -> "Record": ...
@overload
def run(
    recipe: str | None = None, *, seeds: Iterable[int], **options: Unpack[RunOptions]
) -> "list[Record]": ...
def run(
    recipe: str | None = None,
    *,
    model: str | None = None,
    dataset: str | None = None,
    seed: int = 0,
    seeds: Iterable[int] | None = None,
    name: str | None = None,
    set: Mapping[str, Any] | None = None,
    rows: int | None = None,
    data_root: str | Path | None = None,
    device: Device = "cpu",
    threads: int | None = None,
    results: str | Path = RESULTS,
    track: bool = True,
    quiet: bool = False,
    again: bool = False,
    fresh: bool = False,
    cadence: "Cadence | None" = None,
    save_model: str | Path | None = None,
    watch: "Callable[[RunEvent], None] | None" = None,
) -> "Record | list[Record]":
    """Train, score the test split once, measure ranks and write the record, as
    `python -m benchmark run` does; with `seeds` once for each, and return the list of records.

    Give either `recipe`, a "DATASET/NAME" or the path of your own DATASET/NAME.toml, or `model` and
    `dataset`. `set` changes settings by their dotted names and `rows` trains on the first rows
    only; both make the run ad hoc. `name` writes what is run as a recipe, which can be ranked. A
    run whose record is there is not made: that record is returned, unless `again` asks for it, or
    `save_model` for its weights; it is then compared with the record, which stays. `cadence` says
    when checkpoints are written, `watch` is called with every event. Raises UsageError for misuse,
    BenchmarkError if the run fails, and KeyboardInterrupt at Ctrl-C, after which the same call
    continues.

    Example::

        record = run("synthetic/dcnv2", seed=1, set={"train.learning_rate": 3e-4})
        print(record.metrics.test.auc)
        records = run("synthetic/dnn", seeds=range(5))
    """
    if advice := limit_spinning():
        warnings.warn(advice, stacklevel=2)
    numbers = [seed] if seeds is None else list(seeds)
    for number in numbers:
        if not 0 <= number < 2**31:
            raise UsageError(f"seed {number}: it must be at least 0 and below 2^31")
    settings = []
    for key, value in (set or {}).items():
        try:
            settings.append(f"{key}={json.dumps(value)}")
        except TypeError:
            raise UsageError(
                f"set: {key} = {value!r}: give a number, a text, a truth value or a list of these"
            ) from None
    root = None if data_root is None else Path(data_root)
    job = prepare(recipe, model, dataset, settings, root, name=name, quiet=quiet)

    from benchmark.distributed import world
    from benchmark.runs.session import Session
    from benchmark.terminal.console import notice
    from benchmark.training.checkpoint import Cadence

    session = Session(
        Path(results),
        track=track,
        quiet=quiet,
        fresh=fresh,
        cadence=cadence or Cadence(),
        save_model=None if save_model is None else Path(save_model),
        watch=watch,
    )
    job = replace(
        job, rows=rows, device=device, threads=threads or job.threads, world=world.join(device)
    )
    records = []
    for number in numbers:
        job = replace(job, seed=number)
        outcome = run_missing(job, session, again=again)
        records.append(outcome.record)
        if outcome.remark and not quiet:
            notice(outcome.remark)
    return records[0] if seeds is None else records


def prepare(
    recipe: str | None,
    model: str | None,
    dataset: str | None,
    settings: Sequence[str],
    data_root: Path | None,
    *,
    name: str | None,
    quiet: bool,
) -> "Job":
    """The job of seed 0 on all rows and cores, its data encoded; `name` writes what is run as a
    recipe. Raises BenchmarkError."""
    from benchmark.data import catalog
    from benchmark.recipes import defaults
    from benchmark.recipes import recipe as recipes

    if recipe is not None and model is None:
        chosen = recipes.load(recipe)
    elif model is not None and dataset is not None and recipe is None:
        card = catalog.find_card(dataset).card
        chosen = defaults.find(model, card.id, card.embedding_dim, named=name is not None)
    else:
        raise UsageError("give either --model and --dataset, or --recipe DATASET/NAME")
    card = catalog.find_card(dataset or chosen.dataset).card
    if card.id != chosen.dataset:
        raise UsageError(f"--recipe {recipe} is for the data set {chosen.dataset}, not {card.id}")
    is_new = recipe is None and chosen.name is None
    if settings:
        chosen = recipes.override(chosen, settings)

    import torch

    from benchmark.runs.job import Job
    from benchmark.terminal.console import notice

    notify = (lambda _: None) if quiet else notice
    _, store = catalog.open_data(dataset or card.id, data_root=data_root, notify=notify)
    if name is not None:
        recipes.on_meta(chosen, store.schema)
        chosen = defaults.write(chosen, name)
        notify(f"written: {shown(defaults.path(chosen.dataset, name))}, the recipe {chosen.id}")
    elif is_new:
        notify(f"{chosen.id}: {FROM_DEFAULTS}")
    return Job(chosen, card, store, seed=0, threads=torch.get_num_threads())


@dataclass(frozen=True)
class Outcome:
    """The record of a run, made now or before, and what is said of the one that was there."""

    record: "Record"
    path: Path
    remark: str = ""
    is_new: bool = True


def run_missing(job: "Job", session: "Session", *, again: bool) -> Outcome:
    """Run a job whose record is not there, as `run_job` does; one whose record is there with
    `again`, with a model to save, or after an interruption, and compare. A record of a committed
    recipe is never replaced: the new one is kept apart, among the ad hoc ones."""
    from benchmark.runs.session import is_interrupted
    from benchmark.terminal.console import notice
    from benchmark.verify.again import comparison, find, is_there

    kept = job.world.from_first(partial(find, job, session.results))
    if kept is not None and kept.record is None and job.name is not None:
        notice(
            f"warning: {shown(kept.path)} is not of this run, which is kept apart ({kept.fault});"
            " `suite` replaces it"
        )
        job = replace(job, apart=True)
        kept = job.world.from_first(partial(find, job, session.results))
    if kept is None or kept.record is None:
        return Outcome(run_job(job, session), job.path(session.results))
    interrupted = job.world.from_first(partial(is_interrupted, job))
    if not (again or session.save_model is not None or interrupted):
        return Outcome(kept.record, kept.path, is_there(kept.record, kept.path), is_new=False)
    job = replace(job, apart=True)
    record = run_job(job, session)
    return Outcome(record, job.path(session.results), comparison(kept.record, kept.path, record))


def run_job(job: "Job", session: "Session") -> "Record":
    """Run a job, shown on standard error and logged to MLflow as the session says."""
    from benchmark.terminal.console import notice
    from benchmark.terminal.run import RunProgress

    with ExitStack() as views:
        watchers: list[Callable[[RunEvent], None]] = []
        if job.world.is_first and not session.quiet:
            watchers.append(views.enter_context(RunProgress()))
        if job.world.is_first and session.track:
            from benchmark.tracking.runs import Tracker

            watchers.append(views.enter_context(Tracker(job.path(session.results), notice)))
        return session.run(job, watchers, notice)
