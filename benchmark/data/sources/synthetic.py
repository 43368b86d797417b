"""The synthetic data sets: planted clicks of Criteo's shape with a known true click probability, in
three sizes.

Row i is a function of (size, i) only: its 40 raw draws have a fixed place in a counter-based stream
(Philox, Salmon et al., SC 2011). Values come from integer arithmetic and correctly rounded square
roots, so they are the same on every platform."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, Card, Files, TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.encoding.table import write_encoding
from benchmark.data.schema import Schema
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Ids, Integers, Labels, Vector
from benchmark.utils.types import Notify

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
    log-spaced; the probability at which a value carries half of its signal."""

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
    """dense [n, 13] (whole numbers, NaN for missing), sparse [n, 26] (tokens), label [n], and the
    logit [n] of the true click probability."""

    dense: Vector
    sparse: Ids
    logit: Vector
    label: Labels


@dataclass(frozen=True)
class Field:
    """One column's values by index, [n] each: cumulative integer weights; the scores for the first
    and the higher orders, of mean 0 and variance 1 under the weights; numbers of a dense field."""

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
    """Scores times signal, with mean 0 (no signal stays 0) and variance 1 under probabilities p."""
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
    inside = [" ".join(pair) for group in _GROUPS for pair in combinations(group.split(), 2)]
    for weight, products in zip(_WEIGHTS[1:], ((*inside, *_PAIRS), _TRIPLES), strict=True):
        total = np.zeros(len(logit))
        for names in products:
            total += np.multiply.reduce(latent[[FIELDS.index(name) for name in names.split()]])
        logit += weight / len(products) ** 0.5 * total
    return logit


CHUNK = 2**16
SIZES = {
    "synthetic_tiny": FieldSize("tiny", (40_000, 8_000, 8_000), (4, 32), 1 / 20),
    "synthetic": FieldSize("small", (300_000, 50_000, 50_000), (4, 2_500), 1 / 300),
    "synthetic_large": FieldSize(
        "large", (36_640_000, 4_580_000, 4_580_000), (4, 200_000), 1 / 20_000
    ),
}
FIRST_ROWS_MD5 = {
    "synthetic_tiny": "7dea3509efb1fb85f1ef3b74de6df81c",
    "synthetic": "94af732aed522235a5d94eae400dd962",
    "synthetic_large": "d3b678d5dbfdfe1aea75d6a9c8184098",
}


def write(card: Card, writer: StoreWriter, notify: Notify) -> None:
    """Generate and encode a built-in synthetic data set chunk by chunk. Raises BenchmarkError if
    the first rows on this machine differ from the reference."""
    size = SIZES[card.id]
    md5, expected = first_rows_md5(size), FIRST_ROWS_MD5[card.id]
    if md5 != expected:
        fault = f"its first rows have md5 {md5}, not {expected}; the generator was changed"
        raise BenchmarkError(f"{card.id}: {fault}")
    notify(f"generating the {sum(size.rows):,} rows of {card.id}; they are kept for the next time")
    fields = [vocabulary(counts, size.min_count) for counts in _train_counts(size)]
    for split, span in size.spans().items():
        for start, stop in _chunks(*span):
            rows = generate(size, start, stop)
            sparse = np.stack([ids[rows.sparse[:, j]] for j, (ids, _) in enumerate(fields)], axis=1)
            dense: Vector = np.sign(rows.dense) * np.log1p(np.abs(rows.dense))
            writer.append(split, np.nan_to_num(dense).astype(np.float32), sparse, rows.label)
    # a csv file of these rows, whose tokens are decimal numbers
    files = Files(train=("train.csv",), valid=("valid.csv",), test=("test.csv",))
    least = size.min_count
    table = TableSpec(format="csv", files=files, dense=DENSE, sparse=SPARSE, min_count=least)
    unused = (0.0,) * len(DENSE)  # means and deviations; the rule is "log"
    names = (_names(ids, cardinality) for ids, cardinality in fields)
    write_encoding(writer.encoding_folder, table, DenseRule(table, unused, unused), names)
    schema = Schema(DENSE, SPARSE, tuple(cardinality for _, cardinality in fields))
    sources = {"generator": f"{GENERATOR}/{size.name}", "first 1,000 rows": md5}
    writer.publish(schema, sources, card.oracle)


def _names(ids: Ids, cardinality: int) -> pl.Series:
    """The tokens of ids 1 .. cardinality - 2, as text."""
    token = np.empty(cardinality, np.int64)
    token[ids] = np.arange(len(ids))
    return pl.Series(token[1:-1]).cast(pl.String)


def vocabulary(counts: Integers, min_count: int) -> tuple[Ids, int]:
    """Ids of tokens with these counts in train, and the field's cardinality. Ids go from 1 by
    falling count, ties by token; the last id is out-of-vocabulary."""
    order = np.argsort(-counts, kind="stable")
    frequent = order[counts[order] >= min_count]
    ids = np.full(len(counts), len(frequent) + 1, dtype=np.int32)
    ids[frequent] = np.arange(1, len(frequent) + 1)
    return ids, len(frequent) + 2


def first_rows_md5(size: FieldSize) -> str:
    """md5 of the first 1,000 rows: tokens and dense numbers (missing: the lowest int32) as int32,
    labels as uint8."""
    rows = generate(size, 0, 1000)
    dense = np.where(np.isnan(rows.dense), np.iinfo(np.int32).min, rows.dense)
    parts = (rows.sparse.astype("<i4"), dense.astype("<i4"), rows.label)
    content = b"".join(part.tobytes() for part in parts)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _chunks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + CHUNK, stop)) for first in range(start, stop, CHUNK))


def _train_counts(size: FieldSize) -> list[Integers]:
    sparse = planted(size)[len(DENSE) :]
    counts = [np.zeros(len(field.cumulative), dtype=np.int64) for field in sparse]
    for start, stop in _chunks(*size.spans()["train"]):
        for count, token in zip(counts, tokens(size, start, stop), strict=True):
            count += np.bincount(token, minlength=len(count))
    return counts
