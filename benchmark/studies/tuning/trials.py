"""Carries out the trials of a study. What it trains on has no test split."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.data.catalog import FoundCard
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.records.tuning import TUNING_SEED, Ended, Trial
from benchmark.runs.job import Job, open_device, seeded_model
from benchmark.studies.tuning.plan import Budget, Plan, Rejected
from benchmark.studies.tuning.study import Asked, Trials
from benchmark.training.fit import Evaluated, Fit
from benchmark.training.step import compile_model
from benchmark.utils.interrupts import Interrupts

MOST_FAILED, MOST_REJECTED = 10, 200
"""In a row: then it is the space that is wrong."""


@dataclass(frozen=True)
class TrialStarted:
    number: int
    values: dict[str, Any]


TrialEvent = TrialStarted | Evaluated | Trial
TrialWatch = Callable[[TrialEvent], None]
Leave = Callable[[], bool]


def carry_out(
    trials: Trials, found: FoundCard, store: Store, budget: Budget, watch: TrialWatch, leave: Leave
) -> None:
    """Trials until the budget is spent. The one under way at a signal, or when `leave` says so, is
    begun again when
    the study goes on.

    Raises Interrupted at a signal, KeyboardInterrupt where `leave` says so, BenchmarkError where
    one trial after the other fails or is rejected."""
    unlucky: dict[Ended, int] = {"failed": 0, "rejected": 0}
    with Interrupts() as interrupts:
        interrupts.deferring = True

        def check() -> None:
            interrupts.deliver()
            if leave():
                raise KeyboardInterrupt

        check()
        while (asked := trials.ask(budget)) is not None:
            watch(TrialStarted(asked.number, asked.values))
            try:
                ended = _carry_out(asked, trials, found, store, watch, check)
            except KeyboardInterrupt:
                trials.leave(asked)
                raise
            watch(ended)
            check()
            unlucky = {
                state: count + 1 if ended.state == state else 0 for state, count in unlucky.items()
            }
            if unlucky["failed"] >= MOST_FAILED or unlucky["rejected"] >= MOST_REJECTED:
                raise BenchmarkError(
                    f"{unlucky[ended.state]} trials in a row were {ended.state}, the last one as:"
                    f" {ended.reason}; the trials are kept, but the [search] needs other ranges"
                )


def _carry_out(
    asked: Asked,
    trials: Trials,
    found: FoundCard,
    store: Store,
    watch: TrialWatch,
    check: Callable[[], None],
) -> Trial:
    began = time.perf_counter()

    def end(state: Ended, metric: float | None = None, reason: str = "") -> Trial:
        return trials.end(asked, state, metric, time.perf_counter() - began, reason)

    plan = trials.plan
    try:
        recipe = plan.candidate(asked.values, store)
        fit = _fit(
            Job(recipe, found.card, store.without("test"), TUNING_SEED, plan.threads, plan.device)
        )
        for event in fit.events():
            check()
            if isinstance(event, Evaluated):
                watch(event)
                value = float(getattr(event.valid, plan.objective))
                if asked.report(value, len(fit.curve) - 1):
                    return end(
                        "pruned",
                        _metric(fit, plan),
                        f"below the median at evaluation {len(fit.curve)}",
                    )
    except Rejected as why:
        return end("rejected", reason=str(why))
    except Exception as error:  # whatever it was, the study goes on
        return end(
            "failed",
            reason=(
                str(error)
                if isinstance(error, BenchmarkError)
                else f"{type(error).__name__}: {error}"
            ),
        )
    return end("complete", _metric(fit, plan))


def _fit(job: Job) -> Fit:
    device = open_device(job)
    model = seeded_model(job, device)
    if job.recipe.train.compile:
        compile_model(model, device)
    train, valid = job.store.split("train"), job.store.split("valid")
    return Fit(model, train, valid, job.recipe.train, seed=job.seed, device=device)


def _metric(fit: Fit, plan: Plan) -> float:
    return float(getattr(fit.best.valid, plan.objective))
