"""Encode typed rows as ids and numbers, in one pass: tokens get provisional ids as they come, which
are replaced after the last row by final ids, which depend on the counts of train only.

Memory holds every distinct token of the sparse fields and its count (at the peak about 190 bytes
each, 250 for tokens longer than 8 bytes) and a few blocks of rows. Frames are those of `rows.py`.

The plain way, polars' value counts of train and then a cast of every row to `pl.Enum`, gives the
same arrays and reads train twice. Through the same reader, on rows of Criteo's shape and two cores,
this one is 1.3 to 1.4 times as fast on 1.2 million rows and 1.6 times on 10 million (219 against
138 thousand rows/s, .73 against .83 GiB).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, TableSpec
from benchmark.data.encoding.short_tokens import Keys, KeyTable, packed, unpacked
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Dense, Ids, Integers, Vector
from benchmark.utils.parallel import ahead

ENCODING_VERSION = 3
_Scalar = TypeVar("_Scalar", bound=np.generic)
_Integer = TypeVar("_Integer", np.int32, np.int64)
_STRIDE = 7
_ROWS = 4096
UNKNOWN_SHARE = 0.9  # of a split's tokens, from which a warning is given
_INT32_MAX = np.iinfo(np.int32).max


class Dictionary:
    """The tokens of one field and their counts. Many threads may call `ids`, one `count`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._size = 0
        self._short = KeyTable()
        self._categories = pl.Categories.random()
        self._dtype = pl.Categorical(self._categories)
        self._alive = pl.Series([], dtype=self._dtype)  # polars drops categories that no data use
        self._long = np.empty(0, np.int32)  # ids of the categories
        self._counts = {split: np.empty(0, np.int64) for split in SPLITS}

    def ids(self, tokens: pl.Series) -> Ids:
        """Provisional ids [n] of string tokens [n]: from 1, and 0 for empty and missing tokens."""
        keys, long = packed(tokens)
        with self._lock:
            ids = self._short.get(keys)
            fresh = np.flatnonzero((ids == 0) & (keys != 0))
            if len(fresh):
                distinct = np.unique(keys[fresh])
                self._short.put(distinct, self._next(len(distinct)))
                ids[fresh] = self._short.get(keys[fresh])
            if long.any():
                categories = tokens.filter(long).cast(self._dtype).to_physical().to_numpy()
                self._long = _with_room(self._long, categories, 0)
                fresh = np.unique(categories[self._long[categories] == 0])
                self._long[fresh] = self._next(len(fresh))
                ids[long] = self._long[categories]
        return ids

    def tokens(self) -> pl.Series:
        """The tokens by provisional id, from 1."""
        _, names, place = self._names()
        return names.gather(place[1:]).alias("token")

    def count(
        self, ids: NDArray[np.integer], split: str = "train", times: int | Integers = 1
    ) -> None:
        """Count provisional ids [n] of a split, each once or as many times as is said."""
        self._counts[split] = _with_room(self._counts[split], ids, 0)
        np.add.at(self._counts[split], ids.astype(np.intp), times)

    def finish(self, min_count: int) -> "EncodedField":
        """The vocabulary and the final ids."""
        by_split = {split: self._counts_of(split) for split in SPLITS}
        counts = by_split["train"]
        frequent = np.flatnonzero(counts >= min_count)
        keys, names, place = self._names()
        tokens = names.gather(place[frequent])
        all_short = len(names) == len(keys)  # then keys of reversed bytes sort like the tokens
        sorts_alike = pl.Series(keys.byteswap()[place[frequent]]) if all_short else tokens
        by = pl.DataFrame({"count": counts[frequent], "token": sorts_alike})
        order = by.select(pl.arg_sort_by("count", "token", descending=[True, False])).to_series()
        final = np.full(self._size + 1, len(frequent) + 1, np.int32)
        final[frequent[order]] = np.arange(1, len(frequent) + 1)
        vocabulary = tokens.gather(order)
        warnings = _warnings(
            by_split, lambda unknown: names.gather(place[unknown]).min(), vocabulary
        )
        return EncodedField(vocabulary, final, tuple(warnings))

    def _names(self) -> tuple[Keys, pl.Series, NDArray[np.intp]]:
        """The keys of the short tokens, all tokens, these first, and the place among them of each
        provisional id."""
        keys, numbers = self._short.items()
        names = pl.concat([unpacked(keys), self._categories.to_series()])
        place = np.zeros(self._size + 1, np.intp)
        place[numbers] = np.arange(len(keys))
        place[self._long[: len(names) - len(keys)]] = np.arange(len(keys), len(names))
        return keys, names, place

    def _counts_of(self, split: str) -> Integers:
        """The count of each provisional id, 0 for that of a missing token."""
        counts = np.zeros(self._size + 1, np.int64)
        counted = self._counts[split][: len(counts)]
        counts[: len(counted)] = counted
        counts[0] = 0
        return counts

    def _next(self, count: int) -> Ids:
        self._size += count
        return np.arange(self._size - count + 1, self._size + 1, dtype=np.int32)


def _warnings(
    counts: Mapping[str, Integers],
    least: Callable[[NDArray[np.intp]], object],
    vocabulary: pl.Series,
) -> Iterator[str]:
    """Yield what is odd about a field by its counts [ids] in each split; `least` gives the first of
    some tokens in order."""
    if not any(count.any() for count in counts.values()):
        yield "missing in every row"
    for split in SPLITS[1:]:
        unknown = np.flatnonzero((counts[split] > 0) & (counts["train"] == 0))
        total, strange = counts[split].sum(), counts[split][unknown].sum()
        if total and strange >= UNKNOWN_SHARE * total:
            known = f"; train has {vocabulary[0]!r}" if len(vocabulary) else ""
            yield (
                f"{strange * 100 // total} % of the {split} rows hold categories that train has"
                f" not (such as {least(unknown)!r}{known})"
            )


@dataclass(frozen=True)
class EncodedField:
    """A field's vocabulary by falling count, then token, and the final id of each provisional id:
    k + 1 for the token at index k, and the id after the vocabulary for all other and missing ones.
    """

    vocabulary: pl.Series
    final_ids: Ids
    warnings: tuple[str, ...]


class Dictionaries:
    """The dictionaries of some columns, in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._fields = [Dictionary() for _ in names]
        self._turns = count()

    def columns(self, frame: pl.DataFrame) -> Ids:
        """Provisional ids [n_columns, n] of the rows [n] of a frame."""
        ids = np.empty((len(self._fields), frame.height), np.int32)
        turn = next(self._turns) * _STRIDE  # so that threads seldom wait for the same field
        for j in np.roll(np.arange(len(self._fields)), turn).tolist():
            ids[j] = self._fields[j].ids(frame[self._names[j]])
        return ids

    def ids(self, frame: pl.DataFrame) -> Ids:
        """Provisional ids [n, n_columns] of the rows [n] of a frame."""
        return by_row(self.columns(frame))

    def count(self, ids: Ids, split: str) -> None:
        """Count provisional ids [n, n_columns] of a split."""
        for field, column in zip(self._fields, ids.T, strict=True):
            field.count(column, split)

    def tokens(self) -> Iterator[pl.Series]:
        """Yield the tokens of each column by provisional id, from 1."""
        return (field.tokens() for field in self._fields)

    def finish(self, pool: ThreadPoolExecutor, min_count: int) -> Iterator[EncodedField]:
        """Yield each field's result; its dictionary is freed, so that memory holds few of them."""
        fields = (self._fields.pop(0) for _ in self._names)
        return ahead(pool, lambda field: field.finish(min_count), fields, count=2)


def cardinalities(table: TableSpec, final_ids: Sequence[Ids]) -> tuple[int, ...]:
    """The number of ids of each sparse field, with padding and out-of-vocabulary. Raises
    BenchmarkError if those of all fields, which models keep in one table, exceed int32."""
    sizes = tuple(int(ids[0]) + 1 for ids in final_ids)  # the id of a missing token is the last
    if sum(sizes) > _INT32_MAX:
        size, name = max(zip(sizes, table.sparse, strict=True))
        fault = f"{sum(sizes):,} ids, more than int32 holds ({name}: {size:,})"
        hint = "raise min_count or leave a field out"
        raise BenchmarkError(f"the sparse fields have {fault}; {hint}")
    return sizes


class DenseRule:
    """The table's rule for numbers, with the means and deviations [n_dense] for "standard"."""

    def __init__(
        self, table: TableSpec, means: Sequence[float], deviations: Sequence[float]
    ) -> None:
        self.means, self.deviations = tuple(means), tuple(deviations)
        self._columns = []
        for name, mean, deviation in zip(table.dense, means, deviations, strict=True):
            value = pl.col(name)
            if table.dense_rule == "log":
                value = value.sign() * value.abs().log1p()
            elif table.dense_rule == "standard":
                value = (value - mean) / deviation
            self._columns.append(value.fill_null(0).cast(pl.Float32))

    @classmethod
    def fit(cls, table: TableSpec, train: Iterable[pl.DataFrame]) -> "DenseRule":
        """Fit the rule on frames of train with the dense columns; only "standard" reads them."""
        frames = train if table.dense_rule == "standard" else ()
        return cls.of_moments(table, (moments(table, frame) for frame in frames))

    @classmethod
    def of_moments(cls, table: TableSpec, train: Iterable[Vector]) -> "DenseRule":
        """Fit the rule on the moments of frames of train, in their order.

        Means and variances of the values that are not missing take the pairwise update of Chan,
        Golub and LeVeque. Deviations are those of the population, and 1 for a column that is empty
        or constant up to rounding."""
        counts, means, squares = np.zeros((3, len(table.dense)))
        for present, mean, within in train:
            total = np.maximum(counts + present, 1)
            shift = np.where(present > 0, mean - means, 0)
            squares += within + shift**2 * counts * present / total
            means += shift * present / total
            counts += present
        deviations = np.sqrt(squares / np.maximum(counts, 1))
        deviations = np.where(deviations > 1e-12 * np.abs(means), deviations, 1.0)
        return cls(table, means.tolist(), deviations.tolist())

    def apply(self, frame: pl.DataFrame) -> Dense:
        """Encoded numbers [n, n_dense]; a missing value becomes 0."""
        return _matrix(frame, self._columns, np.float32)


def moments(table: TableSpec, frame: pl.DataFrame) -> Vector:
    """The count, mean and sum of squared deviations [3, n_dense] of the values of a frame that are
    not missing."""
    columns = [pl.col(name).fill_null(np.nan) for name in table.dense]
    values: Vector = _matrix(frame, columns, np.float64)
    present = ~np.isnan(values)
    count = present.sum(axis=0)
    mean = np.where(present, values, 0).sum(axis=0) / np.maximum(count, 1)
    within = np.where(present, (values - mean) ** 2, 0).sum(axis=0)
    return np.stack([count, mean, within])


class GroupIds:
    """Ids of groups by first appearance over all splits; rows without a group share one."""

    def __init__(self) -> None:
        self._dictionary = Dictionary()
        self._final = np.empty(0, np.int32)
        self._size = 0

    def ids(self, tokens: pl.Series) -> Ids:
        """Ids [n] of string tokens [n]."""
        provisional = self._dictionary.ids(tokens)
        self._final = _with_room(self._final, provisional, -1)
        unseen = pl.Series(provisional[self._final[provisional] < 0])
        fresh = unseen.unique(maintain_order=True).to_numpy()
        self._final[fresh] = np.arange(self._size, self._size + len(fresh))
        self._size += len(fresh)
        return self._final[provisional]


def _with_room(values: NDArray[_Integer], ids: NDArray[np.integer], fill: int) -> NDArray[_Integer]:
    """The values, at least doubled in length if some ids have none."""
    needed = int(ids.max(initial=0)) + 1
    if needed <= len(values):
        return values
    more = np.full(max(needed, 2 * len(values)) - len(values), fill, values.dtype)
    return np.concatenate([values, more])


def _matrix(frame: pl.DataFrame, columns: list[pl.Expr], dtype: type[np.generic]) -> NDArray[Any]:
    if not columns:
        return np.empty((frame.height, 0), dtype)
    return by_row(frame.select(columns).to_numpy(order="fortran").T.astype(dtype, copy=False))


def by_row(columns: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Transpose columns [m, n] to rows [n, m], a few rows at a time, which stay in the cache."""
    rows = np.empty(columns.shape[::-1], columns.dtype)
    for first in range(0, len(rows), _ROWS):
        rows[first : first + _ROWS] = columns[:, first : first + _ROWS].T
    return rows
