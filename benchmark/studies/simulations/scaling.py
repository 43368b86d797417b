"""How often do the verdicts on ladders err? Simulated ladders whose truth is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmark.records.archive import Archive
from benchmark.reports.document import Document, Report, Table
from benchmark.studies.scaling import SIMULATION
from benchmark.studies.scaling.law import LAW, NO_FALL, UNDECIDED, Ladder, fit
from benchmark.studies.simulations import share
from benchmark.utils.types import Notify

LOWEST, SD, SMALLEST = 0.43, 1e-3, 1e4
"""Loss at the end of a fall, its sd over seeds, and smallest size: a verdict hardly depends on
them, but on the fall in sds."""
UNEQUAL = 3.0, 2.0, 1.5, 1.0, 1.0, 1.0
"""Sds by size, in multiples of SD."""
COMMAND = "python -m benchmark scale simulate"
VERDICTS = LAW, UNDECIDED, NO_FALL

Course = tuple[float, ...]


@dataclass(frozen=True)
class LadderDesign:
    sizes: int = 6
    seeds: int = 3
    decades: float = 1.5

    def places(self) -> list[float]:
        return [float(x) for x in np.geomspace(1, 10**self.decades, self.sizes)]

    def __str__(self) -> str:
        return f"{self.sizes} x {self.seeds} over {self.decades:g}"


OURS = LadderDesign()


@dataclass(frozen=True)
class Case:
    """A truth: the mean loss by size is LOWEST and `fall` sds times `course`, which goes from 1 to
    0 unless it rises at the end. `alpha` is that of a true law, `sds` are in multiples of SD."""

    truth: str
    fall: float
    course: Course
    alpha: float | None = None
    design: LadderDesign = OURS
    sds: Course = ()

    def draw(self, random: np.random.Generator) -> Ladder:
        design = self.design
        noise = SD * random.standard_normal((design.sizes, design.seeds))
        sds = np.array(self.sds or (1.0,) * design.sizes)
        means = LOWEST + SD * self.fall * np.array(self.course)
        losses = means[:, None] + sds[:, None] * noise
        return Ladder(SMALLEST * np.array(design.places()), list(losses))


def law(fall: float, alpha: float, design: LadderDesign = OURS, sds: Course = ()) -> Case:
    power = [size**-alpha for size in design.places()]
    course = tuple((each - power[-1]) / (power[0] - power[-1]) for each in power)
    noise = f", sds {', '.join(f'{sd:g}' for sd in sds)}" if sds else ""
    return Case(f"law, alpha {alpha:g}{noise}", fall, course, alpha, design, sds)


def line(fall: float) -> Case:
    return Case("straight line in ln x", fall, tuple(np.linspace(1, 0, OURS.sizes).tolist()))


def rising(fall: float, rise: float) -> Case:
    """A law up to the second largest size, from which it rises."""
    *course, before, _ = law(fall, 0.5).course
    truth = f"law, alpha 0.5, then a rise of {rise:g} sds"
    return Case(truth, fall, (*course, before, before + rise / fall))


CASES = (
    *(law(fall, 0.5) for fall in (10, 20, 30)),
    *(law(40, alpha) for alpha in (0.2, 0.8)),
    law(30, 0.5, sds=UNEQUAL),
    law(30, 0.5, LadderDesign(5, 3, 1.0)),
    law(10, 0.5, LadderDesign(5, 10, 1.5)),
    *(line(fall) for fall in (5, 30, 100)),
    *(rising(fall, rise) for fall, rise in ((30, 0.5), (30, 2.0), (100, 2.0))),
    Case("most of the fall in one step", 30, (1.0, 0.97, 0.92, 0.85, 0.1, 0.0)),
    Case("constant", 0, (0.0,) * OURS.sizes),
)


@dataclass(frozen=True)
class Verdicts:
    """Draws by verdict, and in how many alpha's interval holds the truth."""

    case: Case
    draws: int
    verdicts: dict[str, int]
    covered: int | None


@dataclass(frozen=True)
class LadderOutcome:
    seed: int
    cases: tuple[Verdicts, ...]


def simulate(draws: int, seed: int, notify: Notify, cases: Sequence[Case] = CASES) -> LadderOutcome:
    """Judge `draws` ladders of each case as the tables do."""
    outcomes = []
    for at, case in enumerate(cases):
        random = np.random.Generator(np.random.Philox(seed=np.random.SeedSequence([seed, at])))
        fits = [fit(case.draw(random)) for _ in range(draws)]
        counts = Counter(each.verdict for each in fits)
        verdicts = {verdict: counts[verdict] for verdict in VERDICTS}
        covered = None if case.alpha is None else sum(case.alpha in each.alpha for each in fits)
        outcomes.append(Verdicts(case, draws, verdicts, covered))
        notify(f"{case.truth}, fall {case.fall:g} sds: a law in {counts[LAW]} of {draws}")
    return LadderOutcome(seed, tuple(outcomes))


def documents(report: Report, results: Path) -> list[Document]:
    return report.documents(Archive(results).scaling_table(SIMULATION), COMMAND)


def as_report(outcome: LadderOutcome) -> Report:
    even = [each for each in outcome.cases if not each.case.sds]
    true = [each for each in even if each.case.alpha is not None]
    false = [each.verdicts[LAW] / each.draws for each in even if each.case.alpha is None]
    covered = [each.covered / each.draws for each in true if each.covered is not None]
    remarks = (
        "Simulated ladders with normal noise over seeds, at sizes even in ln x. The fall of the"
        " loss from the first size to the last is in sds of a seed. ± is 1.96 standard errors of"
        f" the simulation (generator seed {outcome.seed}).",
        f"What is no law is called one in at most {max(false):.1%} of draws; alpha's 95 % interval"
        f" covers a true law's in {min(covered):.1%} to {max(covered):.1%}. {_power(true)}",
    )
    return Report("Do the verdicts on ladders hold?", remarks, (_table(outcome),), asdict(outcome))


def _power(true: Sequence[Verdicts]) -> str:
    found = [each for each in true if each.verdicts[LAW] >= 0.8 * each.draws]
    cases = [
        f"{each.case.fall:g} sds at alpha {each.case.alpha:g} ({each.case.design})"
        for each in found
    ]
    return "True laws are called one in at least 80 % at a fall of " + ", ".join(cases) + "."


def _table(outcome: LadderOutcome) -> Table:
    rows = []
    for each in outcome.cases:
        case = each.case
        shares = [share(each.verdicts[verdict], each.draws) for verdict in VERDICTS]
        covered = "" if each.covered is None else share(each.covered, each.draws)
        names = case.truth, str(case.design), f"{case.fall:g}", f"{each.draws:,}"
        rows.append((*names, *shares, covered))
    head = "truth", "sizes x seeds over decades", "fall in sds", "draws", *VERDICTS, "alpha covered"
    return Table("Verdicts", head, tuple(rows))
