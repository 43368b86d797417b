"""What the tables of ladders show, as JSON values: measured ones as they are, fitted ones to five digits."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean, stdev
from typing import Any

from benchmark.measure.scaling_joint import JointFit
from benchmark.measure.scaling_law import Fit, Interval
from benchmark.records.record import Record
from benchmark.studies import scaling_released
from benchmark.studies.scaling import FLOPS, PARAMETERS, Ladders, Rung, rows_of
from benchmark.studies.scaling_curves import Curve, Joint, Met, logloss, mean_rank

DIGITS = 5
"""In which every machine finds the same fit; an optimum is flat, so that a difference in the last bit of a loss moves
it in the seventh digit."""


def derived(value: Any) -> Any:
    """A fitted number, or a structure of them, to DIGITS digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: derived(inner) for key, inner in value.items()}
    return [derived(inner) for inner in value] if isinstance(value, list | tuple) else value


def numbers(
    dataset: str,
    there: Ladders,
    found: Sequence[Curve],
    met: Sequence[Met],
    together: Sequence[Joint],
    released: scaling_released.Families,
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "runs": {name: [_run(rung.step, run) for rung in rungs for run in rung.runs] for name, rungs in there.items()},
        "laws": [_law(curve) for curve in found],
        "crossings": [
            {
                "axis": each.a.axis.key,
                "a": each.a.recipe,
                "b": each.b.recipe,
                "at": derived([asdict(one) for one in each.at]),
            }
            for each in met
        ],
        "joint": [_joint(joint) for joint in together],
        "released": {name: [asdict(size) for size in sizes] for name, sizes in released.items()},
    }


def _run(step: int, run: Record) -> dict[str, Any]:
    return {
        "step": step,
        "seed": run.seed,
        "parameters": PARAMETERS.of(run),
        "head": run.parameters.head,
        "flops": FLOPS.of(run),
        "rows": rows_of(run),
        "logloss": logloss(run),
        "auc": run.metrics.test.auc,
        "rank": mean_rank(Rung(step, (run,))),
    }


def _law(curve: Curve) -> dict[str, Any]:
    return {
        "recipe": curve.recipe,
        "axis": curve.axis.key,
        "verdict": curve.verdict,
        "p": None if curve.test is None else derived(curve.test.p),
        "misfit": None if curve.tried is None else derived(curve.tried.misfit),
        "noise_p": None if curve.ladder is None else derived(curve.ladder.noise_p),
        "sizes": [
            {
                "size": curve.axis.of(rung.first),
                "flops": FLOPS.of(rung.first),
                "seeds": [run.seed for run in rung.runs],
                "logloss": mean(map(logloss, rung.runs)),
                "logloss_sd": stdev(map(logloss, rung.runs)) if len(rung.runs) > 1 else None,
                "rank": mean_rank(rung),
            }
            for rung in curve.rungs
        ],
        "fit": None if curve.fit is None else _fit(curve.fit),
    }


def _fit(fit: Fit) -> dict[str, Any]:
    """None for E, A and alpha where they are no estimates."""
    law = asdict(fit.law)
    law |= {} if fit.identified else {"E": None}
    law |= {} if fit.bounded else {"A": None, "alpha": None}
    return _plain(fit, law)


def _joint_fit(fit: JointFit) -> dict[str, Any]:
    law = asdict(fit.law)
    law |= {} if fit.identified else {"E": None}
    law |= {} if fit.parameters_estimated else {"A": None, "alpha": None}
    law |= {} if fit.rows_estimated else {"B": None, "beta": None}
    return _plain(fit, law)


def _joint(joint: Joint) -> dict[str, Any]:
    return {
        "recipe": joint.recipe,
        "oracle": joint.oracle,
        "verdict": joint.verdict,
        "misfit": None if joint.tried is None else derived(joint.tried.misfit),
        "fit": None if joint.fit is None else _joint_fit(joint.fit),
    }


def _plain(fit: Fit | JointFit, law: dict[str, float | None]) -> dict[str, Any]:
    """Without the border of a fit's region, and without what stands beside it."""
    values = {key: value for key, value in vars(fit).items() if key not in ("border", "misfit")}
    intervals = {key: asdict(value) for key, value in values.items() if isinstance(value, Interval)}
    rounded: dict[str, Any] = derived({**values, **intervals, "law": law})
    return rounded | {"identified": fit.identified}
