"""Encode the files of a table into a store: splits, dictionaries, dense rules."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, SplitRule, TableSpec
from benchmark.data.encoding import encode, raw_encoder
from benchmark.data.readers import rows
from benchmark.data.schema import Schema
from benchmark.data.store import StoreWriter
from benchmark.utils.arrays import Dense, Ids, Labels
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Notify

NOTIFY_SECONDS = 10

Assigned = NDArray[np.uint8]
"""The split of each row: 0 train, 1 valid, 2 test."""


def write(
    table: TableSpec,
    paths: Mapping[str, Path],
    sources: dict[str, str],
    writer: StoreWriter,
    notify: Notify,
) -> None:
    """Encode the files into the writer's store and publish it.

    `sources` (file name -> md5) goes into its fingerprint. Raises BenchmarkError for files that
    contradict the card or hold a broken row."""
    for split, path in paths.items():
        # a rare index may be absent from the valid and test files of libsvm
        if table.format != "libsvm" or split in ("train", "all"):
            rows.require_columns(path, table, table.columns)
    keep_freed_memory()
    with ThreadPoolExecutor(WORKERS) as pool:
        assigned = None
        if table.split is not None:
            notify(f"reading the labels of {paths['all'].name}")
            assigned = assign(_labels(pool, table, paths["all"]), table.split)
        dense = encode.DenseRule.fit(table, _dense_of_train(pool, table, paths, assigned))
        encoder = _Encoder(table, dense)
        groups = encode.GroupIds()
        notified = time.monotonic()
        for split, path in paths.items():
            first = 0
            for block in ahead(pool, encoder, rows.blocks(path, table, table.columns)):
                group = None if block.group is None else groups.ids(block.group)
                for part, at in _parts(split, assigned, first, len(block.label)):
                    if part == "train":
                        encoder.dictionaries.count(block.sparse[at])
                    writer.append(
                        part,
                        block.dense[at],
                        block.sparse[at],
                        block.label[at],
                        None if group is None else group[at],
                        final_ids=False,
                    )
                first += len(block.label)
                if time.monotonic() - notified > NOTIFY_SECONDS:
                    notify(f"{path.name}: {first:,} rows encoded")
                    notified = time.monotonic()
        final = []
        with raw_encoder.writing(writer.encoding_folder, table, dense) as keep:
            for field in encoder.dictionaries.finish(pool):
                keep(field.vocabulary)
                final.append(field.final_ids)
        writer.replace_ids(final, pool)
    schema = Schema(table.dense, table.sparse, encode.cardinalities(table, final), table.group)
    writer.publish(schema, sources)


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


@dataclass(frozen=True)
class _EncodedBlock:
    """Rows of a block with provisional ids, and the tokens of their groups."""

    dense: Dense
    sparse: Ids
    label: Labels
    group: pl.Series | None


class _Encoder:
    """Encode blocks, in several threads at once."""

    def __init__(self, table: TableSpec, dense: encode.DenseRule) -> None:
        self.dictionaries = encode.Dictionaries(table)
        self._table = table
        self._dense = dense

    def __call__(self, block: rows.RowBlock) -> _EncodedBlock:
        frame = block.frame()
        group = None if self._table.group is None else frame[self._table.group]
        label = frame[self._table.label].to_numpy()
        return _EncodedBlock(self._dense.apply(frame), self.dictionaries.ids(frame), label, group)


def _parts(
    split: str, assigned: Assigned | None, first: int, count: int
) -> Iterator[tuple[str, slice | NDArray[np.intp]]]:
    """Yield (split, its rows) of a block with rows first .. first + count of its file."""
    if assigned is None:
        yield split, slice(None)
    else:
        for code, part in enumerate(SPLITS):
            yield part, np.flatnonzero(assigned[first : first + count] == code)


def _labels(pool: ThreadPoolExecutor, table: TableSpec, path: Path) -> Labels:
    frames = ahead(pool, rows.RowBlock.frame, rows.blocks(path, table, [table.label]))
    labels = [frame[table.label].to_numpy() for frame in frames]
    return np.concatenate([np.empty(0, np.uint8), *labels])


def _dense_of_train(
    pool: ThreadPoolExecutor, table: TableSpec, paths: Mapping[str, Path], assigned: Assigned | None
) -> Iterator[pl.DataFrame]:
    first, path = 0, paths["train" if assigned is None else "all"]
    for frame in ahead(pool, rows.RowBlock.frame, rows.blocks(path, table, table.dense)):
        last = first + frame.height
        yield frame if assigned is None else frame.filter(pl.Series(assigned[first:last] == 0))
        first = last
