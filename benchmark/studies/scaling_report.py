"""What the records of ladders show, as tables and numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmark.measure.scaling_law import Interval
from benchmark.records.record import Record
from benchmark.studies import scaling_released, scaling_shapes
from benchmark.studies.report import Report, Section, seeds_in_words, with_sd
from benchmark.studies.scaling import (
    AXES,
    FLOPS,
    PARAMETERS,
    ROWS,
    Axis,
    Ladders,
    Rung,
    ladders,
    rows_of,
    settings,
    varied_settings,
)
from benchmark.studies.scaling_curves import Curve, Joint, Met, curves, joints, logloss, mean_rank, meetings

HEAD = ("recipe", "sizes", "seeds", "verdict", "E", "A", "alpha", "R²", "held-out error", "misfit p", "erank / limit")


def report(results: Path, dataset: str) -> Report | None:
    """From records and recipes alone; None where there is neither a record nor a released ladder. Raises BenchmarkError
    for records that are no one study."""
    there, released = ladders(results, dataset), scaling_released.ladders(dataset)
    levels = scaling_shapes.levels(results, dataset)
    if not there and not released and not levels:
        return None
    found, together = curves(there), joints(there)
    met = meetings(found)
    return Report(
        f"Scaling laws on {dataset}",
        tuple(_remarks(there)),
        (
            *(_laws(axis, found) for axis in AXES if any(curve.axis is axis for curve in found)),
            *(_steps(name, rungs) for name, rungs in there.items()),
            *([_crossings(met)] if met else []),
            *([_together(together)] if together else []),
            *([scaling_shapes.section(levels)] if levels else []),
            *(scaling_released.section(*each) for each in released.items()),
        ),
        _numbers(dataset, there, found, met, together, released)
        | {"shapes": [scaling_shapes.numbers(each) for each in levels]},
    )


def _remarks(there: Ladders) -> Iterator[str]:
    yield "Made from records by `python -m benchmark scale tables`; do not edit."
    yield "Axes: " + "; ".join(f"**{axis.title}**: {axis.definition}" for axis in AXES) + "."
    if not there:
        return
    yield (
        "L(x) = E + A (x / x0)^-alpha of the test LogLoss, x0 the geometric mean of the sizes, with 95 % profile "
        "intervals at the noise between seeds. A law is fitted where a constant is rejected at 5 % (parametric "
        "bootstrap); else the table says so and prints no exponent. Held-out error: predicted / measured - 1 at the "
        "largest size, by the law of the others. Misfit: a p below 0.05 says that the sizes stray from any such law by "
        "more than their seeds do, and the intervals are too short. On parameters and FLOPs E is the loss of an "
        "infinite model on these rows, not the oracle's. erank / limit: mean effective rank per sample of the trained "
        "last stage over its largest possible value, at the smallest and the largest size. All runs stop early on "
        "LogLoss."
    )
    first = next(iter(there.values()))[0].first
    if first.metrics.oracle_logloss is not None:
        yield f"LogLoss of the true click probability (oracle): {first.metrics.oracle_logloss:.5f}."
    if first.caveat:
        yield f"**{first.caveat}**"


def _laws(axis: Axis, found: Sequence[Curve]) -> Section:
    rows = tuple(_law(curve) for curve in found if curve.axis is axis)
    return Section(f"Laws over {axis.title}", HEAD, rows)


def _law(curve: Curve) -> tuple[str, ...]:
    ranks = [mean_rank(rung) for rung in (curve.rungs[0], curve.rungs[-1])]
    seeds = sorted({run.seed for rung in curve.rungs for run in rung.runs})
    start = curve.recipe, f"{len(set(curve.sizes))}: {curve.sizes[0]:,} to {curve.sizes[-1]:,}", seeds_in_words(seeds)
    end = " → ".join("" if value is None else f"{value:.3f}" for value in ranks)
    verdict = curve.verdict if curve.test is None else f"{curve.verdict} (p = {curve.test.p:.2g})"
    if curve.fit is None:
        return (*start, verdict, *("",) * 6, end)
    fit = curve.fit
    return (
        *start,
        verdict,
        f"{fit.law.E:.5f} ({interval(fit.E, 5)})" + ("" if fit.identified else ", not identified"),
        f"{fit.law.A:.5f} ({interval(fit.A, 5)})",
        f"{fit.law.alpha:.3f} ({interval(fit.alpha, 3)})",
        f"{fit.r2:.3f}",
        f"{fit.held_out:+.2%}",
        f"{fit.misfit:.2g}",
        end,
    )


def interval(found: Interval, digits: int) -> str:
    """E.g. `0.10 to 0.52`; an end that the data do not bound is called so."""
    low, high = ("not bounded" if end is None else f"{end:.{digits}f}" for end in (found.low, found.high))
    return f"{low} to {high}"


def _steps(name: str, rungs: Sequence[Rung]) -> Section:
    varied = varied_settings(rungs)
    rows = tuple(
        (
            str(rung.step),
            *(str(settings(rung.first)[key]) for key in varied),
            f"{PARAMETERS.of(rung.first):,}",
            f"{FLOPS.of(rung.first):,}",
            f"{ROWS.of(rung.first):,}",
            seeds_in_words([run.seed for run in rung.runs]),
            with_sd([logloss(run) for run in rung.runs], 5),
            with_sd([run.metrics.test.auc for run in rung.runs], 5),
            "" if (rank := mean_rank(rung)) is None else f"{rank:.3f}",
        )
        for rung in rungs
    )
    axes = tuple(axis.title for axis in AXES)
    return Section(
        f"The ladder of {name}",
        ("step", *varied, *axes, "seeds", "test LogLoss", "test AUC", "erank / limit"),
        rows,
        tuple(f"Step {rung.step}: {note}" for rung in rungs for note in rung.first.notes),
    )


def _crossings(met: Sequence[Met]) -> Section:
    rows = [
        (
            each.a.axis.title,
            *((each.a.recipe, each.b.recipe) if crossing.first_better_above else (each.b.recipe, each.a.recipe)),
            f"{crossing.size:,.0f}",
            interval(crossing.interval, 0),
            "between measured sizes" if crossing.measured else "extrapolated",
        )
        for each in met
        for crossing in each.at
    ]
    apart = [f"{each.a.recipe} and {each.b.recipe} over {each.a.axis.title}" for each in met if not each.at]
    return Section(
        "Crossings",
        ("axis", "lower loss above", "lower loss below", "at", "95 % interval", "") if rows else (),
        tuple(rows),
        (f"No crossing within half a decade of the sizes: {', '.join(apart)}.",) if apart else (),
    )


def _together(found: Sequence[Joint]) -> Section:
    refused = tuple(f"{joint.recipe}: not fitted: {joint.fit}." for joint in found if isinstance(joint.fit, str))
    rows = [_joint_row(joint) for joint in found if not isinstance(joint.fit, str)]
    head = ("recipe", "E", "alpha", "beta", "R²", "misfit p", "oracle LogLoss", "E less the oracle's")
    return Section(
        "Parameters and rows together: L = E + A N^-alpha + B R^-beta",
        head if rows else (),
        tuple(rows),
        (
            "E is the loss of an infinite model on infinite rows: the oracle's, but for what the family misses.",
            *refused,
        ),
    )


def _joint_row(joint: Joint) -> tuple[str, ...]:
    assert not isinstance(joint.fit, str)
    fit, law = joint.fit, joint.fit.law
    if joint.oracle is None:
        oracle, apart = "", ""
    else:
        oracle = f"{joint.oracle:.5f}"
        inside = "within the interval" if joint.oracle in fit.E else "outside the interval"
        apart = f"{law.E - joint.oracle:+.5f}, {inside}"
    E = f"{law.E:.5f} ({interval(fit.E, 5)})" + ("" if fit.identified else ", not identified")
    return joint.recipe, E, f"{law.alpha:.3f}", f"{law.beta:.3f}", f"{fit.r2:.3f}", f"{fit.misfit:.2g}", oracle, apart


def _numbers(
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
        "laws": [_law_numbers(curve) for curve in found],
        "crossings": [
            {"axis": each.a.axis.key, "a": each.a.recipe, "b": each.b.recipe, "at": [asdict(one) for one in each.at]}
            for each in met
        ],
        "joint": [{"recipe": joint.recipe, "oracle": joint.oracle, "fit": _plain(joint.fit)} for joint in together],
        "released": {name: [asdict(size) for size in sizes] for name, sizes in released.items()},
    }


def _run(step: int, run: Record) -> dict[str, Any]:
    return {
        "step": step,
        "seed": run.seed,
        "parameters": PARAMETERS.of(run),
        "flops": FLOPS.of(run),
        "rows": rows_of(run),
        "logloss": logloss(run),
        "auc": run.metrics.test.auc,
        "rank": mean_rank(Rung(step, (run,))),
    }


def _law_numbers(curve: Curve) -> dict[str, Any]:
    return {
        "recipe": curve.recipe,
        "axis": curve.axis.key,
        "verdict": curve.verdict,
        "p": None if curve.test is None else curve.test.p,
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
        "fit": None if curve.fit is None else {**_plain(curve.fit), "identified": curve.fit.identified},
    }


def _plain(fit: Any) -> Any:
    """A fit's numbers without the border of its region; a refusal as it is."""
    return fit if isinstance(fit, str) else {key: value for key, value in _dictionary(fit).items() if key != "border"}


def _dictionary(fit: Any) -> dict[str, Any]:
    return {key: asdict(value) if hasattr(value, "__dataclass_fields__") else value for key, value in vars(fit).items()}
