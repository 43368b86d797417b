"""`tune`: the values of a recipe, searched on the validation split."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.options import MOST_THREADS, completed
from benchmark.errors import BenchmarkError, UsageError
from benchmark.terminal.console import notice, out
from benchmark.utils.paths import RECIPES, RESULTS, shown
from benchmark.utils.types import Device

if TYPE_CHECKING:
    from benchmark.data.catalog import FoundCard
    from benchmark.data.store import Store
    from benchmark.studies.tuning.plan import Budget, Plan

DEFAULT_TRIALS = 30
TICK = 0.2


@completed
def tune(
    recipe: Annotated[str, typer.Option(help="A recipe's id, DATASET/NAME.")],
    dataset: Annotated[
        str | None, typer.Option(help="The path of your own TOML card, if it is of one.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Finished trials of the study; {DEFAULT_TRIALS} without --hours."
        ),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Begin no trial once those of the study have taken so long, added up."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The study's name; the recipe's by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of the search.")] = 0,
    storage: Annotated[
        str | None,
        typer.Option(help="URL of a PostgreSQL or SQLite database; a journal file by default."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Trials at once on this machine.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_THREADS, help="Threads of each trial; cores / workers by default."
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = "cpu",
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the data files you have.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder the study goes to.")] = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is searched, and about how long.")
    ] = False,
    no_track: Annotated[bool, typer.Option("--no-track", help="Do not log to MLflow.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Search a recipe's values on the validation split; go on where a study was interrupted."""
    if trials is not None and hours is not None:
        raise UsageError("give either --trials or --hours")
    if hours is not None and hours <= 0:
        raise UsageError(f"--hours {hours:g}: it must be above 0")

    import torch

    from benchmark.data import catalog
    from benchmark.recipes import recipe as recipes
    from benchmark.studies.tuning.plan import Budget, Plan, require_name, search_of
    from benchmark.studies.tuning.study import Trials
    from benchmark.tracking.tuning import StudyTracker

    base = recipes.load(recipe)
    source = (
        Path(recipe).expanduser().resolve()
        if recipe.endswith(".toml")
        else RECIPES / f"{recipe}.toml"
    )
    card = dataset or base.dataset
    if card.endswith(".toml"):
        card = str(Path(card).expanduser().resolve())
    if (there := catalog.find_card(card).card.id) != base.dataset:
        raise UsageError(f"--recipe {recipe} is for the data set {base.dataset}, not {there}")
    plan = Plan(
        name=require_name(name or source.stem),
        base=base,
        source=source,
        search=search_of(base),
        card=card,
        seed=seed,
        threads=threads or max(1, torch.get_num_threads() // workers),
        device=device,
        results=results.expanduser().resolve(),
        storage=storage,
    )
    budget = Budget(None if hours else trials or DEFAULT_TRIALS, hours)
    found, store = catalog.open_data(card, data_root=data_root, notify=_ignore if quiet else notice)
    if dry_run:
        _print_plan(plan, budget, store, workers)
        return
    try:
        if workers == 1:
            _search(plan, budget, found, store, track=not no_track, quiet=quiet)
        else:
            root = data_root and data_root.expanduser().resolve()
            _search_together(plan, budget, workers, store, (root, not no_track, quiet))
    except KeyboardInterrupt as error:
        notice("interrupted: the trials that ended are kept; the same command goes on from there")
        if not no_track:
            StudyTracker(notice)(Trials(plan, store).found(), "KILLED")
        raise typer.Exit(128 + getattr(error, "signum", signal.SIGINT)) from None
    _report(plan, store, track=not no_track)


def _search(
    plan: "Plan",
    budget: "Budget",
    found: "FoundCard",
    store: "Store",
    *,
    track: bool,
    quiet: bool,
    leave: Any = None,
) -> None:
    from benchmark.records.tuning import Trial
    from benchmark.studies.tuning.study import Trials
    from benchmark.studies.tuning.trials import TrialEvent, carry_out
    from benchmark.terminal.tuning import TrialsProgress
    from benchmark.tracking.tuning import StudyTracker

    trials = Trials(plan, store)
    show, tracker = TrialsProgress(trials, quiet=quiet), StudyTracker(notice)

    def watch(event: TrialEvent) -> None:
        show(event)
        if track and isinstance(event, Trial):
            with trials.locked("tracking"):
                tracker(trials.found())

    try:
        carry_out(trials, found, store, budget, watch, leave or _never)
    finally:
        show.close()


def _search_together(
    plan: "Plan",
    budget: "Budget",
    workers: int,
    store: "Store",
    options: tuple[Path | None, bool, bool],
) -> None:
    """Raises Interrupted, once all have left, at a signal; BenchmarkError where a process fails."""
    from benchmark.studies.tuning.study import Trials
    from benchmark.utils.interrupts import Interrupts

    Trials(plan, store)  # what is wrong with the storage is said once
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [
        context.Process(target=_work, args=(plan, budget, stop, *options)) for _ in range(workers)
    ]
    with Interrupts() as interrupts:
        try:
            for process in processes:
                process.start()
            interrupts.deferring = True
            while any(process.is_alive() for process in processes):
                if interrupts.caught is not None:
                    stop.set()
                time.sleep(TICK)
            interrupts.deliver()
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()
    if failed := [process.exitcode for process in processes if process.exitcode]:
        raise BenchmarkError(
            f"{len(failed)} of {workers} processes ended early (exit codes"
            f" {', '.join(map(str, failed))}); the trials that ended are kept, and the same command"
            " goes on from there"
        )


def _work(
    plan: "Plan", budget: "Budget", stop: Any, data_root: Path | None, track: bool, quiet: bool
) -> None:
    """What each of several processes does."""
    from benchmark.data import catalog

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the starting process decides
    parent = os.getppid()
    try:
        found, store = catalog.open_data(
            plan.card, data_root=data_root, notify=_ignore, fetch=False
        )
        _search(
            plan,
            budget,
            found,
            store,
            track=track,
            quiet=quiet,
            leave=lambda: bool(stop.is_set() or os.getppid() != parent),
        )
    except KeyboardInterrupt:
        sys.exit(0)
    except BenchmarkError as error:
        notice(f"error: {error}")
        sys.exit(1)


def _print_plan(plan: "Plan", budget: "Budget", store: "Store", workers: int) -> None:
    from rich.table import Table

    from benchmark.reports.document import words
    from benchmark.studies.campaign import estimate

    out.print(
        f"{plan.base.id}: {_goal(plan)}, first trial with the recipe's own values", highlight=False
    )
    table = Table("key", "range", "own value", box=None)
    own = plan.own_values()
    for key, each in plan.search.ranges.items():
        table.add_row(key, each.words(), str(own[key]))
    out.print(table)
    for key, cap in plan.search.caps.items():
        out.print(f"{key} = {cap:,}", highlight=False)
    past = estimate.history(plan.results)
    each_one = estimate.seconds(plan.base, store.schema, store.fingerprint.rows["train"], past)
    if budget.trials is None:
        out.print(
            f"{budget.hours:g} h of trials, about {words(each_one)} for the first", highlight=False
        )
    else:
        times = [each_one] * budget.trials
        out.print(
            f"{budget.trials} trials, none pruned: {estimate.in_total(times, workers)}",
            highlight=False,
        )


def _goal(plan: "Plan") -> str:
    return "highest validation AUC" if plan.objective == "auc" else "lowest validation LogLoss"


def _report(plan: "Plan", store: "Store", *, track: bool) -> None:
    from benchmark.records import tuning
    from benchmark.studies.tuning import report
    from benchmark.studies.tuning.study import Trials
    from benchmark.terminal.tuning import tuning_table
    from benchmark.tracking.tuning import StudyTracker

    study = Trials(plan, store).found(importances=True)
    tuning.save(study, plan.path)
    if track:
        StudyTracker(notice)(study, "FINISHED")
    written = report.write(study, plan.path, plan.source)
    out.print(tuning_table(study))
    if study.importances is None:
        out.print("importances: too few complete trials", highlight=False)
    for path in (plan.path, *written):
        out.print(f"written: {shown(path)}", highlight=False, soft_wrap=True)
    if study.best is not None:
        out.print(
            f"to rank the tuned recipe, read {plan.name}_tuned.toml and move it to"
            f" recipes/{plan.base.dataset}/",
            highlight=False,
            soft_wrap=True,
        )


def _never() -> bool:
    return False


def _ignore(_: object) -> None:
    pass
