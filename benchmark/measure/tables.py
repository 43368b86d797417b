"""The rank of the embedding tables, field by field, over the rows that occur in training (Guo et
al. 2310.04400)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from benchmark.data.schema import Schema
from benchmark.measure.spectrum import NEGLIGIBLE, rank_metrics, singular_values, triangle
from benchmark.utils.arrays import Floats, Ids, Integers, Vector

CHUNK = 2**14  # table rows held in float64 at a time
COUNT_CHUNK = 2**20


@dataclass(frozen=True)
class TableRank:
    """Effective rank and information abundance of one field's table, not normalised."""

    erank: float
    ia: float


@dataclass(frozen=True)
class TableSpectrum:
    """One sparse field's table, not centred; divide by `limit` to normalise.

    The ranks are None if all rows of the matrix are zero."""

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


def id_counts(sparse: Ids, cardinalities: Sequence[int]) -> list[Integers]:
    """Count each id of each field: ids [n, n_sparse] -> n_sparse times [cardinality]."""
    counts = [np.zeros(cardinality, dtype=np.int64) for cardinality in cardinalities]
    for start in range(0, len(sparse), COUNT_CHUNK):
        part = sparse[start : start + COUNT_CHUNK]
        for j, count in enumerate(counts):
            count += np.bincount(part[:, j], minlength=len(count))
    return counts


def table_spectra(
    table: Floats, schema: Schema, counts: Sequence[Integers]
) -> tuple[TableSpectrum, ...]:
    """One spectrum per sparse field; `table` [sum of cardinalities, d] joins the fields' rows."""
    spectra, start = [], 0
    for field, count in zip(schema.sparse, counts, strict=True):
        rows = table[start : start + len(count)]
        start += len(count)
        seen = np.flatnonzero(count)
        chunks = [seen[first : first + CHUNK] for first in range(0, len(seen), CHUNK)]
        plain = _rank(rows[chunk] for chunk in chunks)
        weighted = _rank(rows[chunk] * np.sqrt(count[chunk])[:, None] for chunk in chunks)
        spectra.append(TableSpectrum(field, len(rows), len(seen), rows.shape[1], plain, weighted))
    return tuple(spectra)


def mean_over_fields(ranks: Iterable[TableRank | None]) -> TableRank | None:
    """The mean over the fields that have a rank, None if no field has."""
    present = [(rank.erank, rank.ia) for rank in ranks if rank is not None]
    return TableRank(*map(mean, zip(*present, strict=True))) if present else None


def _rank(parts: Iterable[Floats]) -> TableRank | None:
    r: Vector | None = None
    for part in parts:
        r = triangle(part.astype(np.float64), r)
    if r is None or (sigma := singular_values(r))[0] < NEGLIGIBLE:
        return None
    metrics = rank_metrics(sigma)
    return TableRank(float(metrics["erank"]), float(metrics["ia"]))
