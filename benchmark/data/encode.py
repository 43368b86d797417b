"""From typed rows to ids and numbers. Frames hold the label (0 or 1), dense columns (Float64, missing = null) and
sparse columns (String, missing = null or empty), as `rows.py` yields them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import Table
from benchmark.data.schema import Schema

ENCODING_VERSION = 1


@dataclass(frozen=True)
class Encoder:
    """An encoding fitted on train. `vocabularies`: the tokens of each sparse field, whose k-th (from 0) has id k + 1.
    The expressions are made once: polars hashes a whole vocabulary each time its type enters a new one."""

    schema: Schema
    vocabularies: tuple[pl.Series, ...]
    dense_columns: tuple[pl.Expr, ...]
    sparse_columns: tuple[pl.Expr, ...]

    def dense(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """[n, n_dense] by the table's dense rule; a missing value is 0 after the rule."""
        return _matrix(frame, self.dense_columns, np.float32)

    def sparse(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        """[n, n_sparse] ids; missing, rare and unseen tokens take the last id of their field."""
        return _matrix(frame, self.sparse_columns, np.int32)


def fit(table: Table, frames: Iterable[pl.DataFrame]) -> Encoder:
    """The encoder of a table from the rows of its train split."""
    tallies = [_Tally() for _ in table.sparse]
    moments = _Moments(len(table.dense))
    for frame in frames:
        for tally, name in zip(tallies, table.sparse, strict=True):
            tally.add(frame[name].alias("token").value_counts())
        if table.dense_rule == "standard":
            moments.add(_matrix(frame, [pl.col(name).fill_null(np.nan) for name in table.dense], np.float64))
    vocabularies = tuple(tally.vocabulary(table.min_count) for tally in tallies)
    cardinalities = tuple(len(vocabulary) + 2 for vocabulary in vocabularies)
    scales = zip(table.dense, moments.means, moments.deviations, strict=True)
    return Encoder(
        Schema(table.dense, table.sparse, cardinalities, table.group),
        vocabularies,
        tuple(_number(table.dense_rule, *scale).fill_null(0).cast(pl.Float32) for scale in scales),
        tuple(_ids(name, vocabulary) for name, vocabulary in zip(table.sparse, vocabularies, strict=True)),
    )


class GroupIds:
    """Ids of groups in order of first appearance over all splits: a group is no feature, so none is out-of-vocabulary.
    Rows without a group share one."""

    def __init__(self) -> None:
        self._known = pl.Series([], dtype=pl.String)

    def ids(self, tokens: pl.Series) -> NDArray[np.int32]:
        """[n] ids of string tokens [n]."""
        tokens = tokens.fill_null("")
        found = tokens.unique(maintain_order=True)
        self._known = pl.concat([self._known, found.filter(~found.is_in(self._known.implode()))])
        return tokens.cast(pl.Enum(self._known)).to_physical().cast(pl.Int32).to_numpy()


class _Tally:
    """Token counts of one field. Parts are merged when they outgrow what is merged: linear time."""

    def __init__(self) -> None:
        self._parts = [pl.DataFrame(schema={"token": pl.String, "count": pl.UInt32})]

    def add(self, part: pl.DataFrame) -> None:
        self._parts.append(part)
        if sum(part.height for part in self._parts[1:]) > self._parts[0].height:
            self._parts = [self._merged()]

    def vocabulary(self, min_count: int) -> pl.Series:
        """Tokens that occur at least `min_count` times, by falling count, then by token."""
        kept = self._merged().filter(
            (pl.col("count") >= min_count) & pl.col("token").is_not_null() & (pl.col("token") != "")
        )
        return kept.sort("count", "token", descending=[True, False])["token"]

    def _merged(self) -> pl.DataFrame:
        return pl.concat(self._parts).group_by("token").agg(pl.col("count").sum())


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


def _number(rule: str, name: str, mean: float, deviation: float) -> pl.Expr:
    value = pl.col(name)
    if rule == "log":
        return value.sign() * value.abs().log1p()
    return (value - mean) / deviation if rule == "standard" else value


def _ids(name: str, vocabulary: pl.Series) -> pl.Expr:
    place = pl.col(name).cast(pl.Enum(vocabulary), strict=False).to_physical().cast(pl.Int32)
    return (place + 1).fill_null(len(vocabulary) + 1)


def _matrix(frame: pl.DataFrame, columns: Sequence[pl.Expr], dtype: type[np.generic]) -> NDArray[Any]:
    if not columns:
        return np.empty((frame.height, 0), dtype)
    return frame.select(columns).to_numpy(order="c").astype(dtype, copy=False)
