"""The ranks of a recipe's runs, over the seeds; `runs` is never empty."""

from typing import Literal

from benchmark.measure.null import rank_ratio
from benchmark.measure.spectrum import Spectrum, SpectrumForm
from benchmark.measure.trajectory import Band, Trajectory, over_seeds, ratios, summarise
from benchmark.model import count_blocks
from benchmark.records.archive import Runs
from benchmark.records.measured import When
from benchmark.records.record import Record

WHEN: dict[When, str] = {"initial": "untrained", "best": "trained"}

BARS = "▁▂▃▄▅▆▇█"


def means(run: Record, metric: str, form: SpectrumForm, when: When) -> dict[str, float | None]:
    """The mean of a metric over the matrices of each stage, not divided by anything."""
    spectra = run.spectra(when)[form]
    return {
        stage: None if each is None else getattr(each, metric).mean
        for stage, each in spectra.items()
    }


def bands(runs: Runs, form: SpectrumForm, when: When) -> dict[str, Band | None]:
    """The rank ratio of each stage, over the seeds."""
    paths = [ratios(run.spectra(when)[form]) for run in runs]
    return {stage: over_seeds(path.get(stage) for path in paths) for stage in paths[0]}


def last_ratio(run: Record, form: SpectrumForm = "batch") -> float | None:
    """The rank ratio of the last stage, trained: the headline of a run's rank."""
    path = list(ratios(run.spectra("best")[form]).values())
    return path[-1] if path else None


def trajectories(runs: Runs, form: SpectrumForm, when: When) -> list[Trajectory]:
    """The summary of each run that has stages."""
    return [summarise(path) for run in runs if (path := ratios(run.spectra(when)[form]))]


def blocks(runs: Runs) -> int:
    """Number of the model's blocks of mixing and FFN."""
    return count_blocks(runs[0].stages)


def block_bands(
    runs: Runs, form: SpectrumForm, when: When, part: Literal["rise", "fall", "amplitude"]
) -> list[Band | None]:
    """Rise, fall or amplitude over the seeds, block by block."""
    values = [getattr(path, part) for path in trajectories(runs, form, when)]
    return [over_seeds(each[block] for each in values if each) for block in range(blocks(runs))]


def rank_curve(runs: Runs, form: SpectrumForm = "batch") -> dict[str, dict[int, Band]]:
    """The rank ratio by stage and step, over the seeds with an evaluation there, without
    evaluations at which every matrix of a stage was zero."""
    steps = sorted({point.step for run in runs for point in run.rank_curve})
    curve: dict[str, dict[int, Band]] = {stage: {} for stage in runs[0].stages}
    for step in steps:
        for stage, course in curve.items():
            band = over_seeds(_ratio_at(run, form, stage, step) for run in runs)
            if band is not None:
                course[step] = band
    return {stage: course for stage, course in curve.items() if course}


def _ratio_at(run: Record, form: SpectrumForm, stage: str, step: int) -> float | None:
    spectrum: Spectrum | None = run.spectra("best")[form].get(stage)
    point = next((point for point in run.rank_curve if point.step == step), None)
    if spectrum is None or point is None:
        return None
    erank = point[form].get(stage)
    rows = run.curve_probe_rows if form == "batch" else spectrum.rows
    return None if erank is None else rank_ratio(erank, rows, spectrum.columns)
