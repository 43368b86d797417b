"""The ranks that the runs of a recipe found, over its seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.measure.spectrum import Spectrum
from benchmark.measure.trajectory import Band, Trajectory, normalised, over_seeds, summarise
from benchmark.model import count_blocks
from benchmark.records.record import Record

SpectrumForm = Literal["token", "batch"]
When = Literal["initial", "best"]
Runs = Sequence[Record]
"""Records of one recipe, by seed; at least one."""

FORMS: tuple[SpectrumForm, ...] = ("token", "batch")
WHEN: dict[When, str] = {"initial": "untrained", "best": "trained"}

BARS = "▁▂▃▄▅▆▇█"


def spectra(run: Record, form: SpectrumForm, when: When) -> dict[str, Spectrum | None]:
    """Stage by stage, in order."""
    name = when if form == "token" else f"{when}_batch"
    return {stage.stage: getattr(stage, name) for stage in run.spectra}


def ranks(run: Record, metric: str, form: SpectrumForm, when: When) -> dict[str, float | None]:
    """The metric's mean over its limit, stage by stage."""
    return normalised(spectra(run, form, when), metric)


def bands(runs: Runs, metric: str, form: SpectrumForm, when: When) -> dict[str, Band | None]:
    """The same over the seeds."""
    paths = [ranks(run, metric, form, when) for run in runs]
    return {stage: over_seeds(path.get(stage) for path in paths) for stage in paths[0]}


def trajectories(runs: Runs, metric: str, form: SpectrumForm, when: When) -> list[Trajectory]:
    """The summary of each run; those without stages have none."""
    return [summarise(path) for run in runs if (path := ranks(run, metric, form, when))]


def blocks(runs: Runs) -> int:
    """How many blocks of mixing and FFN the model has."""
    return count_blocks(stage.stage for stage in runs[0].spectra)


def block_bands(
    runs: Runs, metric: str, when: When, part: Literal["rise", "fall", "amplitude"]
) -> list[Band | None]:
    """Rise, fall or amplitude in token form over the seeds, block by block."""
    values = [getattr(path, part) for path in trajectories(runs, metric, "token", when)]
    return [over_seeds(each[block] for each in values if each) for block in range(blocks(runs))]


@dataclass(frozen=True)
class CurvePoint:
    """The normalised effective rank of a stage at one step, over the seeds that were evaluated
    there."""

    step: int
    band: Band


def rank_curve(runs: Runs) -> dict[str, list[CurvePoint]]:
    """Over training, stage by stage; evaluations at which every matrix of a stage was zero are left
    out."""
    steps = sorted({point.step for run in runs for point in run.rank_curve})
    curve: dict[str, list[CurvePoint]] = {stage.stage: [] for stage in runs[0].spectra}
    for step in steps:
        points = [point.erank for run in runs for point in run.rank_curve if point.step == step]
        for stage, course in curve.items():
            band = over_seeds(point.get(stage) for point in points)
            if band is not None:
                course.append(CurvePoint(step, band))
    return {stage: course for stage, course in curve.items() if course}


def all_spectra(run: Record) -> Iterator[tuple[str, str, SpectrumForm, Spectrum]]:
    """(stage, when, form, spectrum) of every spectrum that is there."""
    for form in FORMS:
        for when, said in WHEN.items():
            for stage, spectrum in spectra(run, form, when).items():
                if spectrum is not None:
                    yield stage, said, form, spectrum
