"""Do the scaling fits hold at the designs in use? Simulated ladders with a known law or none."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.significance import ALPHA
from benchmark.records.archive import Archive
from benchmark.reports.document import Document, Report, Table
from benchmark.studies.scaling import SIMULATION
from benchmark.studies.scaling.law import Law, fit
from benchmark.studies.scaling.points import UNEVEN, Ladder, Point
from benchmark.studies.scaling.verdict import null_noise, null_statistics, statistics
from benchmark.studies.simulations import share
from benchmark.utils.arrays import Vector
from benchmark.utils.types import Notify

E, EXPONENT, SMALLEST = 0.46, 0.5, 1e5
SDS = (4e-4, 3e-3)
"""Sds of the test LogLoss over seeds: the range met on the synthetic data."""
EFFECT = 3.0
"""The fall in seed sds that is found in about 92 % of draws."""
UNEQUAL_SDS = ((3.0, 2.0, 1.5, 1.0, 1.0, 1.0), (10.0, 1.0, 1.0, 1.0, 1.0, 1.0))
"""By size, in multiples of the sd at the largest."""
STEP = (0.528, 0.524, 0.521, 0.483, 0.471)
"""Losses that fall, but by no power law."""
TIMES = 10
"""Draws of the test for one of the intervals."""
RESAMPLES = 199
"""Resamples of the null where a draw has a null of its own."""
COMMAND = "python -m benchmark scale simulate"
VERDICTS = ("a law found", "no law found", "falls by no power law")
COVERAGE = (
    *("alpha", "E", "A", "a law found", "alpha, where found", "E identified"),
    "alpha's median width",
)
CASE = ("sizes x seeds over decades", "seed sd of LogLoss", "fall in sds", "alpha")


@dataclass(frozen=True)
class LadderDesign:
    sizes: int
    seeds: int
    decades: float

    def ladder(self) -> Ladder:
        """A ladder whose losses are placeholders, for the draws to replace."""
        sizes = np.geomspace(SMALLEST, SMALLEST * 10**self.decades, self.sizes)
        places = product(sizes, range(self.seeds))
        return Ladder.of([Point(float(size), seed, 1 + seed * 1e-3) for size, seed in places])

    def __str__(self) -> str:
        return f"{self.sizes} x {self.seeds} over {self.decades:g}"


DESIGNS = (LadderDesign(6, 3, 1.5), LadderDesign(5, 3, 1.0))


@dataclass(frozen=True)
class Case:
    """A law that falls by `fall` seed sds from the smallest to the largest size, 0 for a constant;
    or `losses` by size that follow no law.

    `sd` is in LogLoss at the largest size, times `noisier` at each, if any."""

    design: LadderDesign
    sd: float
    fall: float = 0.0
    alpha: float = EXPONENT
    noisier: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()

    def law(self, ladder: Ladder) -> Law:
        ends = (ladder.sizes[[0, -1]] / ladder.x0) ** -self.alpha
        return Law(E, float(self.fall * self.sd / (ends[0] - ends[1])), self.alpha, ladder.x0)

    def draws(self, ladder: Ladder, count: int, random: np.random.Generator) -> Vector:
        """Simulated log L [n, count]."""
        times = self.noisier or np.ones(len(ladder.first))
        sds = self.sd * np.repeat(times, ladder.counts)[:, None]
        truth = np.repeat(self.losses or self.law(ladder).at(ladder.sizes), ladder.counts)[:, None]
        noise = sds * random.standard_normal((len(ladder.size), count))
        return np.asarray(np.log(truth + noise), np.float64)

    def cells(self) -> tuple[str, ...]:
        """The columns CASE."""
        sds = ", ".join(f"{self.sd * times:g}" for times in self.noisier) or f"{self.sd:g}"
        if self.losses:
            return str(self.design), sds, "a step", ""
        return str(self.design), sds, f"{self.fall:g}", f"{self.alpha:g}" if self.fall else ""


TESTED = (
    *(Case(design, sd, fall) for design, fall, sd in product(DESIGNS, (0.0, EFFECT), SDS)),
    *(Case(DESIGNS[0], SDS[0], noisier=sds) for sds in UNEQUAL_SDS),
    *(Case(DESIGNS[1], sd, losses=STEP) for sd in SDS),
)
COVERED = (
    Case(DESIGNS[0], SDS[0], 10.0),
    Case(DESIGNS[1], SDS[1], 10.0),
    Case(DESIGNS[0], SDS[0], 30.0, alpha=0.2),
    Case(DESIGNS[0], SDS[1], EFFECT),
    Case(DESIGNS[0], SDS[0], 20.0, noisier=UNEQUAL_SDS[0]),
)


@dataclass(frozen=True)
class Verdicts:
    """Numbers of draws in which a law is found, and in which constant and law are rejected."""

    case: Case
    draws: int
    found: int
    misfits: int

    @property
    def constant(self) -> int:
        """Draws in which the constant is not rejected."""
        return self.draws - self.found - self.misfits


@dataclass(frozen=True)
class Coverage:
    """Numbers of draws whose intervals hold the true alpha, E and A, in which a law is found (and
    alpha's interval holds the truth), and in which E is identified.

    `width` is the median width of alpha's interval where both ends are bounded."""

    case: Case
    draws: int
    alpha: int
    E: int
    A: int
    found: int
    alpha_where_found: int
    E_identified: int
    width: float | None


@dataclass(frozen=True)
class LawOutcome:
    seed: int
    tests: tuple[Verdicts, ...]
    laws: tuple[Coverage, ...]


def generator(seed: int, *stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([seed, *stream])))


def verdicts(case: Case, log_loss: Vector) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Judge losses [n, draws] as the tables do: a law [draws], neither constant nor law [draws]."""
    ladder = case.design.ladder()
    statistic, misfit = statistics(ladder, log_loss)
    critical = np.full(len(statistic), _critical_value(case.design, case.sd))
    for draw in np.flatnonzero(ladder.noise_p_of(log_loss) < UNEVEN):
        noise = null_noise(replace(ladder, log_loss=log_loss[:, draw]))
        critical[draw] = _quantile(null_statistics(ladder, np.log(E), noise, RESAMPLES))
    falls, fits = statistic > critical, misfit >= ALPHA
    return falls & fits, falls & ~fits


@cache
def _critical_value(design: LadderDesign, sd: float) -> float:
    return _quantile(null_statistics(design.ladder(), np.log(E), sd / E))


def _quantile(null: Vector) -> float:
    """The statistic above which the test rejects a constant."""
    return float(np.sort(null)[-round(ALPHA * (1 + len(null)))])


def power(case: Case, draws: int, random: np.random.Generator) -> Verdicts:
    laws, misfits = verdicts(case, case.draws(case.design.ladder(), draws, random))
    return Verdicts(case, draws, int(laws.sum()), int(misfits.sum()))


def coverage(case: Case, draws: int, random: np.random.Generator) -> Coverage:
    blank = case.design.ladder()
    truth, log_loss = case.law(blank), case.draws(blank, draws, random)
    fits = [fit(replace(blank, log_loss=log_loss[:, draw])) for draw in range(draws)]
    laws, _ = verdicts(case, log_loss)
    holds = np.array([truth.alpha in each.alpha for each in fits])
    widths = [each.alpha.width for each in fits if each.alpha.width is not None]
    return Coverage(
        case,
        draws,
        alpha=int(holds.sum()),
        E=sum(truth.E in each.E for each in fits),
        A=sum(truth.A in each.A for each in fits),
        found=int(laws.sum()),
        alpha_where_found=int((holds & laws).sum()),
        E_identified=sum(each.identified for each in fits),
        width=float(np.median(widths)) if widths else None,
    )


def simulate(draws: int, seed: int, notify: Notify) -> LawOutcome:
    """Simulate `draws` ladders for each case of the intervals and of unequal noise, TIMES as many
    for the other cases of the test."""
    tests, intervals = [], []
    for at, case in enumerate(TESTED):
        test = power(case, draws if case.noisier else TIMES * draws, generator(seed, 1, at))
        tests.append(test)
        notify(f"{case.design}, fall {case.fall:g}: a law found in {test.found} of {test.draws}")
    for at, case in enumerate(COVERED):
        counts = coverage(case, draws, generator(seed, 2, at))
        intervals.append(counts)
        notify(f"{case.design}, fall {case.fall:g}: alpha covered in {counts.alpha} of {draws}")
    return LawOutcome(seed, tuple(tests), tuple(intervals))


def documents(report: Report, results: Path) -> list[Document]:
    return report.documents(Archive(results).scaling_table(SIMULATION), COMMAND)


def as_report(outcome: LawOutcome) -> Report:
    even = [test for test in outcome.tests if not (test.case.noisier or test.case.losses)]
    flat = [test.constant / test.draws for test in even if test.case.fall == 0]
    power = [test.found / test.draws for test in even if test.case.fall > 0]
    steps = [test.found / test.draws for test in outcome.tests if test.case.losses]
    covered = [each.alpha / each.draws for each in outcome.laws if not each.case.noisier]
    remarks = (
        f"Simulated ladders: LogLoss of a known law, E {E:g}, with normal noise over seeds; sizes"
        " are even in logarithm. A fall is the law's from the smallest to the largest size, in seed"
        f" sds. ± is 1.96 standard errors of the simulation (generator seed {outcome.seed}).",
        f'"No scaling law found" in at least {min(flat):.1%} of the flat draws, a law in at least'
        f" {min(power):.1%} of those with the stated effect. Alpha's 95 % interval covers in"
        f" {min(covered):.1%} to {max(covered):.1%}. Of losses that fall by a step, not by a power"
        f" law, at most {max(steps):.1%} are called a law.",
    )
    tables = (_tests(outcome.tests), _intervals(outcome.laws))
    return Report("Do the scaling fits hold?", remarks, tables, asdict(outcome))


def _tests(tests: Sequence[Verdicts]) -> Table:
    rows = []
    for test in tests:
        case, shares = test.case, (test.found, test.constant, test.misfits)
        fall = case.losses[0] - case.losses[-1] if case.losses else case.fall * case.sd
        counted = [share(count, test.draws) for count in shares]
        rows.append((*case.cells(), f"{fall:.2g}", f"{test.draws:,}", *counted))
    return Table(
        "Law or constant",
        (*CASE, "fall in LogLoss", "draws", *VERDICTS),
        tuple(rows),
        (
            f"A fall of {EFFECT:g} sds is the stated effect. A true law is rejected for its misfit"
            " in about 5 % of draws.",
            "Sds that differ are written from the smallest size on. From three seeds a size"
            " Bartlett's test at 1 % detects only large differences; the null is then drawn with"
            " the sd of each size.",
            f"The step: LogLoss {', '.join(f'{loss:g}' for loss in STEP)} by size.",
        ),
    )


def _intervals(laws: Sequence[Coverage]) -> Table:
    rows = []
    for law in laws:
        counts = law.alpha, law.E, law.A, law.found
        shares = [share(count, law.draws) for count in counts]
        shares += [share(law.alpha_where_found, law.found), share(law.E_identified, law.draws)]
        width = "" if law.width is None else f"{law.width:.2f}"
        rows.append((*law.case.cells(), f"{law.draws:,}", *shares, width))
    return Table(
        "95 % profile intervals that hold the truth",
        (*CASE, "draws", *COVERAGE),
        tuple(rows),
        (
            "Near the stated effect a law is found but its exponent hardly bounded: E >= 0 and A >="
            " 0 cut the region, and intervals cover more than 95 %. Widths are medians over"
            " intervals with both ends; E is identified where its interval is narrower than the"
            " fall.",
        ),
    )
