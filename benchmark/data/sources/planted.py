"""Planted click data of Criteo's shape: unlimited rows with a known true click probability.

Row i is a function of (size, i) only: its 40 raw draws have a fixed place in a counter-based stream
(Philox, Salmon et al., SC 2011), so chunks, threads and totals cannot change it. Values come from
integer arithmetic and correctly rounded square roots, so they are the same on every platform.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import SPLITS
from benchmark.utils.arrays import Ids, Integers, Labels, Vector

GENERATOR = "planted-1"
DENSE = tuple(f"I{j}" for j in range(1, 14))
SPARSE = tuple(f"C{j}" for j in range(1, 27))
FIELDS = DENSE + SPARSE

CLUSTERS = 4
CLUSTER_SHARE = 2.0  # of a sparse value's effect, against 1 of its own
TAIL_FROM = 32  # frequent values
LEVELS = 2**16  # of a dense field; the index after the last stands for missing
DRAWS = len(FIELDS) + 1  # per row, the label's last: a multiple of 4, Philox's block

_SCALES = (2, 3, 2, 4, 20, 6, 3, 4, 8, 2, 3, 2, 4)
_OFFSETS = (0, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_MISSING = (116, 0, 55, 56, 7, 57, 11, 0, 11, 116, 11, 196, 56)  # shares in 256ths

# products of latent scores: every two fields of a group, the pairs, the triples
_GROUPS = ("C3 C7 C10 C14 C18", "C4 C8 C12 C16")
_PAIRS = ("I1 C7", "I2 C12", "I3 C10", "I4 C5", "I6 C9", "I8 C3", "I11 C4", "I13 C8")
_TRIPLES = (
    *("C2 C3 C4", "C2 C7 C12", "C3 C8 C13", "C4 C5 C6"),
    *("C6 C7 C8", "I2 C5 C10", "C9 C11 C14", "I9 C10 C12"),
)
_WEIGHTS = (0.9, 1.0, 0.5)  # standard deviation of the logit's first, second and third order
_BIAS = -1.5


@dataclass(frozen=True)
class FieldSize:
    """Rows of train, valid and test; numbers of frequent values of C1 and C26, those between
    log-spaced; the probability at which a value carries half of its signal; min_count of the
    encoding."""

    name: str
    rows: tuple[int, int, int]
    vocabulary: tuple[int, int]
    half_signal: float
    min_count: int = 2
    seed: int = 2605

    def spans(self) -> dict[str, tuple[int, int]]:
        """First row of each split, and the row after its last."""
        ends = np.cumsum(self.rows).tolist()
        splits = zip(SPLITS, self.rows, ends, strict=True)
        return {split: (end - rows, end) for split, rows, end in splits}


@dataclass(frozen=True)
class Rows:
    """dense [n, 13] (whole numbers, NaN for missing), sparse [n, 26] (tokens), logit [n] of the
    true click probability, label [n]."""

    dense: Vector
    sparse: Ids
    logit: Vector
    label: Labels


@dataclass(frozen=True)
class Field:
    """One column's values by index, [n] each: cumulative integer weights; effect and latent, the
    scores for the first and the higher orders, of mean 0 and variance 1 under the weights; numbers
    of a dense field."""

    cumulative: Integers
    effect: Vector
    latent: Vector
    numbers: Vector | None = None


@lru_cache(maxsize=1)
def planted(size: FieldSize) -> tuple[Field, ...]:
    """The 39 fields, dense first."""
    dense = [_dense_field(size, j) for j in range(len(DENSE))]
    return (*dense, *(_sparse_field(size, j) for j in range(len(SPARSE))))


def generate(size: FieldSize, start: int, stop: int) -> Rows:
    """Generate rows start, ..., stop - 1."""
    indices, uniform = _draw(size, start, stop)
    logit = _true_logit(size, indices)
    numbers = [field.numbers for field in planted(size) if field.numbers is not None]
    columns = zip(numbers, indices[: len(DENSE)], strict=True)
    dense = np.stack([values[index] for values, index in columns], axis=1)
    sparse = indices[len(DENSE) :].T.astype(np.int32)
    label = uniform * (1 + np.exp(-logit)) < 1
    return Rows(dense, sparse, logit, label.astype(np.uint8))


def tokens(size: FieldSize, start: int, stop: int) -> Integers:
    """Only the tokens, [26, n]: a third of the work."""
    indices, _ = _draw(size, start, stop)
    return indices[len(DENSE) :]


def _stream(size: FieldSize, name: str, start: int, count: int) -> NDArray[np.uint64]:
    """Raw draws of a named stream from `start`, a multiple of 4."""
    text = f"{GENERATOR} {size.name} {size.seed} {name}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Philox(key=key).advance(start // 4).random_raw(count)


def _bell(size: FieldSize, name: str, count: int) -> Vector:
    """Bell-shaped numbers, each the sum of the four 16-bit parts of a draw."""
    parts = _stream(size, name, 0, count).view(np.uint16).reshape(count, 4)
    total: Vector = parts.sum(axis=1, dtype=np.float64)
    return total / 2**16 - 2


def _standard(score: Vector, p: Vector, signal: Vector | float = 1.0) -> Vector:
    """Scores times signal, centred so that no signal stays 0 and scaled to variance 1 under the
    probabilities p."""
    shrunk: Vector = signal * (score - (p * signal * score).sum() / (p * signal).sum())
    shrunk /= np.sqrt((p * shrunk**2).sum())
    return shrunk


def _dense_field(size: FieldSize, j: int) -> Field:
    """Log-logistic whole numbers. The effect is a trend over the quartiles, with missing lowest
    because it is encoded as 0; the latent scores of quartiles and missing have no order."""
    level = np.arange(LEVELS) + 0.5
    odds = np.sqrt(level / (LEVELS - level))
    numbers = np.floor(_SCALES[j] * (odds * np.sqrt(odds) if j % 2 else odds)) + _OFFSETS[j]
    quartiles = numbers[[LEVELS // 4, LEVELS // 2, 3 * LEVELS // 4]]
    cluster = np.append(np.searchsorted(quartiles, numbers, side="right"), CLUSTERS)
    weights = np.append(np.full(LEVELS, 256 - _MISSING[j]), LEVELS * _MISSING[j])
    p = weights / weights.sum()
    trend = np.array([0, 1, 2, 3, 0]) * np.sign(_bell(size, f"{DENSE[j]} sign", 1))
    centers = _bell(size, f"{DENSE[j]} centers", CLUSTERS + 1)
    effect, latent = _standard(trend[cluster], p), _standard(centers[cluster], p)
    return Field(weights.cumsum(), effect, latent, np.append(numbers, np.nan))


def _sparse_field(size: FieldSize, j: int) -> Field:
    """Zipf weights and, from 32 frequent values on, a tail of eight times as many rare ones with
    1/32 of the mass. A hash of the value gives its cluster; the effect is two parts the cluster's
    and one part the value's own."""
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


def _draw(size: FieldSize, start: int, stop: int) -> tuple[Integers, Vector]:
    """The index of each field's value [39, n], and the uniform number [n] that sets the label."""
    draws = _stream(size, "rows", start * DRAWS, (stop - start) * DRAWS).reshape(-1, DRAWS)
    indices = np.empty((len(FIELDS), len(draws)), dtype=np.int64)
    for j, field in enumerate(planted(size)):
        draw = draws[:, j]
        if field.numbers is not None:
            missing = (draw & np.uint64(255)) < _MISSING[j]
            indices[j] = np.where(missing, LEVELS, draw >> np.uint64(48))
        else:
            weight = (draw % np.uint64(field.cumulative[-1])).astype(np.int64)
            indices[j] = np.searchsorted(field.cumulative, weight, side="right")
    return indices, (draws[:, -1] >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _products(order: int) -> list[list[int]]:
    """The columns of each planted product of second or third order."""
    inside = [" ".join(pair) for group in _GROUPS for pair in combinations(group.split(), 2)]
    named = {2: (*inside, *_PAIRS), 3: _TRIPLES}
    return [[FIELDS.index(name) for name in names.split()] for names in named[order]]


def _true_logit(size: FieldSize, indices: Integers) -> Vector:
    """The planted model: independent fields with standard scores, so that products over different
    sets of fields are uncorrelated, no order is explained by a lower one, and each order has the
    standard deviation in `_WEIGHTS`. It is summed term by term, because a matrix product may round
    differently in chunks of another size."""
    first = np.zeros(indices.shape[1])
    latent = np.empty(indices.shape)
    for j, field in enumerate(planted(size)):
        first += field.effect[indices[j]]
        latent[j] = field.latent[indices[j]]
    logit: Vector = _BIAS + _WEIGHTS[0] / len(FIELDS) ** 0.5 * first
    for order in (2, 3):
        products = _products(order)
        total = np.zeros(len(logit))
        for columns in products:
            total += np.multiply.reduce(latent[columns])
        logit += _WEIGHTS[order - 1] / len(products) ** 0.5 * total
    return logit
