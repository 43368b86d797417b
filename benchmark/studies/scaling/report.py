"""What the records of ladders show, as tables and numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmark.records.record import Record
from benchmark.reports.document import Report
from benchmark.reports.words import derived
from benchmark.studies.scaling import released as scaling_released
from benchmark.studies.scaling import sections, shapes
from benchmark.studies.scaling.curves import (
    Curve,
    Joint,
    Met,
    curves,
    joints,
    logloss,
    mean_rank,
    meetings,
)
from benchmark.studies.scaling.joint import JointFit
from benchmark.studies.scaling.ladders import (
    AXES,
    FLOPS,
    PARAMETERS,
    Ladders,
    Rung,
    ladders,
    rows_of,
)
from benchmark.studies.scaling.law import Interval, LawFit
from benchmark.studies.scaling.shapes import Level


@dataclass(frozen=True)
class Findings:
    """What the records of a data set's ladders and shapes give: tables and figures are made of
    it."""

    dataset: str
    ladders: Ladders
    curves: list[Curve]
    levels: list[Level]


def findings(results: Path, dataset: str) -> Findings:
    """Raises BenchmarkError for records that are no one study."""
    there = ladders(results, dataset)
    return Findings(dataset, there, curves(there), shapes.levels(results, dataset))


def report(of: Findings) -> Report | None:
    """From records and recipes alone; None where there is neither a record nor a released
    ladder."""
    dataset, there, found, levels = of.dataset, of.ladders, of.curves, of.levels
    released = scaling_released.ladders(dataset)
    if not there and not released and not levels:
        return None
    together, met = joints(there), meetings(found)
    return Report(
        f"Scaling laws on {dataset}",
        tuple(_remarks(there)),
        (
            *(
                sections.laws(axis, found)
                for axis in AXES
                if any(curve.axis is axis for curve in found)
            ),
            *(sections.steps(dataset, name, rungs) for name, rungs in there.items()),
            *([sections.crossings(met)] if met else []),
            *([sections.together(together)] if together else []),
            *([shapes.section(levels)] if levels else []),
            *(scaling_released.section(*each) for each in released.items()),
        ),
        numbers(dataset, there, found, met, together, released)
        | {"shapes": [shapes.numbers(each) for each in levels]},
    )


def _remarks(there: Ladders) -> Iterator[str]:
    yield "Made from records by `python -m benchmark scale tables`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    if not there:
        return
    yield (
        "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with"
        " 95 % profile intervals at the noise between seeds. A law is fitted where a constant is"
        " rejected at 5 % (parametric bootstrap); else the table says so and prints no exponent."
        " Misfit: a p below 0.05 says that the sizes stray from any such law by more than their"
        " seeds do; the loss falls, but by no power law, and nothing of the law is printed. Equal"
        " noise: Bartlett's p that the seeds scatter alike at all sizes; below 0.01 they do not,"
        " and test and intervals do not hold. Held-out error: predicted less measured LogLoss at"
        " the largest size, by the law of the others, beside the measured fall from the second"
        " largest to it. E is identified where its interval is narrower than the fall of the loss"
        " over the ladder. An exponent that is not bounded on both sides has no estimate, nor has"
        " its A."
    )
    yield (
        "Learning rate, L2 and dropout are the recipe's own at every size unless a step names them,"
        " so an exponent is that of this ladder at this rate. Fewer rows are the first rows of"
        " more, the same for all seeds, so no seed sd holds the choice of rows. On parameters and"
        " FLOPs E is the loss of an infinite model on these rows, not the oracle's. erank / limit:"
        " mean effective rank per sample of the trained last stage over its largest possible value,"
        " at the smallest and the largest size. All runs stop early on LogLoss."
    )
    first = next(iter(there.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"


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
        "runs": {
            name: [_run(rung.step, run) for rung in rungs for run in rung.runs]
            for name, rungs in there.items()
        },
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


def _fit(fit: LawFit) -> dict[str, Any]:
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


def _plain(fit: LawFit | JointFit, law: dict[str, float | None]) -> dict[str, Any]:
    """Without the border of a fit's region, and without what stands beside it."""
    values = {key: value for key, value in vars(fit).items() if key not in ("border", "misfit")}
    intervals = {key: asdict(value) for key, value in values.items() if isinstance(value, Interval)}
    rounded: dict[str, Any] = derived({**values, **intervals, "law": law})
    return rounded | {"identified": fit.identified}
