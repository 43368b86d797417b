"""The synthetic data: planted clicks of Criteo's shape with a known true click probability.

Row i is a function of (size, i) only: its 40 raw draws have a fixed place in a counter-based stream
(Philox, Salmon et al., SC 2011). Values come from integer arithmetic and correctly rounded square
roots, so they are the same on every platform.

The logit has effects, linear in the value's latent vector u in R^6; products u_f^T Q_f^T S Q_g u_g
of two fields of a group, Q_f a rotation of the coordinates and S diagonal; and products of three
fields. So a model needs six dimensions a field: the card says what fewer lose."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise, product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, Card, TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.encoding.raw import write_encoding
from benchmark.data.schema import Schema
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Ids, Integers, Labels, Vector
from benchmark.utils.types import Notify

GENERATOR = "planted-2"
DENSE = tuple(f"I{j}" for j in range(1, 14))
SPARSE = tuple(f"C{j}" for j in range(1, 27))
FIELDS = DENSE + SPARSE

RANK = 6  # of a sparse field's latent vectors
CLUSTERS = 32  # of a sparse field's values
CLUSTER_SHARE = 2.0  # of a latent vector, against 1 of its own
TAIL_FROM = 32  # frequent values
LEVELS = 2**16  # of a dense field; the index after the last stands for missing
DRAWS = len(FIELDS) + 1  # per row, the label's last: a multiple of 4, Philox's block

_SCALES = (2, 3, 2, 4, 20, 6, 3, 4, 8, 2, 3, 2, 4)
_OFFSETS = (0, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
_MISSING = (116, 0, 55, 56, 7, 57, 11, 0, 11, 116, 11, 196, 56)  # shares in 256ths

# of groups, in which every two fields attract or, below 0, repel each other; of their coordinates
_GROUPS = {"C4 C5 C8 C9 C11": -1.0, "C6 C7 C10 C12": 0.9, "C13 C16": 0.6, "C14 C20": 0.4}
_STRENGTHS = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6)
_TRIPLES = (
    *("C2 C3 C4", "C2 C7 C12", "C3 C8 C13", "C4 C5 C6"),
    *("C6 C7 C8", "I2 C5 C10", "C9 C11 C14", "I9 C10 C12"),
)
_WEIGHTS = (0.8, 1.4, 0.4)  # standard deviation of the logit's first, second and third order
_BIAS = -1.6


@dataclass(frozen=True)
class FieldSize:
    """Rows of train, valid and test; frequent values of C1 and C26, log-spaced between them, more
    than RANK for C4; the probability of a value that carries half of its signal."""

    name: str
    rows: tuple[int, int, int]
    vocabulary: tuple[int, int]
    half_signal: float
    seed: int = 2605

    def spans(self) -> dict[str, tuple[int, int]]:
        """First row of each split, and the row after its last."""
        ends = np.cumsum(self.rows).tolist()
        return dict(zip(SPLITS, pairwise([0, *ends]), strict=True))


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
    """One column's values by index [n]: cumulative integer weights; effect and latent coordinates
    [at most RANK, n], uncorrelated, of mean 0 and variance 1; the numbers of a dense field."""

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


def _standard(scores: Vector, p: Vector) -> Vector:
    """Make scores [k, n] uncorrelated, of mean 0 and variance 1 under p [n], by Gram-Schmidt."""
    for k, score in enumerate(scores):
        score -= (p * score).sum()
        for earlier in scores[:k]:
            score -= (p * score * earlier).sum() * earlier
        score /= np.sqrt((p * score**2).sum())
    return scores


def _dense_field(size: FieldSize, j: int) -> Field:
    """Log-logistic whole numbers. The effect, which products read too, is a trend over the
    quartiles, with missing lowest because it is encoded as 0."""
    level = np.arange(LEVELS) + 0.5
    odds = np.sqrt(level / (LEVELS - level))
    numbers = np.floor(_SCALES[j] * (odds * np.sqrt(odds) if j % 2 else odds)) + _OFFSETS[j]
    quartiles = numbers[[LEVELS // 4, LEVELS // 2, 3 * LEVELS // 4]]
    weights = np.append(np.full(LEVELS, 256 - _MISSING[j]), LEVELS * _MISSING[j])
    p = weights / weights.sum()
    trend = np.append(np.searchsorted(quartiles, numbers, side="right"), 0)
    effect = _standard(np.sign(_bell(size, f"{DENSE[j]} sign", 1)) * trend[None], p)
    return Field(weights.cumsum(), effect[0], effect, np.append(numbers, np.nan))


def _sparse_field(size: FieldSize, j: int) -> Field:
    """Zipf weights and, from 32 frequent values on, a tail of eight times as many rare ones with
    1/32 of the mass. A hash of the value gives its cluster; the latent vector is two parts the
    cluster's and one part the value's own, the effect its projection on a fixed direction."""
    low, high = size.vocabulary
    count = round(low * (high / low) ** (j / (len(SPARSE) - 1)))
    weights = 2**36 // (np.arange(count) + 2)
    if count >= TAIL_FROM:
        weights = np.append(weights, np.full(8 * count, int(weights.sum()) // (32 * 8 * count)))
    name, p = SPARSE[j], weights / weights.sum()
    signal = p / (p + size.half_signal)
    cluster = (_stream(size, f"{name} cluster", 0, len(p)) >> np.uint64(59)).astype(np.int64)
    scores = np.empty((min(RANK, len(p) - 1), len(p)))
    for k, score in enumerate(scores):
        score[:] = CLUSTER_SHARE * _bell(size, f"{name} centers {k}", CLUSTERS)[cluster]
        score += _bell(size, f"{name} own {k}", len(p))
        score -= (p * signal * score).sum() / (p * signal).sum()
    latent = _standard(signal * scores, p)
    return Field(weights.cumsum(), latent.sum(axis=0) / len(latent) ** 0.5, latent)


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
    """The planted model: standard coordinates, so that products of different ones are uncorrelated
    and no order is explained by a lower one. It is summed term by term, because a matrix product
    may round differently in chunks of another size."""
    columns = dict(zip(FIELDS, zip(planted(size), indices, strict=True), strict=True))

    def coordinate(name: str, k: int) -> Vector:
        field, index = columns[name]
        values: Vector = field.latent[k % RANK][index]
        return values

    first = sum(field.effect[index] for field, index in columns.values())
    second, variance = np.zeros(indices.shape[1]), 0.0
    for (names, of_group), (k, of_coordinate) in product(_GROUPS.items(), enumerate(_STRENGTHS)):
        values = [coordinate(name, k + i) for i, name in enumerate(names.split())]
        for left, right in combinations(values, 2):
            second += of_group * of_coordinate * left * right
            variance += (of_group * of_coordinate) ** 2
    third = np.zeros(len(second))
    for names in _TRIPLES:
        third += np.multiply.reduce([coordinate(name, 0) for name in names.split()])
    weights = np.array(_WEIGHTS) / np.sqrt([len(FIELDS), variance, len(_TRIPLES)])
    logit: Vector = _BIAS + weights[0] * first + weights[1] * second + weights[2] * third
    return logit


CHUNK = 2**16
MIN_COUNT = 2
SIZES = {
    "synthetic_tiny": FieldSize("tiny", (40_000, 8_000, 8_000), (6, 32), 1 / 20),
    "synthetic": FieldSize("small", (300_000, 50_000, 50_000), (4, 2_500), 1 / 300),
    "synthetic_million": FieldSize("million", (1_000_000, 50_000, 50_000), (4, 2_500), 1 / 300),
    "synthetic_large": FieldSize("large", (36_640_000, 4_580_000, 4_580_000), (4, 200_000), 5e-5),
}


def write(card: Card, writer: StoreWriter, notify: Notify) -> None:
    """Generate and encode a built-in synthetic data set chunk by chunk. Raises BenchmarkError if
    the first rows on this machine differ from the reference."""
    size = SIZES[card.id]
    md5 = first_rows_md5(size)
    if not card.source.endswith(md5):
        fault = f"its first rows have md5 {md5}, not that of the card; the generator was changed"
        raise BenchmarkError(f"{card.id}: {fault}")
    notify(f"generating the {sum(size.rows):,} rows of {card.id}; they are kept for the next time")
    fields = [vocabulary(counts, MIN_COUNT) for counts in _train_counts(size)]
    for split, span in size.spans().items():
        for start, stop in _chunks(*span):
            rows = generate(size, start, stop)
            sparse = np.stack([ids[rows.sparse[:, j]] for j, (ids, _) in enumerate(fields)], axis=1)
            dense: Vector = np.sign(rows.dense) * np.log1p(np.abs(rows.dense))
            writer.append(split, np.nan_to_num(dense).astype(np.float32), sparse, rows.label)
    # a csv file of these rows, whose tokens are decimal numbers
    files: dict[str, tuple[str, ...]] = {split: (f"{split}.csv",) for split in SPLITS}
    table = TableSpec(format="csv", files=files, dense=DENSE, sparse=SPARSE, min_count=MIN_COUNT)
    unused = (0.0,) * len(DENSE)  # means and deviations; the rule is "log"
    names = (pl.Series(frequent).cast(pl.String) for _, frequent in fields)
    write_encoding(writer.encoding_folder, table, DenseRule(table, unused, unused), names)
    schema = Schema(DENSE, SPARSE, tuple(len(frequent) + 2 for _, frequent in fields))
    sources = {"generator": f"{GENERATOR}/{size.name}", "first 1,000 rows": md5}
    writer.publish(schema, sources, card.oracle)


def vocabulary(counts: Integers, min_count: int) -> tuple[Ids, Integers]:
    """Ids of tokens with these counts in train, and the tokens of the ids from 1, by falling count,
    ties by token; the last id is out-of-vocabulary."""
    order = np.argsort(-counts, kind="stable")
    frequent = order[counts[order] >= min_count]
    ids = np.full(len(counts), len(frequent) + 1, dtype=np.int32)
    ids[frequent] = np.arange(1, len(frequent) + 1)
    return ids, frequent


def first_rows_md5(size: FieldSize) -> str:
    """md5 of the first 1,000 rows: tokens, dense numbers (missing: the lowest int32), labels."""
    rows = generate(size, 0, 1000)
    dense = np.where(np.isnan(rows.dense), np.iinfo(np.int32).min, rows.dense)
    parts = (rows.sparse.astype("<i4"), dense.astype("<i4"), rows.label)
    content = b"".join(part.tobytes() for part in parts)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _chunks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + CHUNK, stop)) for first in range(start, stop, CHUNK))


def _train_counts(size: FieldSize) -> list[Integers]:
    counts = [np.zeros(len(field.cumulative), np.int64) for field in planted(size)[len(DENSE) :]]
    for start, stop in _chunks(*size.spans()["train"]):
        for count, token in zip(counts, _draw(size, start, stop)[0][len(DENSE) :], strict=True):
            count += np.bincount(token, minlength=len(count))
    return counts
