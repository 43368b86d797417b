"""Planted click data of Criteo's shape: unlimited rows whose true click probability is known.

Row i is a function of (size, i) alone: its 40 raw draws stand at a fixed place of a counter-based
stream (Philox, Salmon et al., SC 2011), so chunks, threads and totals cannot change it. Values come
from integer arithmetic and correctly rounded square roots, so they are the same on every platform.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import SPLITS

GENERATOR = "planted-1"
DENSE = tuple(f"I{j}" for j in range(1, 14))
SPARSE = tuple(f"C{j}" for j in range(1, 27))
FIELDS = DENSE + SPARSE

CLUSTERS = 4
CLUSTER_SHARE = 2.0  # of a sparse value's effect, against 1 of its own
TAIL_FROM = 32  # frequent values
LEVELS = 2**16  # of a dense field; the index after the last stands for missing
DRAWS = len(FIELDS) + 1  # a row's budget, the label's draw last: a multiple of 4, Philox's block

_SCALES = (2, 3, 2, 4, 20, 6, 3, 4, 8, 2, 3, 2, 4)
_OFFSETS = (0, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_MISSING = (116, 0, 55, 56, 7, 57, 11, 0, 11, 116, 11, 196, 56)  # shares in 256ths

# The products of latent scores: every two fields of a group, the pairs, the triples.
_GROUPS = ("C3 C7 C10 C14 C18", "C4 C8 C12 C16")
_PAIRS = ("I1 C7", "I2 C12", "I3 C10", "I4 C5", "I6 C9", "I8 C3", "I11 C4", "I13 C8")
_TRIPLES = (
    "C2 C3 C4",
    "C2 C7 C12",
    "C3 C8 C13",
    "C4 C5 C6",
    "C6 C7 C8",
    "I2 C5 C10",
    "C9 C11 C14",
    "I9 C10 C12",
)
_WEIGHTS = (0.9, 1.0, 0.5)  # standard deviation of the logit's first, second and third order
_BIAS = -1.5


@dataclass(frozen=True)
class FieldSize:
    """`rows` of train, valid, test; `vocabulary`, the frequent values of C1 and of C26, those
    between log-spaced; `half_signal`, the probability at which a value carries half of its signal;
    `min_count` of the encoding."""

    name: str
    rows: tuple[int, int, int]
    vocabulary: tuple[int, int]
    half_signal: float
    min_count: int = 2
    seed: int = 2605

    def spans(self) -> dict[str, tuple[int, int]]:
        """First row of each split, and the row after its last."""
        ends = np.cumsum(self.rows).tolist()
        return {
            split: (end - rows, end)
            for split, rows, end in zip(SPLITS, self.rows, ends, strict=True)
        }


@dataclass(frozen=True)
class Rows:
    """dense float64 [n, 13] (whole numbers, NaN where missing), sparse int32 [n, 26] (tokens),
    logit float64 [n] of
    the true click probability, label uint8 [n]."""

    dense: NDArray[np.float64]
    sparse: NDArray[np.int32]
    logit: NDArray[np.float64]
    label: NDArray[np.uint8]


@dataclass(frozen=True)
class Field:
    """One column's values by index, [n] each: cumulative integer weights; effect and latent, the
    scores that enter
    the first and the higher orders, of mean 0 and variance 1 under the weights; a dense field's
    numbers."""

    cumulative: NDArray[np.int64]
    effect: NDArray[np.float64]
    latent: NDArray[np.float64]
    numbers: NDArray[np.float64] | None = None


@lru_cache(maxsize=1)
def planted(size: FieldSize) -> tuple[Field, ...]:
    """The 39 fields, dense first."""
    dense = [_dense_field(size, j) for j in range(len(DENSE))]
    return (*dense, *(_sparse_field(size, j) for j in range(len(SPARSE))))


def generate(size: FieldSize, start: int, stop: int) -> Rows:
    """Rows start, ..., stop - 1."""
    indices, uniform = _draw(size, start, stop)
    logit = _true_logit(size, indices)
    dense = [
        field.numbers[indices[j]]
        for j, field in enumerate(planted(size))
        if field.numbers is not None
    ]
    label = uniform * (1 + np.exp(-logit)) < 1
    return Rows(
        np.stack(dense, axis=1),
        indices[len(DENSE) :].T.astype(np.int32),
        logit,
        label.astype(np.uint8),
    )


def tokens(size: FieldSize, start: int, stop: int) -> NDArray[np.int64]:
    """The tokens alone, [26, n]: a third of the work."""
    indices, _ = _draw(size, start, stop)
    return indices[len(DENSE) :]


def _stream(size: FieldSize, name: str, start: int, count: int) -> NDArray[np.uint64]:
    """Raw draws of a named stream from `start`, a multiple of 4."""
    key = hashlib.blake2b(
        f"{GENERATOR} {size.name} {size.seed} {name}".encode(), digest_size=16
    ).digest()
    return np.random.Philox(key=int.from_bytes(key, "little")).advance(start // 4).random_raw(count)


def _bell(size: FieldSize, name: str, count: int) -> NDArray[np.float64]:
    """Bell-shaped numbers, each the sum of the four 16-bit parts of a draw."""
    parts = _stream(size, name, 0, count).view(np.uint16).reshape(count, 4)
    total: NDArray[np.float64] = parts.sum(axis=1, dtype=np.float64)
    return total / 2**16 - 2


def _standard(
    score: NDArray[np.float64], p: NDArray[np.float64], signal: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    """Scores times signal, centred so that no signal stays 0, scaled to variance 1, both under the
    probabilities p."""
    shrunk: NDArray[np.float64] = signal * (score - (p * signal * score).sum() / (p * signal).sum())
    shrunk /= np.sqrt((p * shrunk**2).sum())
    return shrunk


def _dense_field(size: FieldSize, j: int) -> Field:
    """Log-logistic whole numbers. The effect is a trend over the quartiles, missing counting as
    lowest because it is encoded as 0; the latent scores of quartiles and missing have no order."""
    level = np.arange(LEVELS) + 0.5
    odds = np.sqrt(level / (LEVELS - level))
    numbers = np.floor(_SCALES[j] * (odds * np.sqrt(odds) if j % 2 else odds)) + _OFFSETS[j]
    quartiles = numbers[[LEVELS // 4, LEVELS // 2, 3 * LEVELS // 4]]
    cluster = np.append(np.searchsorted(quartiles, numbers, side="right"), CLUSTERS)
    weights = np.append(np.full(LEVELS, 256 - _MISSING[j]), LEVELS * _MISSING[j])
    p = weights / weights.sum()
    trend = np.array([0, 1, 2, 3, 0]) * np.sign(_bell(size, f"{DENSE[j]} sign", 1))
    centers = _bell(size, f"{DENSE[j]} centers", CLUSTERS + 1)
    return Field(
        weights.cumsum(),
        _standard(trend[cluster], p),
        _standard(centers[cluster], p),
        np.append(numbers, np.nan),
    )


def _sparse_field(size: FieldSize, j: int) -> Field:
    """Zipf weights and, for 32 and more frequent values, a tail of eight times as many rare ones
    with 1/32 of the mass. A hash of the value gives its cluster; the effect is two parts the
    cluster's and one part the value's own."""
    low, high = size.vocabulary
    count = round(low * (high / low) ** (j / (len(SPARSE) - 1)))
    weights = 2**36 // (np.arange(count) + 2)
    if count >= TAIL_FROM:
        weights = np.append(weights, np.full(8 * count, int(weights.sum()) // (32 * 8 * count)))
    name, p = SPARSE[j], weights / weights.sum()
    signal = p / (p + size.half_signal)
    cluster = (_stream(size, f"{name} cluster", 0, len(p)) >> np.uint64(62)).astype(np.int64)
    latent = _standard(_bell(size, f"{name} centers", CLUSTERS)[cluster], p, signal)
    own = _standard(_bell(size, f"{name} own", len(p)), p, signal)
    return Field(weights.cumsum(), _standard(CLUSTER_SHARE * latent + own, p), latent)


def _draw(size: FieldSize, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index of each field's value [39, n], and the uniform number [n] that decides the label."""
    draws = _stream(size, "rows", start * DRAWS, (stop - start) * DRAWS).reshape(-1, DRAWS)
    indices = np.empty((len(FIELDS), len(draws)), dtype=np.int64)
    for j, field in enumerate(planted(size)):
        draw = draws[:, j]
        if field.numbers is not None:
            indices[j] = np.where(
                (draw & np.uint64(255)) < _MISSING[j], LEVELS, draw >> np.uint64(48)
            )
        else:
            place = (draw % np.uint64(field.cumulative[-1])).astype(np.int64)
            indices[j] = np.searchsorted(field.cumulative, place, side="right")
    return indices, (draws[:, -1] >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _products(order: int) -> list[list[int]]:
    """The columns of each planted product of second or third order."""
    inside = [" ".join(pair) for group in _GROUPS for pair in combinations(group.split(), 2)]
    named = {2: (*inside, *_PAIRS), 3: _TRIPLES}
    return [[FIELDS.index(name) for name in names.split()] for names in named[order]]


def _true_logit(size: FieldSize, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """The planted model. Fields are independent and their scores standard, so products over
    different sets of fields are uncorrelated, no order is explained by a lower one, and each has
    exactly the standard deviation of `_WEIGHTS`. Summed term by term: a matrix product might round
    differently in chunks of another size."""
    first = np.zeros(indices.shape[1])
    latent = np.empty(indices.shape)
    for j, field in enumerate(planted(size)):
        first += field.effect[indices[j]]
        latent[j] = field.latent[indices[j]]
    logit: NDArray[np.float64] = _BIAS + _WEIGHTS[0] / len(FIELDS) ** 0.5 * first
    for order in (2, 3):
        products = _products(order)
        total = np.zeros(len(logit))
        for columns in products:
            total += np.multiply.reduce(latent[columns])
        logit += _WEIGHTS[order - 1] / len(products) ** 0.5 * total
    return logit
