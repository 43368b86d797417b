"""What Optuna makes of the trials that ended: the values of the next one, and what mattered.

What is proposed depends only on the study's seed, the trial's number and the trials that ended."""

import warnings
from collections.abc import Sequence
from itertools import accumulate
from math import log2

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from benchmark.errors import BenchmarkError
from benchmark.recipes.search import Range
from benchmark.records.tuning import Trial
from benchmark.studies.tuning.plan import Plan
from benchmark.utils.forms import shortened
from benchmark.utils.paths import shown
from benchmark.utils.types import Notify

STARTUP_TRIALS = 5
"""Random trials, after the recipe's own values, before the model of good and bad values
proposes."""
MOST_DRAWS = 100
"""Random values in place of a proposal that was tried, before nothing new is taken to be left."""
ENOUGH_FOR_IMPORTANCES = 4
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "rejected": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
FIRST_RUNG = 2
"""The evaluation after which half of the trials end; the next halves end after 4, 8, ..."""
PRUNERS = {
    "halving": SuccessiveHalvingPruner(min_resource=FIRST_RUNG, reduction_factor=2),
    "none": NopPruner(),
}

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", module="optuna")


def propose(plan: Plan, ended: Sequence[Trial], number: int, notify: Notify) -> optuna.Trial | None:
    """The proposal for a trial that has not ended; that of the first are the recipe's own values.

    Values that were tried, however that ended, are not trained again: their outcome is known to the
    sampler, and random values stand in for them. None if these were tried too, MOST_DRAWS times."""
    seed = int(np.random.SeedSequence((plan.seed, number)).generate_state(1)[0])
    sampler = TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
    study, space = _history(plan, ended, sampler), _space(plan)
    if number == 0:
        study.enqueue_trial(plan.own_values())
    proposal = study.ask(space)
    known = next((trial for trial in ended if trial.values == proposal.params), None)
    if known is None:
        return proposal
    outcome = known.state if known.metric is None else f"{known.state} at {known.metric:.5f}"
    notify(f"trial {number}: the values of trial {known.number} ({outcome}) were proposed again")
    study.sampler = RandomSampler(seed)
    tried = [trial.values for trial in ended]
    draws = (study.ask(space) for _ in range(MOST_DRAWS))
    return next((draw for draw in draws if draw.params not in tried), None)


def importances(plan: Plan, trials: Sequence[Trial]) -> dict[str, float] | None:
    """The share of the objective's variance that each key explains; None for too few trials."""
    complete = [trial for trial in trials if trial.state == "complete"]
    if len(complete) < ENOUGH_FOR_IMPORTANCES or len({each.metric for each in complete}) == 1:
        return None
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=plan.seed)
    study = _history(plan, complete, RandomSampler(plan.seed))
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _history(
    plan: Plan, ended: Sequence[Trial], sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """The trials that ended, as Optuna takes them."""
    study = optuna.create_study(
        direction="maximize" if plan.objective == "auc" else "minimize",
        sampler=sampler,
        pruner=PRUNERS[plan.search.pruning],
    )
    space = _space(plan)
    for trial in ended:
        so_far = best_so_far(trial.curve, study.direction)
        try:
            frozen = optuna.trial.create_trial(
                state=STATES[trial.state],
                value=trial.metric if trial.state == "complete" else None,
                params=trial.values,
                distributions=space,
                intermediate_values=dict(enumerate(so_far, start=1)),
                system_attrs=_rungs(so_far),
            )
        except (ArithmeticError, TypeError, ValueError) as error:
            why = shortened(str(error))
            fault = f"trial {trial.number} is not of the study's space ({why}); remove it"
            raise BenchmarkError(f"{shown(plan.path)}: {fault}") from None
        study.add_trial(frozen)
    return study


def best_so_far(curve: Sequence[float], direction: StudyDirection) -> list[float]:
    """What a trial is judged by at each of its evaluations."""
    return list(accumulate(curve, max if direction is StudyDirection.MAXIMIZE else min))


def _rungs(so_far: Sequence[float]) -> dict[str, float]:
    """The best values at the evaluations where trials are halved, as Optuna's pruner notes them."""
    reached = int(log2(len(so_far) / FIRST_RUNG)) + 1 if len(so_far) >= FIRST_RUNG else 0
    return {f"completed_rung_{rung}": so_far[FIRST_RUNG * 2**rung - 1] for rung in range(reached)}


def _space(plan: Plan) -> dict[str, BaseDistribution]:
    return {key: _distribution(each) for key, each in plan.search.ranges.items()}


def _distribution(each: Range) -> BaseDistribution:
    if each.choice is not None:
        return CategoricalDistribution(each.choice)
    assert each.low is not None and each.high is not None
    if isinstance(each.low, int) and isinstance(each.high, int):
        return IntDistribution(each.low, each.high, log=each.log)
    return FloatDistribution(each.low, each.high, log=each.log)
