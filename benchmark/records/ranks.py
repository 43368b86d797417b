"""The ranks of a recipe's runs, over the seeds; `runs` is never empty."""

from collections.abc import Iterator
from typing import Literal

from benchmark.measure.spectrum import Spectrum
from benchmark.measure.trajectory import Band, Trajectory, normalised, over_seeds, summarise
from benchmark.model import count_blocks
from benchmark.records.archive import Runs
from benchmark.records.record import Record

SpectrumForm = Literal["token", "batch"]
When = Literal["initial", "best"]

FORMS: tuple[SpectrumForm, ...] = ("token", "batch")
WHEN: dict[When, str] = {"initial": "untrained", "best": "trained"}

BARS = "▁▂▃▄▅▆▇█"


def spectra(run: Record, form: SpectrumForm, when: When) -> dict[str, Spectrum | None]:
    """The spectra by stage, in order."""
    name = when if form == "token" else f"{when}_batch"
    return {stage.stage: getattr(stage, name) for stage in run.spectra}


def ranks(run: Record, metric: str, form: SpectrumForm, when: When) -> dict[str, float | None]:
    """The mean of a metric over its limit, by stage."""
    return normalised(spectra(run, form, when), metric)


def bands(runs: Runs, metric: str, form: SpectrumForm, when: When) -> dict[str, Band | None]:
    """`ranks` over the seeds."""
    paths = [ranks(run, metric, form, when) for run in runs]
    return {stage: over_seeds(path.get(stage) for path in paths) for stage in paths[0]}


def trajectories(runs: Runs, metric: str, form: SpectrumForm, when: When) -> list[Trajectory]:
    """The summary of each run that has stages."""
    return [summarise(path) for run in runs if (path := ranks(run, metric, form, when))]


def blocks(runs: Runs) -> int:
    """Number of the model's blocks of mixing and FFN."""
    return count_blocks(runs[0].stages)


def block_bands(
    runs: Runs, metric: str, when: When, part: Literal["rise", "fall", "amplitude"]
) -> list[Band | None]:
    """Rise, fall or amplitude in token form over the seeds, block by block."""
    values = [getattr(path, part) for path in trajectories(runs, metric, "token", when)]
    return [over_seeds(each[block] for each in values if each) for block in range(blocks(runs))]


def rank_curve(runs: Runs) -> dict[str, dict[int, Band]]:
    """The normalised effective rank by stage and step, over the seeds with an evaluation there,
    without evaluations at which every matrix of a stage was zero."""
    steps = sorted({point.step for run in runs for point in run.rank_curve})
    curve: dict[str, dict[int, Band]] = {stage: {} for stage in runs[0].stages}
    for step in steps:
        points = [point.erank for run in runs for point in run.rank_curve if point.step == step]
        for stage, course in curve.items():
            band = over_seeds(point.get(stage) for point in points)
            if band is not None:
                course[step] = band
    return {stage: course for stage, course in curve.items() if course}


def all_spectra(run: Record) -> Iterator[tuple[str, str, SpectrumForm, Spectrum]]:
    """(stage, when, form, spectrum) of every spectrum of a record."""
    for form in FORMS:
        for when, shown in WHEN.items():
            for stage, spectrum in spectra(run, form, when).items():
                if spectrum is not None:
                    yield stage, shown, form, spectrum
