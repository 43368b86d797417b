"""The rank of the embedding tables, field by field, over the rows that training has seen (Guo et
al. 2310.04400)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from benchmark.data.schema import Schema
from benchmark.measure.spectrum import NEGLIGIBLE, Matrices, rank_metrics, singular_values, triangle

CHUNK = 2**14
"""Table rows that are held in float64 at a time."""
COUNT_CHUNK = 2**20

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class TableRank:
    """Effective rank and information abundance of one field's table, raw."""

    erank: float
    ia: float


@dataclass(frozen=True)
class TableSpectrum:
    """One sparse field's table, not centred; divide by `limit` to normalise. None where the rows
    seen are zero."""

    field: str
    cardinality: int
    seen: int
    """Ids that occur in training: the matrix is seen x columns."""
    columns: int
    plain: TableRank | None
    weighted: TableRank | None
    """Each row times the square root of its count."""

    @property
    def limit(self) -> int:
        return min(self.seen, self.columns)


def id_counts(sparse: NDArray[np.int32], cardinalities: Sequence[int]) -> list[Counts]:
    """How often each id of each field occurs: ids [n, n_sparse] -> n_sparse times [cardinality]."""
    counts = [np.zeros(cardinality, dtype=np.int64) for cardinality in cardinalities]
    for start in range(0, len(sparse), COUNT_CHUNK):
        part = sparse[start : start + COUNT_CHUNK]
        for j, count in enumerate(counts):
            count += np.bincount(part[:, j], minlength=len(count))
    return counts


def table_spectra(
    table: Matrices, schema: Schema, counts: Sequence[Counts]
) -> tuple[TableSpectrum, ...]:
    """One per sparse field. `table` [sum of cardinalities, d] holds the fields' rows one after
    another."""
    found = []
    start = 0
    for field, cardinality, count in zip(schema.sparse, schema.cardinalities, counts, strict=True):
        rows = table[start : start + cardinality]
        seen = np.flatnonzero(count)
        plain = _rank(rows[part] for part in _chunks(seen))
        weighted = _rank(rows[part] * np.sqrt(count[part])[:, None] for part in _chunks(seen))
        found.append(TableSpectrum(field, cardinality, len(seen), table.shape[1], plain, weighted))
        start += cardinality
    return tuple(found)


def mean_over_fields(ranks: Iterable[TableRank | None]) -> TableRank | None:
    """The mean over the fields that have one."""
    known = [rank for rank in ranks if rank is not None]
    return TableRank(mean(r.erank for r in known), mean(r.ia for r in known)) if known else None


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _rank(parts: Iterable[Matrices]) -> TableRank | None:
    r: NDArray[np.float64] | None = None
    for part in parts:
        r = triangle(part.astype(np.float64), r)
    if r is None:
        return None
    sigma = singular_values(r)
    if sigma[0] < NEGLIGIBLE:
        return None
    found = rank_metrics(sigma)
    return TableRank(float(found["erank"]), float(found["ia"]))
