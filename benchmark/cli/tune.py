"""`tune`: search a recipe's values on the validation split."""

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DryRun, RunOptions, with_options
from benchmark.cli.studies import print_written
from benchmark.errors import UsageError
from benchmark.terminal.console import notice, print_table, say
from benchmark.utils.paths import expanded, require_name

if TYPE_CHECKING:
    from benchmark.data.store import Store
    from benchmark.records.tuning import Tuning
    from benchmark.studies.tuning.plan import Plan
    from benchmark.studies.tuning.processes import Leave

GOALS = {"auc": "highest validation AUC", "logloss": "lowest validation LogLoss"}


@with_options(RunOptions)
def tune(
    recipe: Annotated[str, typer.Option(help="A recipe's id, DATASET/NAME.")],
    dataset: Annotated[
        str | None, typer.Option(help="The path of your own TOML card, if it is of one.")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials of the study that are complete or pruned.")
    ] = 30,
    name: Annotated[
        str | None, typer.Option(help="The study's name; the recipe's by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of the search.")] = 0,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Trials at once on this machine.")
    ] = 1,
    dry_run: DryRun = False,
    *,
    options: RunOptions,
) -> None:
    """Search a recipe's values on the validation split; an interrupted study goes on."""
    import torch

    from benchmark.data import catalog
    from benchmark.recipes import recipe as recipes
    from benchmark.recipes.files import recipe_path
    from benchmark.studies.tuning import processes
    from benchmark.studies.tuning.plan import Plan, band_of, search_of
    from benchmark.studies.tuning.trials import Trials
    from benchmark.tracking.studies import StudyTracker

    base, source = recipes.load(recipe), recipe_path(recipe)
    card = dataset or base.dataset
    if card.endswith(".toml"):
        card = str(expanded(card).resolve())
    if (card_id := catalog.find_card(card).card.id) != base.dataset:
        raise UsageError(f"--recipe {recipe} is for the data set {base.dataset}, not {card_id}")
    name = name or source.stem
    require_name(name, f"--name {name}")
    found, store = catalog.open_data(card, data_root=options.root, notify=options.notify)
    plan = Plan(
        name=name,
        base=base,
        source=source,
        search=search_of(base),
        band=band_of(base, found.card, store),
        card=card,
        seed=seed,
        threads=options.threads or max(1, torch.get_num_threads() // workers),
        device=options.device,
        results=expanded(options.results).resolve(),
    )
    if dry_run:
        _print_plan(plan, trials, store, workers)
        return
    # A study of other settings is reported once, before any process starts.
    all_trials = Trials(plan, store, notice)
    work = partial(_work, plan, trials, options.root, options.track, options.quiet)
    try:
        if workers == 1:
            work(lambda: False)
        else:
            processes.run_processes(work, workers)
    except KeyboardInterrupt as error:
        notice("interrupted: the trials that ended are kept; the same command goes on from there")
        if options.track:
            StudyTracker(notice)(all_trials.study(), "KILLED")
        raise typer.Exit(128 + getattr(error, "signum", signal.SIGINT)) from None
    study = all_trials.conclude()
    if running := all_trials.running():
        who = ", ".join(f"trial {number} in {process}" for number, process in running.items())
        notice(f"still under way: {who}; the same command goes on when they have ended")
    if options.track:
        StudyTracker(notice)(study, "FINISHED")
    _report(plan, study)


def _work(
    plan: "Plan", budget: int, data_root: Path | None, track: bool, quiet: bool, leave: "Leave"
) -> None:
    """Run trials in this process, shown on the terminal and sent to MLflow."""
    from benchmark.data import catalog
    from benchmark.records.tuning import Trial
    from benchmark.studies.tuning import run
    from benchmark.studies.tuning.trials import Trials
    from benchmark.terminal.tuning import TrialsProgress
    from benchmark.tracking.studies import StudyTracker

    card, store = catalog.open_data(
        plan.card, data_root=data_root, notify=lambda _: None, fetch=False
    )
    trials = Trials(plan, store, notice)
    show, tracker = TrialsProgress(trials, quiet=quiet), StudyTracker(notice)

    def watch(event: run.TrialEvent) -> None:
        show(event)
        if track and isinstance(event, Trial):
            with trials.lock("tracking"):
                tracker(trials.study())

    try:
        run.run_trials(trials, card, store, budget, watch, leave)
    finally:
        show.close()


def _print_plan(plan: "Plan", budget: int, store: "Store", workers: int) -> None:
    from benchmark.records.archive import Archive
    from benchmark.reports.document import Table
    from benchmark.reports.words import counted
    from benchmark.studies.campaign import estimate

    past, train = list(Archive(plan.results).readable()), store.fingerprint.rows["train"]
    seconds = estimate.seconds(plan.base, store.schema, train, past)
    total = estimate.in_total([seconds] * budget, workers)
    own = plan.own_values()
    rows = tuple((key, r.words(), str(own[key])) for key, r in plan.search.ranges.items())
    limits = tuple(f"{key} = {cap:,}" for key, cap in plan.search.caps.items())
    if plan.band is not None:
        limits += ("{:,} to {:,} dense parameters".format(*plan.band),)
    goal = f"{plan.base.id}: {GOALS[plan.objective]}, first trial with the recipe's own values"
    length = f"{counted(budget, 'trial')}, none pruned: {total}"
    say(goal)
    print_table(Table("", ("key", "range", "own value"), rows, (*limits, length)))


def _report(plan: "Plan", study: "Tuning") -> None:
    from benchmark.studies.tuning.report import tuned_recipe
    from benchmark.terminal.tuning import tuning_table
    from benchmark.utils.files import write_text

    print_table(tuning_table(study))
    print_written([plan.path])
    if study.best is not None:
        path = plan.path.with_name(f"{plan.name}_tuned.toml")
        write_text(path, tuned_recipe(study, study.best, plan.source))
        print_written([path])
        folder = f"recipes/{plan.base.dataset}/"
        say(f"to rank the tuned recipe, read {path.name} and move it to {folder}")
