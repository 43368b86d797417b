"""How the rank changes from stage to stage: mixing raises it, the FFN lowers it; does it damp?

On rank ratios, block by block: rise_l = mixing_l - input_l, where input_1 = tokens and
input_l = block{l-1}.ffn; fall_l = ffn_l - mixing_l; the amplitude a_l = (rise_l - fall_l) / 2 is
signed, and zero for a steady climb.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, stdev

import numpy as np

from benchmark.measure import null
from benchmark.measure.spectrum import Spectrum
from benchmark.model import block_stages, count_blocks
from benchmark.utils.arrays import Vector

DECAYS = (-3.0, 10.0)
"""Range of the decay constant: from growing twentyfold a block to one block alone."""


@dataclass(frozen=True)
class Trajectory:
    """The rank ratio over the stages; rise, fall and amplitude are per block [L], empty without
    mixing and FFN stages.

    `damping` is a_1 less the mean of the later amplitudes, for two blocks or more; `decay` the k of
    a_l = a_1 exp(-k (l - 1)) by least squares on the amplitudes, for three or more. `retention` is
    the last stage's ratio over the highest of any earlier stage."""

    values: dict[str, float | None]
    rise: tuple[float, ...]
    fall: tuple[float, ...]
    amplitude: tuple[float, ...]
    damping: float | None
    decay: float | None
    retention: float | None


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


def ratios(spectra: Mapping[str, Spectrum | None]) -> dict[str, float | None]:
    """The mean effective rank of each stage over that of noise of its shape. None where every
    matrix is zero, and where a stage has one row or column."""
    return {stage: _ratio(spectrum) for stage, spectrum in spectra.items()}


def summarise(values: Mapping[str, float | None]) -> Trajectory:
    """Summarise rank ratios in the order of stages; what needs a missing value is left out."""
    rise, fall = _steps(values)
    amplitude = tuple((up - down) / 2 for up, down in zip(rise, fall, strict=True))
    damping = amplitude[0] - mean(amplitude[1:]) if len(amplitude) > 1 else None
    decay = _decay(np.array(amplitude)) if len(amplitude) > 2 else None
    retention = _retention(list(values.values()))
    return Trajectory(dict(values), rise, fall, amplitude, damping, decay, retention)


def _ratio(spectrum: Spectrum | None) -> float | None:
    if spectrum is None:
        return None
    return null.rank_ratio(spectrum.erank.mean, spectrum.rows, spectrum.columns)


def _retention(values: list[float | None]) -> float | None:
    *earlier, last = values
    present = [value for value in earlier if value is not None]
    return None if last is None or not present else last / max(present)


def _steps(values: Mapping[str, float | None]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rise and fall of every block; both empty if a stage or its value is missing."""
    path = ["tokens", *block_stages(count_blocks(values))]
    present = [value for value in map(values.get, path) if value is not None]
    if len(present) < len(path):
        return (), ()
    moves = tuple(after - before for before, after in pairwise(present))
    return moves[::2], moves[1::2]


def _decay(amplitude: Vector) -> float:
    """The k of c exp(-k l) that is closest to the amplitudes, c being free."""
    from scipy.optimize import minimize_scalar  # half a second that most runs can spare

    block = np.arange(len(amplitude))

    def rest(k: float) -> float:
        shape = np.exp(-k * block)
        c = shape @ amplitude / (shape @ shape)
        return float(np.sum((amplitude - c * shape) ** 2))

    start = min(np.linspace(*DECAYS, 53), key=rest)
    near = (max(start - 0.25, DECAYS[0]), min(start + 0.25, DECAYS[1]))
    return float(minimize_scalar(rest, bounds=near, method="bounded").x)
