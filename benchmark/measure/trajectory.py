"""How the rank moves from stage to stage: mixing raises it, the FFN lowers it, and does the
oscillation damp?

rise_l = mixing_l - input_l with input_1 = tokens and input_l = block{l-1}.ffn; fall_l = ffn_l -
mixing_l;
amplitude a_l = (rise_l - fall_l) / 2, signed, so a steady climb has none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.spectrum import Spectrum
from benchmark.model import block_stages, count_blocks

DENSITY_BINS = 50
"""Of normalised rank in [0, 1]; a shift lies in [-1, 1] and has twice as many of the same width."""


@dataclass(frozen=True)
class Trajectory:
    """One metric's path; rise, fall and amplitude are per block [L], empty without mixing and FFN
    stages."""

    values: dict[str, float | None]
    """Each stage's mean normalised rank, in order."""
    rise: tuple[float, ...]
    fall: tuple[float, ...]
    amplitude: tuple[float, ...]
    damping: float | None
    """Least-squares slope of ln amplitude over the block number; only of two blocks or more, all
    amplitudes > 0."""
    damping_error: float | None
    """Its standard error; only of three blocks or more."""
    collapse: float | None
    """The last stage's value over that of `tokens`, or of `embedding` where there are no tokens."""


@dataclass(frozen=True)
class Density:
    """Histograms of the samples' normalised rank at one stage and of its change since the stage
    before."""

    stage: str
    rank: tuple[int, ...]
    """Counts in DENSITY_BINS equal bins of [0, 1]."""
    shift: tuple[int, ...]
    """Counts in 2 DENSITY_BINS equal bins of [-1, 1]; empty at the first stage."""


@dataclass(frozen=True)
class Band:
    """Mean and standard deviation over seeds, and how many of them have a value."""

    mean: float
    sd: float | None
    """None for a single seed."""
    seeds: int


def over_seeds(values: Iterable[float | None]) -> Band | None:
    """One number of a trajectory over the seeds that have it; None where none has."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Band(mean(known), stdev(known) if len(known) > 1 else None, len(known))


def normalised(spectra: Mapping[str, Spectrum | None], metric: str) -> dict[str, float | None]:
    """Each stage's mean over its limit, None where every matrix is zero."""
    return {stage: None if s is None else s.normalised(metric) for stage, s in spectra.items()}


def summarise(values: Mapping[str, float | None]) -> Trajectory:
    """The summary of normalised means in the order of stages. A stage without a value leaves out
    what needs it."""
    rise, fall = _steps(values)
    amplitude = tuple((up - down) / 2 for up, down in zip(rise, fall, strict=True))
    damping, error = _damping(amplitude)
    return Trajectory(dict(values), rise, fall, amplitude, damping, error, _collapse(values))


def densities(samples: Mapping[str, NDArray[np.float64]]) -> tuple[Density, ...]:
    """From normalised ranks [n] of the same samples at each stage, in order; nan is not counted."""
    found = []
    before: NDArray[np.float64] | None = None
    for stage, rank in samples.items():
        shift = () if before is None else _histogram(rank - before, -1.0, 2 * DENSITY_BINS)
        found.append(Density(stage, _histogram(rank, 0.0, DENSITY_BINS), shift))
        before = rank
    return tuple(found)


def _steps(values: Mapping[str, float | None]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rise and fall of every block; both empty where a stage or its value is missing."""
    path = ["tokens", *block_stages(count_blocks(values))]
    known = [value for value in map(values.get, path) if value is not None]
    if len(known) < len(path):
        return (), ()
    moves = tuple(after - before for before, after in pairwise(known))
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


def _collapse(values: Mapping[str, float | None]) -> float | None:
    first, last = values.get("tokens", values.get("embedding")), list(values.values())[-1]
    return None if not first or last is None else last / first


def _histogram(values: NDArray[np.float64], low: float, bins: int) -> tuple[int, ...]:
    counts, _ = np.histogram(np.clip(values[~np.isnan(values)], low, 1.0), bins, (low, 1.0))
    return tuple(map(int, counts))
