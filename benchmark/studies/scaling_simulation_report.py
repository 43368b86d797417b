"""The tables of the scaling simulation, and its files under results/scaling."""

import json
from dataclasses import asdict
from math import sqrt
from pathlib import Path

from benchmark.studies.report import Report, Section
from benchmark.studies.scaling_simulation import Case, Coverage, Found, JointCoverage, Outcome

CASE = ("sizes x seeds over decades", "seed sd of LogLoss", "fall in sds", "alpha")


def report(outcome: Outcome) -> Report:
    flat = [one for one in outcome.tests if one.case.fall == 0]
    falling = [one for one in outcome.tests if one.case.fall > 0]
    return Report(
        "Do the scaling fits hold?",
        (
            "Simulated ladders: LogLoss of a known law, E 0.46, with normal noise over seeds; sizes are even in "
            "logarithm. A fall is the law's from the smallest to the largest size, in seed sds. ± is 1.96 standard "
            f"errors of the simulation (generator seed {outcome.seed}).",
            f'"No scaling law found" in at least {_least([(one.draws - one.found, one.draws) for one in flat])} of the '
            f"flat draws, a law in at least {_least([(one.found, one.draws) for one in falling])} of those with the "
            "stated effect. Alpha's 95 % interval covers in "
            f"{_range([(one.alpha, one.draws) for one in outcome.laws])}.",
        ),
        (_tests(outcome.tests), _intervals(outcome.laws), _joint(outcome.joint)),
        asdict(outcome),
    )


def files(made: Report, results: Path) -> dict[Path, str]:
    folder = results / "scaling"
    numbers = json.dumps(made.numbers, indent=1, allow_nan=False) + "\n"
    return {folder / "simulation.md": made.markdown(), folder / "simulation.json": numbers}


def _tests(tests: tuple[Found, ...]) -> Section:
    return Section(
        "Law or constant",
        (*CASE, "fall in LogLoss", "draws", "a law found", "no law found"),
        tuple(
            (
                *_case(one.case),
                f"{one.case.fall * one.case.sd:.2g}",
                f"{one.draws:,}",
                _share(one.found, one.draws),
                _share(one.draws - one.found, one.draws),
            )
            for one in tests
        ),
        ("The effect is the smallest, in quarters of an sd, that is found in at least 92 % of other draws.",),
    )


def _intervals(laws: tuple[Coverage, ...]) -> Section:
    return Section(
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
            "Near the stated effect a law is found but its exponent hardly bounded: E >= 0 and A >= 0 cut the region, "
            "and intervals cover more than 95 %. Widths are medians over intervals with both ends.",
        ),
    )


def _joint(joint: JointCoverage) -> Section:
    return Section(
        "Joint fit over parameters and rows: E",
        ("sizes + row counts, x seeds", "seed sd of LogLoss", "draws", "E", "E identified", "median width"),
        (
            (
                f"{joint.parameters} + {joint.rows}, x {joint.seeds}",
                f"{joint.sd:g}",
                f"{joint.draws:,}",
                _share(joint.E, joint.draws),
                _share(joint.identified, joint.draws),
                f"{joint.width:.2g}",
            ),
        ),
        (
            "One ladder of 1.5 decades of parameters on all rows, one of 1.4 decades of rows on the fourth model; "
            "A 0.003, alpha 0.5, B 0.01, beta 0.4.",
        ),
    )


def _case(case: Case) -> tuple[str, ...]:
    return str(case.design), f"{case.sd:g}", f"{case.fall:g}", f"{case.alpha:g}" if case.fall else ""


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
