"""Run the trials of a study in this process. No trial sees the test split."""

import time
from collections.abc import Callable

from benchmark.data.catalog import FoundCard
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError, reason
from benchmark.records.tuning import TUNING_SEED, Ended, Objective, Trial
from benchmark.runs.job import Job, open_device, seeded_model
from benchmark.runs.rehearsal import rehearse
from benchmark.studies.tuning.plan import Plan
from benchmark.studies.tuning.processes import Leave
from benchmark.studies.tuning.trials import OpenTrial, Outcome, Trials
from benchmark.training.fit import Evaluated, Fit
from benchmark.training.step import compile_model
from benchmark.utils.interrupts import Interrupts

MOST_FAILED, MOST_REJECTED = 10, 200
"""In a row, from which on the space is taken to be wrong."""

TrialEvent = OpenTrial | Evaluated | Trial
TrialWatch = Callable[[TrialEvent], None]


def run_trials(
    trials: Trials, card: FoundCard, store: Store, budget: int, watch: TrialWatch, leave: Leave
) -> None:
    """Run trials until `budget` have finished; a trial that is left begins again when the study
    goes on.

    Raises Interrupted at a signal, KeyboardInterrupt when `leave` is true, BenchmarkError when one
    trial after the other fails or is rejected."""
    unlucky: dict[Ended, int] = {"failed": 0, "rejected": 0}
    with Interrupts() as interrupts:
        interrupts.deferring = True

        def check() -> None:
            interrupts.deliver()
            if leave():
                raise KeyboardInterrupt

        check()
        while (open_trial := trials.ask(budget)) is not None:
            watch(open_trial)
            try:
                trial = _run_trial(open_trial, trials, card, store, watch, check)
            except BaseException:  # an interrupt, or an end that cannot be stored
                open_trial.release()
                raise
            watch(trial)
            check()
            for state, count in unlucky.items():
                unlucky[state] = count + 1 if trial.state == state else 0
            if unlucky["failed"] >= MOST_FAILED or unlucky["rejected"] >= MOST_REJECTED:
                raise BenchmarkError(
                    f"{unlucky[trial.state]} trials in a row were {trial.state}, the last one as:"
                    f" {trial.reason}; the trials are kept, but the [search] needs other ranges"
                )


def _run_trial(
    open_trial: OpenTrial,
    trials: Trials,
    card: FoundCard,
    store: Store,
    watch: TrialWatch,
    check: Callable[[], None],
) -> Trial:
    start = time.perf_counter()
    try:
        outcome = _outcome(open_trial, trials.plan, card, store, watch, check)
    except Exception as error:  # the study goes on, whatever it was
        outcome = Outcome("failed", reason=reason(error))
    return trials.end(open_trial, outcome, time.perf_counter() - start)


def _outcome(
    open_trial: OpenTrial,
    plan: Plan,
    card: FoundCard,
    store: Store,
    watch: TrialWatch,
    check: Callable[[], None],
) -> Outcome:
    try:
        recipe = plan.candidate(open_trial.values, store)
    except UsageError as error:
        return Outcome("rejected", reason=str(error))
    closed = store.without("test")
    fit = _fit(Job(recipe, card.card, closed, TUNING_SEED, plan.threads, plan.device))
    ended: Ended = "complete"
    why = ""
    for event in fit.events():
        check()
        if not isinstance(event, Evaluated):
            continue
        watch(event)
        if open_trial.report(getattr(event.valid, plan.objective)):
            ended, why = "pruned", f"in the worse half after evaluation {len(fit.curve)}"
            break
    rows = _rows(fit, store.fingerprint.rows["train"])
    return Outcome(ended, _metric(fit, plan.objective), rows, why)


def _rows(fit: Fit, rows: int) -> int:
    """The training rows that were passed."""
    epochs, steps = divmod(fit.step, fit.steps_per_epoch)
    return epochs * rows + steps * fit.train.batch_size


def _metric(fit: Fit, objective: Objective) -> float:
    """The objective at its best evaluation, or at that of the monitor if it is not watched."""
    monitors = fit.train.monitors
    watched = objective if objective in monitors else monitors[0]
    value: float = getattr(fit.best(watched).valid, objective)
    return value


def _fit(job: Job) -> Fit:
    device = open_device(job)
    train, valid = job.store.split("train"), job.store.split("valid")
    rehearse(job, train, device)
    model = seeded_model(job, device).model
    if job.recipe.train.compile:
        compile_model(model, device)
    return Fit(model, train, valid, job.recipe.train, seed=job.seed, device=device)
