"""From typed rows to ids and numbers, in one pass: tokens get provisional ids as they come, and when all rows are read
those are exchanged for the final ones, which the counts of train decide.

Memory holds every distinct token of the sparse fields and its count (about 170 bytes each at the peak, for tokens of 8
bytes), and a few blocks of rows; it does not grow with the rows. Provisional ids depend on the order in which blocks
are encoded, final ids on nothing but the rows of train.

Frames hold the label (0 or 1), dense columns (Float64, missing = null) and sparse columns (String, missing = null or
empty), as `rows.py` yields them."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.ahead import ahead
from benchmark.data.card import Table
from benchmark.errors import BenchmarkError

ENCODING_VERSION = 2
_Integer = TypeVar("_Integer", np.int32, np.int64)
_INT32_MAX = np.iinfo(np.int32).max


class Dictionary:
    """The tokens of one field and their counts. Many threads may ask it for ids, one may count."""

    def __init__(self) -> None:
        self._categories = pl.Categories.random()
        self._dtype = pl.Categorical(self._categories)
        self._alive = pl.Series([], dtype=self._dtype)  # polars drops categories that no data use
        self._counts = np.empty(0, np.int64)

    def ids(self, tokens: pl.Series) -> NDArray[np.uint32]:
        """[n] provisional ids of string tokens [n]: from 1 for tokens, 0 for a missing one."""
        ids: NDArray[np.uint32] = (tokens.cast(self._dtype).to_physical() + 1).fill_null(0).to_numpy()
        return ids

    def count(self, ids: NDArray[np.integer[Any]]) -> None:
        """Counts provisional ids [n] of train."""
        self._counts = _with_room(self._counts, ids, 0)
        np.add.at(self._counts, ids.astype(np.intp), 1)

    def finish(self, min_count: int) -> "Finished":
        """What the counts decide."""
        tokens = self._categories.to_series().alias("token")
        counts = np.zeros(len(tokens) + 1, np.int64)
        counts[: len(self._counts)] = self._counts[: len(counts)]
        known = pl.DataFrame([tokens, pl.Series("count", counts[1:])]).with_row_index("id", offset=1)
        kept = known.filter((pl.col("count") >= min_count) & (pl.col("token") != ""))
        kept = kept.with_columns(_sorts_alike(kept["token"])).sort("count", "key", descending=[True, False])
        final = np.full(len(tokens) + 1, kept.height + 1, np.int32)
        final[kept["id"].to_numpy()] = np.arange(1, kept.height + 1)
        return Finished(kept["token"], final)


@dataclass(frozen=True)
class Finished:
    """A field's kept tokens by falling count, then by token, whose k-th (from 0) has id k + 1; and the final id of each
    provisional one, the one after the vocabulary standing for all other tokens and for a missing one."""

    vocabulary: pl.Series
    final_ids: NDArray[np.int32]


class Dictionaries:
    """The dictionaries of the sparse fields, in the order of the table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._fields = [Dictionary() for _ in table.sparse]

    def ids(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        """[n, n_sparse] provisional ids."""
        ids = np.empty((frame.height, len(self._fields)), np.int32)
        for j, (field, name) in enumerate(zip(self._fields, self._table.sparse, strict=True)):
            ids[:, j] = field.ids(frame[name])
        return ids

    def count(self, ids: NDArray[np.int32]) -> None:
        """Counts provisional ids [n, n_sparse] of train."""
        for field, column in zip(self._fields, ids.T, strict=True):
            field.count(column)

    def finish(self, pool: ThreadPoolExecutor) -> Iterator[Finished]:
        """Field by field. Each dictionary is forgotten on the way, so that memory holds few of them sorted."""
        fields = (self._fields.pop(0) for _ in self._table.sparse)
        return ahead(pool, lambda field: field.finish(self._table.min_count), fields, count=2)


def cardinalities(table: Table, final_ids: Sequence[NDArray[np.int32]]) -> tuple[int, ...]:
    """The number of ids of each sparse field, padding and out-of-vocabulary among them.

    Raises BenchmarkError if the ids of all fields together, which models keep in one table, leave int32."""
    sizes = tuple(int(ids[0]) + 1 for ids in final_ids)  # the id of a missing token is the last
    if sum(sizes) > _INT32_MAX:
        largest = max(zip(sizes, table.sparse, strict=True))
        raise BenchmarkError(
            f"the sparse fields have {sum(sizes):,} ids, more than int32 holds ({largest[1]}: {largest[0]:,}); "
            "raise min_count or leave a field out"
        )
    return sizes


class DenseRule:
    """The table's rule for numbers, with the means and deviations [n_dense] that "standard" takes."""

    def __init__(self, table: Table, means: Sequence[float], deviations: Sequence[float]) -> None:
        self.means, self.deviations = tuple(means), tuple(deviations)
        scales = zip(table.dense, means, deviations, strict=True)
        self._columns = [_number(table.dense_rule, *scale).fill_null(0).cast(pl.Float32) for scale in scales]

    @classmethod
    def fit(cls, table: Table, train: Iterable[pl.DataFrame]) -> "DenseRule":
        """The rule fitted on frames of train with the dense columns, which only "standard" looks at."""
        moments = _Moments(len(table.dense))
        if table.dense_rule == "standard":
            for frame in train:
                moments.add(_matrix(frame, [pl.col(name).fill_null(np.nan) for name in table.dense], np.float64))
        return cls(table, moments.means.tolist(), moments.deviations.tolist())

    def apply(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """[n, n_dense]; a missing value is 0 after the rule."""
        return _matrix(frame, self._columns, np.float32)


class GroupIds:
    """Ids of groups in order of first appearance over all splits: a group is no feature, so none is out-of-vocabulary.
    Rows without a group share one."""

    def __init__(self) -> None:
        self._dictionary = Dictionary()
        self._final = np.empty(0, np.int32)
        self._known = 0

    def ids(self, tokens: pl.Series) -> NDArray[np.int32]:
        """[n] ids of string tokens [n]."""
        provisional = self._dictionary.ids(tokens.replace("", None))
        self._final = _with_room(self._final, provisional, -1)
        fresh = pl.Series(provisional[self._final[provisional] < 0]).unique(maintain_order=True).to_numpy()
        self._final[fresh] = np.arange(self._known, self._known + len(fresh))
        self._known += len(fresh)
        return self._final[provisional]


class _Moments:
    """Running mean and variance of columns with missing values (NaN), by Chan, Golub and LeVeque's pairwise update."""

    def __init__(self, columns: int) -> None:
        self._count = np.zeros(columns)
        self.means = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, values: NDArray[np.float64]) -> None:
        present = ~np.isnan(values)
        count = present.sum(axis=0)
        total = np.maximum(self._count + count, 1)
        mean = np.where(present, values, 0).sum(axis=0) / np.maximum(count, 1)
        squares = np.where(present, (values - mean) ** 2, 0).sum(axis=0)
        shift = np.where(count > 0, mean - self.means, 0)
        self._squares += squares + shift**2 * self._count * count / total
        self.means += shift * count / total
        self._count += count

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Population standard deviations; 1 for a column that is empty or, but for rounding, constant."""
        deviations = np.sqrt(self._squares / np.maximum(self._count, 1))
        return np.where(deviations > 1e-12 * np.abs(self.means), deviations, 1.0)


def _sorts_alike(tokens: pl.Series) -> pl.Series:
    """[n] `key`: where every token is short, numbers that sort as the tokens do and faster; else the tokens."""
    bytes_ = tokens.str.len_bytes()
    wide = (bytes_ > 8).any() or (bytes_ != tokens.str.len_chars()).any()
    if wide or tokens.str.contains("\0", literal=True).any():
        return tokens.alias("key")
    padded = tokens.str.pad_end(8, "\0").cast(pl.Binary)
    return padded.bin.reinterpret(dtype=pl.UInt64, endianness="big").alias("key")


def _with_room(values: NDArray[_Integer], ids: NDArray[np.integer[Any]], fill: int) -> NDArray[_Integer]:
    """The values, doubled in length where the ids do not all have one."""
    needed = int(ids.max(initial=0)) + 1
    if needed <= len(values):
        return values
    more = np.full(max(needed, 2 * len(values)) - len(values), fill, values.dtype)
    return np.concatenate([values, more])


def _number(rule: str, name: str, mean: float, deviation: float) -> pl.Expr:
    value = pl.col(name)
    if rule == "log":
        return value.sign() * value.abs().log1p()
    return (value - mean) / deviation if rule == "standard" else value


def _matrix(frame: pl.DataFrame, columns: Sequence[pl.Expr], dtype: type[np.generic]) -> NDArray[Any]:
    if not columns:
        return np.empty((frame.height, 0), dtype)
    return frame.select(columns).to_numpy(order="c").astype(dtype, copy=False)
