"""The tables of the scaling simulation, and its files under results/scaling."""

import json
from dataclasses import asdict
from math import sqrt
from pathlib import Path

from benchmark.records.archive import Archive
from benchmark.reports.document import Report, Table
from benchmark.studies.simulations.scaling import (
    STEP,
    Case,
    Coverage,
    FoundLaw,
    JointCoverage,
    LawOutcome,
)

CASE = ("sizes x seeds over decades", "seed sd of LogLoss", "fall in sds", "alpha")


def report(outcome: LawOutcome) -> Report:
    even = [one for one in outcome.tests if not one.case.noisier and not one.case.losses]
    flat = [one for one in even if one.case.fall == 0]
    falling = [one for one in even if one.case.fall > 0]
    steps = [one for one in outcome.tests if one.case.losses]
    laws = [one for one in outcome.laws if not one.case.noisier]
    return Report(
        "Do the scaling fits hold?",
        (
            (
                "Simulated ladders: LogLoss of a known law, E 0.46, with normal noise over seeds;"
                " sizes are even in logarithm. A fall is the law's from the smallest to the"
                " largest size, in seed sds. ± is 1.96 standard errors of the simulation"
                f" (generator seed {outcome.seed})."
            ),
            (
                '"No scaling law found" in at least'
                f" {_least([(_kept(one), one.draws) for one in flat])} of the flat draws, a law in"
                f" at least {_least([(one.found, one.draws) for one in falling])} of those with the"
                " stated effect. Alpha's 95 % interval covers in"
                f" {_range([(one.alpha, one.draws) for one in laws])}. Of losses that fall by a"
                " step, not by a power law, at most"
                f" {max(one.found / one.draws for one in steps):.1%} are called a law."
            ),
        ),
        (_tests(outcome.tests), _intervals(outcome.laws), _joint(outcome.joints)),
        asdict(outcome),
    )


def files(made: Report, results: Path) -> dict[Path, str]:
    path = Archive(results).scaling_table("simulation")
    numbers = json.dumps(made.numbers, indent=1, allow_nan=False) + "\n"
    return {path.with_suffix(".md"): made.markdown(), path.with_suffix(".json"): numbers}


def _tests(tests: tuple[FoundLaw, ...]) -> Table:
    return Table(
        "Law or constant",
        (*CASE, "fall in LogLoss", "draws", "a law found", "no law found", "falls by no power law"),
        tuple(
            (
                *_case(one.case),
                f"{_fall(one.case):.2g}",
                f"{one.draws:,}",
                _share(one.found, one.draws),
                _share(_kept(one), one.draws),
                _share(one.misfits, one.draws),
            )
            for one in tests
        ),
        (
            (
                "The effect is the smallest, in quarters of an sd, that is found in at least 92 %"
                " of other draws. A true law is rejected for its misfit in about 5 %."
            ),
            (
                "Where the sds differ between sizes, written from the smallest size on, Bartlett's"
                " test at 1 % tells only large differences from three seeds a size; the null is"
                " then drawn with the sd of each size."
            ),
            f"The step: LogLoss {', '.join(f'{loss:g}' for loss in STEP)} by size.",
        ),
    )


def _intervals(laws: tuple[Coverage, ...]) -> Table:
    return Table(
        "95 % profile intervals that hold the truth",
        (
            *CASE,
            "draws",
            "alpha",
            "E",
            "A",
            "a law found",
            "alpha, where found",
            "E identified",
            "alpha's median width",
        ),
        tuple(
            (
                *_case(one.case),
                f"{one.draws:,}",
                *(_share(count, one.draws) for count in (one.alpha, one.E, one.A, one.found)),
                _share(one.alpha_where_found, one.found),
                _share(one.E_identified, one.draws),
                "" if one.width is None else f"{one.width:.2f}",
            )
            for one in laws
        ),
        (
            (
                "Near the stated effect a law is found but its exponent hardly bounded: E >= 0 and"
                " A >= 0 cut the region, and intervals cover more than 95 %. Widths are medians"
                " over intervals with both ends; E is identified where its interval is narrower"
                " than the fall."
            ),
        ),
    )


def _joint(joints: tuple[JointCoverage, ...]) -> Table:
    return Table(
        "Joint fit over parameters and rows: E",
        (
            "sizes + row counts, x seeds",
            "seed sd of LogLoss",
            "draws",
            "E",
            "E identified",
            "law rejected",
            "median width",
        ),
        tuple(
            (
                f"{joint.parameters} + {joint.rows}, x {joint.seeds}",
                f"{joint.sd:g}",
                f"{joint.draws:,}",
                _share(joint.E, joint.draws),
                _share(joint.identified, joint.draws),
                _share(joint.misfits, joint.draws),
                f"{joint.width:.2g}",
            )
            for joint in joints
        ),
        (
            (
                "One ladder of 8,000 to 300,000 parameters on 300,000 rows, one of 30,000 to"
                " 300,000 rows on the third model; A 0.003, alpha 0.5, B 0.02, beta 0.5."
            ),
        ),
    )


def _kept(one: FoundLaw) -> int:
    """Draws in which the constant is not rejected."""
    return one.draws - one.found - one.misfits


def _case(case: Case) -> tuple[str, ...]:
    sds = ", ".join(f"{case.sd * times:g}" for times in case.noisier) or f"{case.sd:g}"
    if case.losses:
        return str(case.design), sds, "a step", ""
    return str(case.design), sds, f"{case.fall:g}", f"{case.alpha:g}" if case.fall else ""


def _fall(case: Case) -> float:
    return case.losses[0] - case.losses[-1] if case.losses else case.fall * case.sd


def _share(count: int, of: int) -> str:
    if not of:
        return ""
    share = count / of
    return f"{share:.1%} ± {1.96 * sqrt(share * (1 - share) / of):.1%}"


def _least(counts: list[tuple[int, int]]) -> str:
    return f"{min(count / of for count, of in counts):.1%}"


def _range(counts: list[tuple[int, int]]) -> str:
    shares = [count / of for count, of in counts]
    return f"{min(shares):.1%} to {max(shares):.1%}"
