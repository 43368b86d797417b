"""The synthetic data sets: planted rows in three sizes, encoded chunk by chunk."""

import hashlib
from collections.abc import Iterator

import numpy as np
import polars as pl

from benchmark.data.card import Card, Files, TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.encoding.table import write_encoding
from benchmark.data.schema import Schema
from benchmark.data.sources.planted import (
    DENSE,
    GENERATOR,
    SPARSE,
    FieldSize,
    generate,
    planted,
    tokens,
)
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Ids, Integers, Vector
from benchmark.utils.types import Notify

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
    """Generate and encode a built-in synthetic data set chunk by chunk.

    Raises BenchmarkError if the first rows on this machine differ from the reference."""
    size = SIZES[card.id]
    md5, expected = first_rows_md5(size), FIRST_ROWS_MD5[card.id]
    if md5 != expected:
        raise BenchmarkError(
            f"{card.id}: its first rows have md5 {md5}, not {expected}; the generator was changed"
        )
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
    """Ids of tokens with these counts in train, and the field's cardinality.

    Ids go from 1 by falling count, ties by token; the last id is out-of-vocabulary."""
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
