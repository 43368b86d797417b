"""Which split each row of one table is in."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, SplitRule, TableSpec
from benchmark.data.readers import rows
from benchmark.data.readers.inputs import Input
from benchmark.data.readers.rows import RowBlock
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Labels
from benchmark.utils.parallel import ahead
from benchmark.utils.types import Notify

_UNSTABLE = "not the rows that were read before; let a source give the same order each time"

Assigned = NDArray[np.uint8]
"""The split of each row: 0 train, 1 valid, 2 test."""


@dataclass(frozen=True)
class Assignment:
    """The split and the label [n] of every row, from a first pass over the table."""

    splits: Assigned
    labels: Labels

    def parts(self, first: int, labels: Labels) -> Iterator[tuple[str, NDArray[np.intp]]]:
        """Yield each split, and which of the rows from number `first` (0 is the first of all) with
        these labels it has. Raises BenchmarkError for other labels than those of the first pass."""
        last = first + len(labels)
        if not np.array_equal(self.labels[first:last], labels):
            raise BenchmarkError(f"all, rows {first + 1:,} to {last:,}: {_UNSTABLE}")
        for code, split in enumerate(SPLITS):
            yield split, np.flatnonzero(self.splits[first:last] == code)

    def require_all(self, count: int) -> None:
        """Raise BenchmarkError if fewer rows came than in the first pass."""
        if count != len(self.labels):
            raise BenchmarkError(f"all, row {count + 1:,}: {_UNSTABLE}")

    def of_train(self, first: int, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of train in a frame whose first row has number `first`."""
        splits = self.splits[first : first + frame.height]
        return frame.filter(pl.Series(splits == SPLITS.index("train")))


def assigned(
    pool: ThreadPoolExecutor,
    table: TableSpec,
    rule: SplitRule,
    parts: Sequence[Input],
    notify: Notify,
) -> Assignment:
    """Read the column that decides, and divide the rows by the rule. Raises BenchmarkError for a
    split without a row, and for a row of two splits."""
    column = table.label if rule.column is None else rule.column
    notify(f"reading the column {column}, by which the rows are split")
    if rule.column is None:
        frames = ahead(pool, RowBlock.frame, rows.blocks(parts, table, [column]))
        labels = _joined([frame[column].to_numpy() for frame in frames])
        return divided(rule, labels)
    codes, labels_of = [], []
    for raw, label in ahead(pool, RowBlock.raw, rows.blocks(parts, table, [table.label])):
        codes.append(assign_by_value(raw[column], rule))
        labels_of.append(label.to_numpy())
    return divided(rule, _joined(labels_of), _joined(codes))


def divided(rule: SplitRule, labels: Labels, by_value: Assigned | None = None) -> Assignment:
    """Assign all rows with labels [n] to splits, or as the values of a column say. Raises
    BenchmarkError for a split of which no value is."""
    if by_value is None:
        return Assignment(assign(labels, rule), labels)
    for code, split in enumerate(SPLITS):
        if code not in by_value:
            fault = f"no row is of {split}: {rule.column} {rule.rules[split].text}"
            raise BenchmarkError(f"[table.split]: {fault}")
    return Assignment(by_value, labels)


def _joined(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.concatenate([np.empty(0, np.uint8), *parts])


def assign_by_value(values: pl.Series, rule: SplitRule) -> Assigned:
    """Assign rows with values [n], each of some split, to splits [n] by the rules. Raises
    BenchmarkError for a value of two splits."""
    holds = np.stack([each.holds(values).to_numpy() for each in rule.rules.values()])
    if len(twice := np.flatnonzero(holds.sum(axis=0) > 1)):
        two = " and ".join(np.array(SPLITS)[holds[:, twice[0]]])
        fault = f"the value {values[int(twice[0])]!r} is of {two}"
        raise BenchmarkError(
            f"[table.split]: {fault}; let the rules of column {rule.column} differ"
        )
    assigned: Assigned = holds.argmax(axis=0).astype(np.uint8)
    return assigned


def assign(labels: Labels, rule: SplitRule) -> Assigned:
    """Assign rows with labels [n] to splits [n]; "stratified" keeps the ratio of classes."""
    generator = np.random.Generator(np.random.Philox(rule.seed))
    assigned = np.empty(len(labels), np.uint8)
    strata = [np.arange(len(labels))]
    if rule.method == "stratified":
        strata = [np.flatnonzero(labels == c) for c in (0, 1)]
    for stratum in strata:
        order = stratum if rule.method == "ordered" else generator.permutation(stratum)
        bounds = np.cumsum(rule.parts) * len(order) // sum(rule.parts)
        for split, part in enumerate(np.split(order, bounds[:-1])):
            assigned[part] = split
    return assigned
