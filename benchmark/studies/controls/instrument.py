"""The instrument on matrices whose rank is known: noise, bottlenecks and planted faults."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from benchmark.data.schema import Schema
from benchmark.measure.null import rank_ratio
from benchmark.measure.spectrum import BatchCollector, Spectrum, StageCollector
from benchmark.registry import models
from benchmark.utils.arrays import Floats

ROWS = 512
STAGES = ((4, 8), (8, 32), (12, 12), (26, 16), (39, 10))
"""Tokens and width; each is read as a matrix a row and as a matrix a token: ten shapes."""
BOTTLENECKS = (2, 4, 6, 8, 12)
WIDE: dict[str, Any] = {"num_tokens": 8, "token_dim": 64, "num_blocks": 1}
POST_NORM: dict[str, Any] = {"mixing_norm": "post", "mixing_bias": False, **WIDE}
MIXINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "transposition": ("rankmixer", WIDE),
    "full mixing": ("rankelastor", {"mixing": "full", **POST_NORM}),
    "Kronecker mixing": ("rankelastor", {"mixing": "kronecker", "mixing_groups": 4, **POST_NORM}),
}
NOISE, RANK = 0.02, 0.1
"""Tolerances: of rank_ratio, and of a rank relative to it."""


@dataclass(frozen=True)
class Reading:
    """What the instrument reads, and the range in which it must."""

    control: str
    what: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        return self.low <= self.value <= self.high


@cache
def readings() -> tuple[Reading, ...]:
    """Every control, on draws of a seed of their own."""
    return (*_noise(), *_bottlenecks(), *_faults())


def _noise() -> Iterator[Reading]:
    for number, shape in enumerate(STAGES):
        for read in _spectra(_gaussian(number, ROWS, *shape)):
            what = f"{read.rows} x {read.columns}"
            yield Reading("noise", what, _ratio(read), 1 - NOISE, 1 + NOISE)


def _bottlenecks() -> Iterator[Reading]:
    """Gaussian numbers through a linear map to the tokens, then a block of an untrained model, in
    which all before the FFN is linear but the scale of a row."""
    torch.manual_seed(0)
    for label, (name, settings) in MIXINGS.items():
        model: Any = models.get(name)(Schema((), ("field",), (2,)), **settings)
        for width in BOTTLENECKS:
            mapped = _gaussian(width, ROWS, width) @ _gaussian(-width, width, 8 * 64)
            stages = {"tokens": torch.from_numpy(mapped.astype(np.float32)).view(ROWS, 8, 64)}
            with torch.no_grad():
                model.blocks[0](stages["tokens"], stages.__setitem__, 1)
            for stage in ("tokens", "block1.mixing"):
                erank = _spectra(stages[stage].numpy())[1].erank.mean
                what = f"{label}, {stage}, width {width}"
                yield Reading("bottleneck", what, erank, width * (1 - RANK), width * (1 + RANK))


def _faults() -> Iterator[Reading]:
    """Noise with a fault, read in the form that must see it, against the same noise without."""
    x = _gaussian(len(STAGES), ROWS, 12, 16)
    repeated, constant = x.copy(), x.copy()
    repeated[:, 1] = repeated[:, 0]
    constant[:, :, 0] = 1.0
    for what, planted, form in (
        ("a token repeats another: rank of a row", repeated, 0),
        ("a column is constant: rank of a batch", constant, 1),
        ("the batch has rank one: rank of a batch", x[:, :1, :1] * x[:1], 1),
    ):
        highest = _ratio(_spectra(x)[form]) - NOISE
        yield Reading("fault", what, _ratio(_spectra(planted)[form]), 0.0, highest)


def _spectra(x: Floats) -> tuple[Spectrum, ...]:
    """The spectra of x [B, T, D], a matrix a row and a matrix a token."""
    collectors = StageCollector(), BatchCollector()
    for collector in collectors:
        collector.add("x", x)
    return tuple(filter(None, (collector.spectra()["x"] for collector in collectors)))


def _ratio(read: Spectrum) -> float:
    return rank_ratio(read.erank.mean, read.rows, read.columns) or 0.0


def _gaussian(number: int, *shape: int) -> Floats:
    return np.random.Generator(np.random.Philox(key=[16, 64 + number])).standard_normal(shape)
