"""Encode the rows of a table into a store, and raw rows as a store was.

<store>/encoding/encoding.json   the table's rules, dense scales and digests of the vocabularies
<store>/encoding/<j>.parquet     the tokens of sparse field j by id, from 1
<store>/encoding/join<j>.parquet the used columns of side file j
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmark.data.card import SPLITS, SplitRule, TableSpec
from benchmark.data.encoding import encode
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.readers import csv, rows
from benchmark.data.readers.inputs import Input, Inputs, of_file
from benchmark.data.readers.joins import Side, joined
from benchmark.data.readers.rows import RowBlock
from benchmark.data.schema import Schema
from benchmark.data.sources import local
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Dense, Ids, Integers, Labels
from benchmark.utils.files import sha256, write_text
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Notify

NOTIFY_SECONDS = 10
FACTS = "encoding.json"
_UNSTABLE = "not the rows that were read before; let a source give the same order each time"

Assigned = NDArray[np.uint8]
"""The split of each row: 0 train, 1 valid, 2 test."""
Parts = list[tuple[str, slice | NDArray[np.intp]]]
"""Splits, and the rows of a block in each."""
Encoded = tuple[Dense, Ids, Labels, pl.Series | None, Integers]
"""Rows of a block with provisional ids, the tokens of their groups, and how many values each dense
column has."""


def write(
    table: TableSpec,
    inputs: Inputs,
    sources: dict[str, str],
    writer: StoreWriter,
    notify: Notify,
    sides: Sequence[Side] = (),
) -> None:
    """Encode the rows, with the columns of side files, into the writer's store and publish it.

    `sources` (file name -> md5) goes into its fingerprint. Raises BenchmarkError for inputs that
    contradict the card or hold a broken row."""
    inputs = {split: [joined(part, sides) for part in parts] for split, parts in inputs.items()}
    for split, of_split in inputs.items():
        # a rare index may be absent from the valid and test files of libsvm
        if split in ("train", "all") or not all(part.ragged for part in of_split):
            rows.require_columns(of_split, table, table.columns)
    keep_freed_memory()
    with ThreadPoolExecutor(WORKERS) as pool:
        assigned, labels = None, None
        if table.split is not None:
            assigned, labels = _assigned(pool, table, table.split, inputs["all"], notify)
        dense_rule = DenseRule.fit(table, _dense_of_train(pool, table, inputs, assigned))
        dictionaries = encode.Dictionaries(table)

        def encoded(block: RowBlock) -> Encoded:
            frame = block.frame()
            group = None if table.group is None else frame[table.group]
            label = frame[table.label].to_numpy()
            values = np.array([frame[name].count() for name in table.dense], np.int64)
            return dense_rule.apply(frame), dictionaries.ids(frame), label, group, values

        present = np.zeros(len(table.dense), np.int64)
        groups, notified = encode.GroupIds(), time.monotonic()
        for split, of_split in inputs.items():
            first, blocks = 0, rows.blocks(of_split, table, table.columns)
            for dense, sparse, label, tokens, values in ahead(pool, encoded, blocks):
                present += values
                group = None if tokens is None else groups.ids(tokens)
                parts: Parts = [(split, slice(None))]
                last = first + len(label)
                if assigned is not None and labels is not None:
                    if not np.array_equal(labels[first:last], label):
                        raise BenchmarkError(
                            f"{split}, rows {first + 1:,} to {last:,}: {_UNSTABLE}"
                        )
                    codes = assigned[first:last]
                    parts = [(part, np.flatnonzero(codes == c)) for c, part in enumerate(SPLITS)]
                for part, at in parts:
                    dictionaries.count(sparse[at], part)
                    own_group = None if group is None else group[at]
                    writer.append(
                        part, dense[at], sparse[at], label[at], own_group, final_ids=False
                    )
                first = last
                if time.monotonic() - notified > NOTIFY_SECONDS:
                    notify(f"{split}: {first:,} rows encoded")
                    notified = time.monotonic()
            if labels is not None and first != len(labels):
                raise BenchmarkError(f"{split}, row {first + 1:,}: {_UNSTABLE}")
            if not first and table.choices:
                hint = "the rules of [table]: filter, drop and split"
                raise BenchmarkError(f"{split}: no row is left by {hint}")
        final: list[Ids] = []
        empty = np.array(table.dense, object)[present == 0]
        warnings = [f"{name}: missing in every row" for name in empty]

        def vocabularies() -> Iterator[pl.Series]:
            for name, field in zip(table.sparse, dictionaries.finish(pool), strict=True):
                final.append(field.final_ids)
                warnings.extend(f"{name}: {warning}" for warning in field.warnings)
                yield field.vocabulary

        write_encoding(writer.encoding_folder, table, dense_rule, vocabularies(), sides)
        writer.replace_ids(final, pool)
    schema = Schema(table.dense, table.sparse, encode.cardinalities(table, final), table.group)
    writer.publish(schema, sources, warnings=warnings)


def _assigned(
    pool: ThreadPoolExecutor,
    table: TableSpec,
    rule: SplitRule,
    parts: Sequence[Input],
    notify: Notify,
) -> tuple[Assigned, Labels]:
    """The split and the label of each row, found in a first pass over the column that decides."""
    column = table.label if rule.column is None else rule.column
    notify(f"reading the column {column}, by which the rows are split")
    if rule.column is not None:
        codes, labels = [], []
        for raw, label in ahead(pool, RowBlock.raw, rows.blocks(parts, table, [table.label])):
            codes.append(assign_by_value(raw[column], rule))
            labels.append(label.to_numpy())
        assigned = np.concatenate([np.empty(0, np.uint8), *codes])
        for code, split in enumerate(SPLITS):
            if code not in assigned:
                fault = f"no row is of {split}: {column} {rule.rules[split].text}"
                raise BenchmarkError(f"[table.split]: {fault}")
        return assigned, np.concatenate([np.empty(0, np.uint8), *labels])
    frames = ahead(pool, RowBlock.frame, rows.blocks(parts, table, [column]))
    labels = [frame[column].to_numpy() for frame in frames]
    joint = np.concatenate([np.empty(0, np.uint8), *labels])
    return assign(joint, rule), joint


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


def _dense_of_train(
    pool: ThreadPoolExecutor,
    table: TableSpec,
    inputs: Inputs,
    assigned: Assigned | None,
) -> Iterator[pl.DataFrame]:
    first, parts = 0, inputs["train" if assigned is None else "all"]
    for frame in ahead(pool, RowBlock.frame, rows.blocks(parts, table, table.dense)):
        last = first + frame.height
        yield frame if assigned is None else frame.filter(pl.Series(assigned[first:last] == 0))
        first = last


def write_encoding(
    folder: Path,
    table: TableSpec,
    dense: DenseRule,
    vocabularies: Iterable[pl.Series],
    sides: Sequence[Side] = (),
) -> None:
    """Write what raw rows are encoded by, with the vocabulary of each sparse field."""
    folder.mkdir()
    digests = []
    for j, vocabulary in enumerate(vocabularies):
        path = folder / f"{j}.parquet"
        vocabulary.alias("token").to_frame().write_parquet(path, compression="lz4")
        digests.append(sha256(path))
    facts = {
        "table": table.model_dump(mode="json", exclude_defaults=True),
        "means": dense.means,
        "deviations": dense.deviations,
        "vocabularies": digests,
    }
    for j, side in enumerate(sides):
        side.rows.write_parquet(folder / f"join{j}.parquet", compression="lz4")
    if sides:
        facts["sides"] = [sha256(folder / f"join{j}.parquet") for j in range(len(sides))]
    write_text(folder / FACTS, json.dumps(facts, indent=1) + "\n")


def vocabularies(folder: Path) -> Iterator[pl.Series]:
    """Yield the tokens of each sparse field by id, from 1. Raises BenchmarkError for an encoding
    that is missing or damaged."""
    with _whole(folder):
        for j, digest in enumerate(json.loads((folder / FACTS).read_bytes())["vocabularies"]):
            yield _unaltered(folder / f"{j}.parquet", digest)["token"]


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        fault = f"the encoding of raw rows is not whole: {error}"
        raise BenchmarkError(f"{folder}: {fault}") from None


class RawEncoder:
    """Encode raw rows as the store in whose folder the encoding lies. Raises BenchmarkError if the
    encoding is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        self._ids: list[pl.Expr] = []
        self._sides: list[Side] = []
        with _whole(folder):
            facts = json.loads((folder / FACTS).read_bytes())
            rules = facts["table"]
            # older stores name every key of files, those without paths too
            rules["files"] = {key: paths for key, paths in rules["files"].items() if paths}
            table = TableSpec.model_validate_json(json.dumps(rules))
            self._table = table.without_choices()
            self._dense = DenseRule(self._table, facts["means"], facts["deviations"])
            for name, tokens in zip(self._table.sparse, vocabularies(folder), strict=True):
                position = pl.col(name).cast(pl.Enum(tokens), strict=False).to_physical()
                self._ids.append((position.cast(pl.Int32) + 1).fill_null(len(tokens) + 1))
            for j, digest in enumerate(facts.get("sides", [])):
                join = table.join[j]
                side = _unaltered(folder / f"join{j}.parquet", digest)
                self._sides.append(Side(join.file, join.on[0], side))

    def read(self, path: Path, notify: Notify) -> Iterator[tuple[Dense, Ids]]:
        """Yield dense [n, n_dense] and sparse [n, n_sparse] of a file, or of all files of a folder
        in the order of their names, some rows at a time.

        They have the form of the training files; the label is not needed. `notify` is told of a
        header line that is skipped, and of columns without a value in libsvm and libffm files.
        Raises BenchmarkError naming the line of a broken row."""
        table, files = self._table, local.parts_of(path)
        columns = (*table.dense, *table.sparse)
        inputs = [joined(of_file(file, table), self._sides) for file in files]
        if all(part.ragged for part in inputs):
            present = {name for part in inputs for name in part.columns()}
            needed = table.needed(columns)
            if not present & {*needed}:
                fault = f"none of the columns {', '.join(needed)} occurs"
                raise BenchmarkError(f"{path}: {fault}; is this a {table.format} file?")
            if absent := [name for name in needed if name not in present]:
                notify(f"{path}: {', '.join(absent)} missing in every row")
        else:
            rows.require_columns(inputs, table, columns)
        for file in files if table.header else ():
            if csv.first_line(file, table).names:
                notify(f"{file}, line 1: names of the columns, no row")
        for block in rows.blocks(inputs, table, columns):
            frame = block.frame()
            sparse = np.empty((frame.height, 0), np.int32)
            if self._ids:
                sparse = np.ascontiguousarray(frame.select(self._ids).to_numpy())
            yield self._dense.apply(frame), sparse


def _unaltered(path: Path, digest: str) -> pl.DataFrame:
    """The table of a parquet file. Raises ValueError if its SHA-256 is another one."""
    if sha256(path) != digest:
        raise ValueError(f"{path.name} was altered")
    return pl.read_parquet(path, glob=False)
