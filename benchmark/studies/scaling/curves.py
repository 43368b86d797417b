"""The laws of a data set's ladders: per recipe and axis, where they cross, and over parameters and
rows together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean

from benchmark.records.record import Record
from benchmark.studies.campaign.variants import ranks
from benchmark.studies.scaling.bootstrap import Crossing, LawTest, crossings, law_or_constant
from benchmark.studies.scaling.joint import JointFit, fit_joint
from benchmark.studies.scaling.ladders import AXES, PARAMETERS, ROWS, Axis, Ladders, Rung, on_axis
from benchmark.studies.scaling.law import LawFit, fit
from benchmark.studies.scaling.points import JointPoint, Ladder, NotFitted, Point

LAW, NO_LAW, NO_POWER_LAW, NO_JOINT_LAW = (
    "law",
    "no scaling law found",
    "falls, but by no power law",
    "no joint law fits",
)


@dataclass(frozen=True)
class Curve:
    """`test` and `ladder` are None where the design was `refused`; `tried` is the law where a
    constant is rejected."""

    recipe: str
    axis: Axis
    rungs: tuple[Rung, ...]
    ladder: Ladder | None = None
    test: LawTest | None = None
    tried: LawFit | None = None
    refused: str = ""

    @property
    def fit(self) -> LawFit | None:
        """The law, where the data reject neither it nor a law at all."""
        return None if self.tried is None or self.tried.rejected else self.tried

    @property
    def sizes(self) -> list[int]:
        return [self.axis.of(rung.first) for rung in self.rungs]

    @property
    def verdict(self) -> str:
        if self.refused:
            return f"not fitted: {self.refused}"
        if self.tried is None:
            return NO_LAW
        return LAW if self.fit else NO_POWER_LAW


@dataclass(frozen=True)
class Met:
    """Where two recipes' laws cross, if they do."""

    a: Curve
    b: Curve
    at: tuple[Crossing, ...]


@dataclass(frozen=True)
class Joint:
    """The law over parameters and rows of a recipe, or why its design was `refused`."""

    recipe: str
    oracle: float | None
    tried: JointFit | None = None
    refused: str = ""

    @property
    def fit(self) -> JointFit | None:
        """The law, where the data do not reject it."""
        return None if self.tried is None or self.tried.rejected else self.tried

    @property
    def verdict(self) -> str:
        if self.refused:
            return f"not fitted: {self.refused}"
        return LAW if self.fit else NO_JOINT_LAW


def logloss(run: Record) -> float:
    return run.metrics.test.logloss


def rank(run: Record) -> float | None:
    """Of the trained last stage: mean effective rank over its limit."""
    return list(ranks(run, "best").values())[-1]


def mean_rank(rung: Rung) -> float | None:
    """Over seeds; None where one has none."""
    found = [value for run in rung.runs if (value := rank(run)) is not None]
    return mean(found) if len(found) == len(rung.runs) else None


def curves(ladders: Ladders, axes: Sequence[Axis] = AXES) -> list[Curve]:
    """By axis and recipe, of the axes on which a ladder has two sizes or more."""
    found = [(name, axis, on_axis(rungs, axis)) for axis in axes for name, rungs in ladders.items()]
    return [
        _curve(*each) for each in found if len({each[1].of(rung.first) for rung in each[2]}) > 1
    ]


def _curve(recipe: str, axis: Axis, rungs: tuple[Rung, ...]) -> Curve:
    points = [Point(axis.of(run), run.seed, logloss(run)) for rung in rungs for run in rung.runs]
    try:
        ladder = Ladder.of(points)
    except NotFitted as why:
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
    return [
        _joint(name, rungs)
        for name, rungs in ladders.items()
        if len({ROWS.of(rung.first) for rung in rungs}) > 1
    ]


def _joint(recipe: str, rungs: Sequence[Rung]) -> Joint:
    points = [
        JointPoint(PARAMETERS.of(run), ROWS.of(run), run.seed, logloss(run))
        for rung in rungs
        for run in rung.runs
    ]
    oracle = rungs[0].first.metrics.oracle_logloss
    try:
        return Joint(recipe, oracle, fit_joint(points))
    except NotFitted as why:
        return Joint(recipe, oracle, refused=str(why))
