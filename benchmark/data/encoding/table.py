"""Encode the rows of a table into a store."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import TableSpec
from benchmark.data.encoding import encode, splits
from benchmark.data.encoding.encode import DenseRule, Dictionaries, GroupIds
from benchmark.data.encoding.raw import write_encoding
from benchmark.data.encoding.splits import Assignment
from benchmark.data.readers import rows
from benchmark.data.readers.inputs import Inputs
from benchmark.data.readers.joins import Side, joined
from benchmark.data.readers.rows import RowBlock
from benchmark.data.schema import Schema
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Dense, Ids, Integers, Labels
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Notify

NOTIFY_SECONDS = 10


@dataclass(frozen=True)
class Raw:
    """What is encoded: rows, the digest of each file they are from, which goes into the store's
    fingerprint, and side files."""

    inputs: Inputs
    sources: dict[str, str]
    sides: Sequence[Side] = ()

    def joined(self, table: TableSpec) -> Inputs:
        """The rows with the columns of the side files. Raises BenchmarkError if one is missing."""
        inputs = {
            split: [joined(part, self.sides) for part in parts]
            for split, parts in self.inputs.items()
        }
        for split, of_split in inputs.items():
            # a rare index may be absent from the valid and test files of libsvm
            if split in ("train", "all") or not all(part.ragged for part in of_split):
                rows.require_columns(of_split, table, table.columns)
        return inputs


def write(table: TableSpec, raw: Raw, writer: StoreWriter, notify: Notify) -> None:
    """Encode the rows into the writer's store and publish it. Raises BenchmarkError for inputs that
    contradict the card or hold a broken row."""
    inputs = raw.joined(table)
    keep_freed_memory()
    with ThreadPoolExecutor(WORKERS) as pool:
        assignment = None
        if table.split is not None:
            assignment = splits.assigned(pool, table, table.split, inputs["all"], notify)
        dense_rule = DenseRule.fit(table, _dense_of_train(pool, table, inputs, assignment))
        rows_of = _Rows(table, dense_rule, assignment, writer, notify)
        for split in inputs:
            rows_of.append(pool, split, inputs)
        final: list[Ids] = []
        warnings = empty_columns(table, rows_of.values)

        def vocabularies() -> Iterator[pl.Series]:
            for name, field in zip(
                table.sparse, rows_of.dictionaries.finish(pool, table.min_count), strict=True
            ):
                final.append(field.final_ids)
                warnings.extend(f"{name}: {warning}" for warning in field.warnings)
                yield field.vocabulary

        write_encoding(writer.encoding_folder, table, dense_rule, vocabularies(), raw.sides)
        writer.replace_ids(final, pool)
    schema = Schema(table.dense, table.sparse, encode.cardinalities(table, final), table.group)
    writer.publish(schema, raw.sources, warnings=warnings)


def empty_columns(table: TableSpec, values: Integers) -> list[str]:
    """Warnings of the dense columns that have no values [n_dense]."""
    return [f"{name}: missing in every row" for name in np.array(table.dense, object)[values == 0]]


def require_rows(table: TableSpec, split: str, count: int) -> None:
    """Raise BenchmarkError if the rules of the table leave no row of a split."""
    if not count and table.choices:
        hint = "the rules of [table]: filter, drop and split"
        raise BenchmarkError(f"{split}: no row is left by {hint}")


class Progress:
    """Tells how many rows are encoded, every NOTIFY_SECONDS."""

    def __init__(self, notify: Notify) -> None:
        self._notify, self._last = notify, time.monotonic()

    def tell(self, of: str, count: int) -> None:
        if time.monotonic() - self._last > NOTIFY_SECONDS:
            self._notify(f"{of}: {count:,} rows encoded")
            self._last = time.monotonic()


@dataclass(frozen=True)
class _Block:
    """Some rows with provisional ids, the tokens of their groups, and how many values each dense
    column has."""

    dense: Dense
    sparse: Ids
    label: Labels
    groups: pl.Series | None
    values: Integers


class _Rows:
    """Encodes rows into a store with provisional ids, and counts their tokens and values."""

    def __init__(
        self,
        table: TableSpec,
        dense_rule: DenseRule,
        assignment: Assignment | None,
        writer: StoreWriter,
        notify: Notify,
    ) -> None:
        self.dictionaries = Dictionaries(table.sparse)
        self.values = np.zeros(len(table.dense), np.int64)
        self._table, self._dense_rule, self._assignment = table, dense_rule, assignment
        self._writer, self._groups, self._progress = writer, GroupIds(), Progress(notify)

    def append(self, pool: ThreadPoolExecutor, split: str, inputs: Inputs) -> None:
        """Add the rows of a split, or of all splits, in order."""
        count, blocks = 0, rows.blocks(inputs[split], self._table, self._table.columns)
        for block in ahead(pool, self._encoded, blocks):
            self._write(split, count, block)
            count += len(block.label)
            self._progress.tell(split, count)
        if self._assignment is not None:
            self._assignment.require_all(count)
        require_rows(self._table, split, count)

    def _encoded(self, block: RowBlock) -> _Block:
        frame, table = block.frame(), self._table
        values = np.array([frame[name].count() for name in table.dense], np.int64)
        return _Block(
            self._dense_rule.apply(frame),
            self.dictionaries.ids(frame),
            frame[table.label].to_numpy(),
            None if table.group is None else frame[table.group],
            values,
        )

    def _write(self, split: str, first: int, block: _Block) -> None:
        """Add a block of rows, from number `first`, to the splits that they are in."""
        self.values += block.values
        group = None if block.groups is None else self._groups.ids(block.groups)
        for part, at in self._parts(split, first, block.label):
            sparse = block.sparse[at]
            self.dictionaries.count(sparse, part)
            own_group = None if group is None else group[at]
            self._writer.append(
                part, block.dense[at], sparse, block.label[at], own_group, final_ids=False
            )

    def _parts(
        self, split: str, first: int, label: Labels
    ) -> Iterator[tuple[str, slice | NDArray[np.intp]]]:
        if self._assignment is None:
            yield split, slice(None)
        else:
            yield from self._assignment.parts(first, label)


def _dense_of_train(
    pool: ThreadPoolExecutor,
    table: TableSpec,
    inputs: Inputs,
    assignment: Assignment | None,
) -> Iterator[pl.DataFrame]:
    first, parts = 0, inputs["train" if assignment is None else "all"]
    for frame in ahead(pool, RowBlock.frame, rows.blocks(parts, table, table.dense)):
        yield frame if assignment is None else assignment.of_train(first, frame)
        first += frame.height
