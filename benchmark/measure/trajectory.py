"""How the rank changes from stage to stage: mixing raises it, the FFN lowers it; does it damp?

rise_l = mixing_l - input_l with input_1 = tokens and input_l = block{l-1}.ffn;
fall_l = ffn_l - mixing_l; amplitude a_l = (rise_l - fall_l) / 2, which is zero for a steady climb.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from statistics import mean, stdev

import numpy as np

from benchmark.measure.spectrum import Spectrum
from benchmark.model import block_stages, count_blocks
from benchmark.utils.arrays import Vector

DENSITY_BINS = 50


@dataclass(frozen=True)
class Trajectory:
    """One metric, normalised, over the stages; rise, fall and amplitude are per block [L], empty
    without mixing and FFN stages.

    Damping is the slope of ln amplitude over two or more blocks, all with amplitude > 0, with a
    standard error for three or more; collapse the last stage's value over that of `tokens`, or of
    `embedding` without tokens."""

    values: dict[str, float | None]
    rise: tuple[float, ...]
    fall: tuple[float, ...]
    amplitude: tuple[float, ...]
    damping: float | None
    damping_error: float | None
    collapse: float | None


@dataclass(frozen=True)
class Density:
    """Histograms of the samples' normalised rank at one stage, in DENSITY_BINS bins of [0, 1], and
    of its change from the stage before, in twice as many of [-1, 1]; empty at the first stage."""

    stage: str
    rank: tuple[int, ...]
    shift: tuple[int, ...]


@dataclass(frozen=True)
class Band:
    """Mean and standard deviation (None for one seed) over the seeds that have a value."""

    mean: float
    sd: float | None
    seeds: int


def over_seeds(values: Iterable[float | None]) -> Band | None:
    """One number of a trajectory over seeds; None if no seed has a value."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    return Band(mean(present), stdev(present) if len(present) > 1 else None, len(present))


def normalised(spectra: Mapping[str, Spectrum | None], metric: str) -> dict[str, float | None]:
    """Each stage's normalised mean, None if every matrix is zero."""
    return {stage: None if s is None else s.normalised(metric) for stage, s in spectra.items()}


def summarise(values: Mapping[str, float | None]) -> Trajectory:
    """Summarise normalised means in the order of stages; what needs a missing value is left out."""
    rise, fall = _steps(values)
    amplitude = tuple((up - down) / 2 for up, down in zip(rise, fall, strict=True))
    first, last = values.get("tokens", values.get("embedding")), list(values.values())[-1]
    collapse = None if not first or last is None else last / first
    return Trajectory(dict(values), rise, fall, amplitude, *_damping(amplitude), collapse)


def densities(samples: Mapping[str, Vector]) -> tuple[Density, ...]:
    """Histograms of normalised ranks [n] of the same samples at each stage; nan is not counted."""
    result = []
    before: Vector | None = None
    for stage, rank in samples.items():
        shift = () if before is None else _histogram(rank - before, -1.0, 2 * DENSITY_BINS)
        result.append(Density(stage, _histogram(rank, 0.0, DENSITY_BINS), shift))
        before = rank
    return tuple(result)


def _steps(values: Mapping[str, float | None]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rise and fall of every block; both empty if a stage or its value is missing."""
    path = ["tokens", *block_stages(count_blocks(values))]
    present = [value for value in map(values.get, path) if value is not None]
    if len(present) < len(path):
        return (), ()
    moves = tuple(after - before for before, after in pairwise(present))
    return moves[::2], moves[1::2]


def _damping(amplitude: tuple[float, ...]) -> tuple[float | None, float | None]:
    count = len(amplitude)
    if count < 2 or min(amplitude) <= 0:
        return None, None
    block = np.arange(count) - (count - 1) / 2
    height = np.array([log(a) for a in amplitude])
    height -= height.mean()
    spread = block @ block
    slope = block @ height / spread
    rest = height - slope * block
    error = sqrt(rest @ rest / (count - 2) / spread) if count > 2 else None
    return float(slope), error


def _histogram(values: Vector, low: float, bins: int) -> tuple[int, ...]:
    counts, _ = np.histogram(np.clip(values[~np.isnan(values)], low, 1.0), bins, (low, 1.0))
    return tuple(map(int, counts))
