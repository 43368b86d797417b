"""The laws of a data set's ladders: per recipe and axis, where they cross, and over parameters and rows together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

from benchmark.measure.scaling_bootstrap import Crossing, LawTest, crossings, law_or_constant
from benchmark.measure.scaling_joint import JointFit, JointPoint, fit_joint
from benchmark.measure.scaling_law import Fit, fit
from benchmark.measure.scaling_points import Ladder, Point
from benchmark.records.record import Record
from benchmark.studies.grid import ranks
from benchmark.studies.scaling import AXES, PARAMETERS, ROWS, Axis, Ladders, Rung, on_axis

NO_LAW = "no scaling law found"


@dataclass(frozen=True)
class Curve:
    """`test` and `ladder` are None where the design was `refused`; `fit` is None too where no law was found."""

    recipe: str
    axis: Axis
    rungs: tuple[Rung, ...]
    ladder: Ladder | None = None
    test: LawTest | None = None
    fit: Fit | None = None
    refused: str = ""

    @property
    def sizes(self) -> list[int]:
        return [self.axis.of(rung.first) for rung in self.rungs]

    @property
    def verdict(self) -> str:
        if self.refused:
            return f"not fitted: {self.refused}"
        return NO_LAW if self.fit is None else "law"


@dataclass(frozen=True)
class Met:
    """Where two recipes' laws cross, if they do."""

    a: Curve
    b: Curve
    at: tuple[Crossing, ...]


@dataclass(frozen=True)
class Joint:
    """The law over parameters and rows of a recipe, or why there is none."""

    recipe: str
    oracle: float | None
    fit: JointFit | str


def logloss(run: Record) -> float:
    return run.metrics.test.logloss


def rank(run: Record) -> float | None:
    """Of the trained last stage: mean effective rank over its limit."""
    return list(ranks(run, "best").values())[-1]


def mean_rank(rung: Rung) -> float | None:
    """Over seeds; None where one has none."""
    found = [value for run in rung.runs if (value := rank(run)) is not None]
    return mean(found) if len(found) == len(rung.runs) else None


def curves(ladders: Ladders) -> list[Curve]:
    """By axis and recipe, of the axes on which a ladder has two sizes or more."""
    found = [(name, axis, on_axis(rungs, axis)) for axis in AXES for name, rungs in ladders.items()]
    return [_curve(*each) for each in found if len({each[1].of(rung.first) for rung in each[2]}) > 1]


def _curve(recipe: str, axis: Axis, rungs: tuple[Rung, ...]) -> Curve:
    points = [Point(axis.of(run), run.seed, logloss(run)) for rung in rungs for run in rung.runs]
    try:
        ladder = Ladder.of(points)
    except ValueError as why:  # a NotFitted, or two configurations of one size
        return Curve(recipe, axis, rungs, refused=str(why))
    test = law_or_constant(ladder)
    return Curve(recipe, axis, rungs, ladder, test, fit(ladder) if test.found else None)


def meetings(found: Sequence[Curve]) -> list[Met]:
    """Of every two laws on the same axis."""
    laws = [curve for curve in found if curve.fit is not None]
    pairs = [(a, b) for a, b in combinations(laws, 2) if a.axis is b.axis]
    return [Met(a, b, crossings(a.ladder, b.ladder)) for a, b in pairs if a.ladder and b.ladder]


def joints(ladders: Ladders) -> list[Joint]:
    """Of the recipes with steps on fewer rows."""
    return [_joint(name, rungs) for name, rungs in ladders.items() if len({ROWS.of(rung.first) for rung in rungs}) > 1]


def _joint(recipe: str, rungs: Sequence[Rung]) -> Joint:
    points = [
        JointPoint(PARAMETERS.of(run), ROWS.of(run), run.seed, logloss(run)) for rung in rungs for run in rung.runs
    ]
    oracle = rungs[0].first.metrics.oracle_logloss
    try:
        return Joint(recipe, oracle, fit_joint(points))
    except ValueError as why:
        return Joint(recipe, oracle, str(why))
