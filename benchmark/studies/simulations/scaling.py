"""Do the scaling fits hold what they promise at the designs in use? Made-up ladders whose law, or
lack of one, is known."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.studies.scaling.bootstrap import (
    UNEQUAL,
    null_noise,
    null_statistics,
    statistics_and_misfits,
)
from benchmark.studies.scaling.joint import JointLaw, fit_joint
from benchmark.studies.scaling.law import LEVEL, Law, fit
from benchmark.studies.scaling.points import JointPoint, Ladder, Point
from benchmark.utils.types import Notify

Vector = NDArray[np.float64]

E, ALPHA, SMALLEST = 0.46, 0.5, 1e5
SDS = (4e-4, 3e-3)
"""Of the test LogLoss over seeds: the range met on the synthetic data."""
FALLS = tuple(float(fall) for fall in np.arange(1, 6.01, 0.25))
POWER, MARGIN = 0.90, 0.02
"""The stated effect is the first of FALLS that is found with this power and margin."""
UNEQUAL_SDS = ((3.0, 2.0, 1.5, 1.0, 1.0, 1.0), (10.0, 1.0, 1.0, 1.0, 1.0, 1.0))
"""By size, in multiples of the sd at the largest."""
STEP = (0.528, 0.524, 0.521, 0.483, 0.471)
"""Losses that fall, but by no power law."""
JOINT_DRAWS = 100
TIMES = 10
"""The test's draws for one of the intervals'."""
RESAMPLES = 199
"""Of the test's null where a draw takes one of its own."""


@dataclass(frozen=True)
class LadderDesign:
    sizes: int
    seeds: int
    decades: float

    def ladder(self) -> Ladder:
        """Points of no noise to speak of, whose losses the draws replace."""
        sizes = np.geomspace(SMALLEST, SMALLEST * 10**self.decades, self.sizes)
        points = [
            Point(float(size), seed, 1 + seed * 1e-3)
            for size in sizes
            for seed in range(self.seeds)
        ]
        return Ladder.of(points)

    def __str__(self) -> str:
        return f"{self.sizes} x {self.seeds} over {self.decades:g}"


DESIGNS = (LadderDesign(6, 3, 1.5), LadderDesign(5, 3, 1.0))


@dataclass(frozen=True)
class Case:
    """A law that falls by `fall` seed sds from the smallest to the largest size, 0 a constant; or
    `losses` by size that follow none. `sd` is in LogLoss at the largest size, times `noisier` at
    each, if given."""

    design: LadderDesign
    sd: float
    fall: float = 0.0
    alpha: float = ALPHA
    noisier: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()

    def law(self, ladder: Ladder) -> Law:
        ends = (ladder.sizes[[0, -1]] / ladder.x0) ** -self.alpha
        return Law(E, float(self.fall * self.sd / (ends[0] - ends[1])), self.alpha, ladder.x0)

    def draws(self, ladder: Ladder, count: int, random: np.random.Generator) -> Vector:
        """log L [n, count]."""
        sds = (
            self.sd * np.repeat(self.noisier or np.ones(len(ladder.first)), ladder.counts)[:, None]
        )
        truth = np.repeat(self.losses or self.law(ladder).at(ladder.sizes), ladder.counts)[:, None]
        noise = sds * random.standard_normal((len(ladder.size), count))
        return np.asarray(np.log(truth + noise), np.float64)


@dataclass(frozen=True)
class Coverage:
    """Counts over the draws: intervals with the truth, alpha's among those where a law is found
    too, bounded ones."""

    case: Case
    draws: int
    alpha: int
    E: int
    A: int
    found: int
    alpha_where_found: int
    E_identified: int
    width: float | None
    """Median width of alpha's interval where both ends are bounded."""


@dataclass(frozen=True)
class FoundLaw:
    """Draws in which a law is found, and in which the constant is rejected and the law too."""

    case: Case
    draws: int
    found: int
    misfits: int


@dataclass(frozen=True)
class JointCoverage:
    """Ladders of parameters on all rows and of rows on one model."""

    parameters: int
    rows: int
    seeds: int
    sd: float
    draws: int
    E: int
    identified: int
    misfits: int
    width: float


@dataclass(frozen=True)
class LawOutcome:
    seed: int
    tests: tuple[FoundLaw, ...]
    laws: tuple[Coverage, ...]
    joints: tuple[JointCoverage, ...]


def generator(seed: int, *stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([seed, *stream])))


def verdicts(case: Case, log_loss: Vector) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of losses [n, draws], as the tables judge them: a law [draws]; no constant, and no law either
    [draws]."""
    ladder = case.design.ladder()
    statistic, misfit = statistics_and_misfits(ladder, log_loss)
    least = np.full(len(statistic), _critical_value(case.design, case.sd))
    for at in np.flatnonzero(ladder.noise_p_of(log_loss) < UNEQUAL):
        drawn = replace(ladder, log_loss=log_loss[:, at])
        least[at] = _exceeded(null_statistics(ladder, np.log(E), null_noise(drawn), RESAMPLES))
    falls, fits = statistic > least, misfit >= LEVEL
    return falls & fits, falls & ~fits


@cache
def _critical_value(design: LadderDesign, sd: float) -> float:
    return _exceeded(null_statistics(design.ladder(), np.log(E), sd / E))


def _exceeded(null: Vector) -> float:
    """What a statistic must exceed for the test, as it is used, to reject a constant."""
    return float(np.sort(null)[-round(LEVEL * (1 + len(null)))])


def power(case: Case, draws: int, random: np.random.Generator) -> FoundLaw:
    found, misfits = verdicts(case, case.draws(case.design.ladder(), draws, random))
    return FoundLaw(case, draws, int(found.sum()), int(misfits.sum()))


def coverage(case: Case, draws: int, random: np.random.Generator) -> Coverage:
    blank = case.design.ladder()
    truth, log_loss = case.law(blank), case.draws(blank, draws, random)
    fits = [fit(replace(blank, log_loss=log_loss[:, at])) for at in range(draws)]
    found, _ = verdicts(case, log_loss)
    holds = np.array([truth.alpha in one.alpha for one in fits])
    widths = [
        one.alpha.high - one.alpha.low
        for one in fits
        if one.alpha.low is not None and one.alpha.high is not None
    ]
    return Coverage(
        case,
        draws,
        alpha=int(holds.sum()),
        E=sum(truth.E in one.E for one in fits),
        A=sum(truth.A in one.A for one in fits),
        found=int(found.sum()),
        alpha_where_found=int((holds & found).sum()),
        E_identified=sum(one.identified for one in fits),
        width=float(np.median(widths)) if widths else None,
    )


def joint_coverage(
    sd: float, draws: int, random: np.random.Generator, seeds: int = 3
) -> JointCoverage:
    parameters, rows = np.geomspace(8e3, 3e5, 6), np.geomspace(3e4, 3e5, 5)
    law = JointLaw(
        E, 0.003, ALPHA, 0.02, ALPHA, parameters0=float(parameters[2]), rows0=float(rows[2])
    )
    pairs = [(float(size), float(rows[-1])) for size in parameters]
    pairs += [(float(parameters[2]), float(count)) for count in rows[:-1]]
    fits = []
    for _ in range(draws):
        points = [
            JointPoint(*pair, seed, float(law.at(*pair) + sd * random.standard_normal()))
            for pair in pairs
            for seed in range(seeds)
        ]
        fits.append(fit_joint(points))
    return JointCoverage(
        len(parameters),
        len(rows),
        seeds,
        sd,
        draws,
        E=sum(E in one.E for one in fits),
        identified=sum(one.identified for one in fits),
        misfits=sum(one.rejected for one in fits),
        width=float(np.median([(one.E.high or 1.0) - (one.E.low or 0.0) for one in fits])),
    )


def stated_effect(design: LadderDesign, seed: int) -> float:
    """In seed sds, from the smallest to the largest size; the last of FALLS where none has the
    power."""
    for number, fall in enumerate(FALLS):
        tried = power(Case(design, SDS[0], fall), 2000, generator(seed, 0, number))
        if tried.found >= (POWER + MARGIN) * tried.draws:
            return fall
    return FALLS[-1]


def simulate(draws: int, seed: int, notify: Notify) -> LawOutcome:
    """`draws` for each case of the intervals and of unequal noise, TIMES as many for the others of
    the test."""
    effects = [stated_effect(design, seed) for design in DESIGNS]
    cases = [
        Case(design, sd, fall)
        for design, effect in zip(DESIGNS, effects, strict=True)
        for fall in (0.0, effect)
        for sd in SDS
    ]
    cases += [Case(DESIGNS[0], SDS[0], noisier=sds) for sds in UNEQUAL_SDS]
    cases += [Case(DESIGNS[1], sd, losses=STEP) for sd in SDS]
    laws = [
        *(Case(design, sd, 10.0) for design, sd in zip(DESIGNS, SDS, strict=True)),
        Case(DESIGNS[0], SDS[0], 30.0, alpha=0.2),
        Case(DESIGNS[0], SDS[1], effects[0]),
        Case(DESIGNS[0], SDS[0], 20.0, noisier=UNEQUAL_SDS[0]),
    ]
    tests, covered, joints = [], [], []
    for at, case in enumerate(cases):
        tests.append(power(case, draws if case.noisier else TIMES * draws, generator(seed, 1, at)))
        notify(
            f"{case.design}, fall {case.fall:g}: a law found in {tests[-1].found} of"
            f" {tests[-1].draws}"
        )
    for at, case in enumerate(laws):
        covered.append(coverage(case, draws, generator(seed, 2, at)))
        notify(
            f"{case.design}, fall {case.fall:g}: alpha covered in {covered[-1].alpha} of {draws}"
        )
    for at, sd in enumerate(SDS):
        joints.append(joint_coverage(sd, min(draws, JOINT_DRAWS), generator(seed, 3, at)))
        notify(f"joint, sd {sd:g}: E covered in {joints[-1].E} of {joints[-1].draws}")
    return LawOutcome(seed, tuple(tests), tuple(covered), tuple(joints))
