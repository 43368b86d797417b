"""The steps by which shards encode a table, each from what all shards gave in those before.

rows        every machine reads all blocks and parses its own: block k of all splits together is
            in shard k mod n + 1; its tokens get provisional ids as they come
counts      how often each token occurs in each split, and the moments of the numbers
vocabulary  the counts of a column added, and the final id of each provisional id of each shard;
            every machine does some columns
arrays      the blocks as they are in the store
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import SPLITS, TableSpec
from benchmark.data.encoding.encode import DenseRule, Dictionaries, Dictionary, by_row, moments
from benchmark.data.encoding.splits import assign_by_value
from benchmark.data.encoding.table import Progress, Raw
from benchmark.data.readers import rows
from benchmark.data.readers.inputs import CHUNK_ROWS, Inputs
from benchmark.data.readers.rows import RowBlock
from benchmark.data.shards.exchange import Part, PartWriter, Shard
from benchmark.data.shards.layout import Layout
from benchmark.utils.arrays import Ids, Integers, Vector
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Notify

NEVER = np.iinfo(np.int64).max
ROW_BITS = 32


def token_columns(table: TableSpec) -> list[str]:
    """The columns of tokens, once: sparse fields, then the group."""
    group = [] if table.group is None else [table.group]
    return list(dict.fromkeys([*table.sparse, *group]))


def write_rows(
    table: TableSpec, shard: Shard, raw: Raw, notify: Notify, writer: PartWriter
) -> None:
    """Parse the blocks of a shard. Raises BenchmarkError for a broken row."""
    reading, dictionaries = _Reading(table, raw.joined(table)), Dictionaries(token_columns(table))
    progress, count = Progress(notify), 0
    heights, of_rows = [], []
    keep_freed_memory()
    with ThreadPoolExecutor(WORKERS) as pool:
        save = partial(_save_block, table, dictionaries, writer)
        own = islice(enumerate(reading.blocks()), shard.number - 1, None, shard.count)
        for facts in ahead(pool, save, own):
            heights.append(facts.height)
            if table.split is not None:
                of_rows.append(facts)
            count += facts.height
            progress.tell(f"shard {shard}", count)
    kinds = {"split": pl.String, "first": pl.Int64, "rows": pl.String}
    writer.frame("blocks", pl.DataFrame(reading.seen, kinds, orient="row"))
    writer.frame("heights", pl.DataFrame({"height": heights}, {"height": pl.Int64}))
    if of_rows:
        writer.frame("splits", pl.concat(of_rows))
    sizes = []
    for j, tokens in enumerate(dictionaries.tokens()):
        writer.frame(f"tokens{j}", tokens.to_frame())
        sizes.append(len(tokens))
    writer.arrays("sizes", {"tokens": np.array(sizes, np.int64)})


class _Reading:
    """All blocks of a table in order, and what was seen of each: its split, the number of its first
    row, and a digest of its rows if these are made by a source and not told by its files."""

    def __init__(self, table: TableSpec, inputs: Inputs) -> None:
        self.seen: list[tuple[str, int, str]] = []
        self._table, self._inputs = table, inputs

    def blocks(self) -> Iterator[RowBlock]:
        table = self._table
        for split, parts in self._inputs.items():
            for block in rows.blocks(parts, table, table.columns):
                made = "" if table.source is None else _digest(block.parse([]))
                self.seen.append((split, block.first, made))
                yield block


def _digest(frame: pl.DataFrame) -> str:
    # the codes of categories may differ between processes
    hashes = frame.cast({pl.Categorical: pl.String}).hash_rows()
    return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()


def _save_block(
    table: TableSpec,
    dictionaries: Dictionaries,
    writer: PartWriter,
    numbered: tuple[int, RowBlock],
) -> pl.DataFrame:
    """Write a block with provisional ids; the label of each row, and its split if it has a rule."""
    number, block = numbered
    frame = block.frame()
    columns = zip(token_columns(table), dictionaries.columns(frame), strict=True)
    frame = frame.with_columns(pl.Series(name, ids) for name, ids in columns)
    writer.frame(str(number), frame)
    facts = frame.select(pl.col(table.label).alias("label"))
    if table.split is None or table.split.column is None:
        return facts
    values, _ = block.raw()
    codes = assign_by_value(values[table.split.column], table.split)
    return facts.with_columns(pl.Series("split", codes))


def write_counts(
    table: TableSpec, shard: Shard, writer: PartWriter, rows_of: Sequence[Part]
) -> None:
    """Count the tokens of a shard's rows by split, and the values of its numbers."""
    layout, own = Layout(table, rows_of), rows_of[shard.number - 1]
    names = token_columns(table)
    sizes = own.arrays("sizes")["tokens"] + 1
    counts = [
        {split: np.zeros(size, np.int64) for split in SPLITS} for size in sizes[: len(table.sparse)]
    ]
    firsts = np.full(0 if table.group is None else sizes[names.index(table.group)], NEVER)
    values, of_train = np.zeros(len(table.dense), np.int64), []
    with ThreadPoolExecutor(WORKERS) as pool:
        numbered = ((number, own) for number in layout.own(shard))
        for number, frame in ahead(pool, _numbered_frame, numbered):
            values += np.array([frame[name].count() for name in table.dense], np.int64)
            if table.group is not None:
                _note_first(firsts, frame[table.group].to_numpy(), number)
            for split, at in layout.of_splits(number, frame[table.label].to_numpy()):
                for j, name in enumerate(table.sparse):
                    np.add.at(counts[j][split], frame[name].to_numpy()[at], 1)
                if split == "train" and table.dense_rule == "standard":
                    of_train.append((number, moments(table, frame[at].select(table.dense))))
    for j in range(len(table.sparse)):
        writer.frame(f"counts{j}", pl.DataFrame(counts[j]))
    writer.arrays("numbers", {"values": values, "firsts": firsts, **_moments(of_train)})


def _moments(of_train: list[tuple[int, Vector]]) -> dict[str, NDArray[np.generic]]:
    if not of_train:
        return {}
    numbers, of_blocks = zip(*of_train, strict=True)
    return {"blocks": np.array(numbers), "moments": np.stack(of_blocks)}


def _numbered_frame(numbered: tuple[int, Part]) -> tuple[int, pl.DataFrame]:
    number, part = numbered
    return number, part.frame(str(number))


def _note_first(firsts: Integers, ids: Ids, number: int) -> None:
    """Note where ids [n] of a later block occur first."""
    distinct, at = np.unique(ids, return_index=True)
    firsts[distinct] = np.minimum(firsts[distinct], (number << ROW_BITS) + at)


def dense_rule(table: TableSpec, counts: Sequence[Part]) -> tuple[DenseRule, Integers]:
    """The rule for numbers, and how many values each dense column has."""
    of_parts = [part.arrays("numbers") for part in counts]
    of_blocks = {
        number: of_block
        for arrays in of_parts
        if "blocks" in arrays
        for number, of_block in zip(arrays["blocks"].tolist(), arrays["moments"], strict=True)
    }
    values: Integers = np.sum([arrays["values"] for arrays in of_parts], axis=0)
    return DenseRule.of_moments(table, (of_blocks[k] for k in sorted(of_blocks))), values


def write_vocabulary(
    table: TableSpec,
    shard: Shard,
    writer: PartWriter,
    rows_of: Sequence[Part],
    counts: Sequence[Part],
) -> None:
    """Add the counts of some columns, from which their vocabularies and final ids follow; each
    shard has some of the large ones."""
    merge = partial(_merge_field, table, rows_of, counts, writer)
    tokens = np.sum([part.arrays("sizes")["tokens"] for part in rows_of], axis=0)
    by_size = np.argsort(-tokens[: len(table.sparse)], kind="stable").tolist()
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in ahead(pool, merge, by_size[shard.number - 1 :: shard.count], count=2):
            pass
    if table.group is not None and shard.number == shard.count:
        _merge_groups(table, rows_of, counts, writer)


def _merge_field(
    table: TableSpec,
    rows_of: Sequence[Part],
    counts: Sequence[Part],
    writer: PartWriter,
    j: int,
) -> None:
    dictionary = Dictionary()
    common = [_common_ids(dictionary, part, j) for part in rows_of]
    for ids, part in zip(common, counts, strict=True):
        for split, times in part.frame(f"counts{j}").to_dict().items():
            dictionary.count(ids, split, times.to_numpy())
    found = dictionary.finish(table.min_count)
    writer.frame(f"vocabulary{j}", found.vocabulary.alias("token").to_frame())
    writer.frame(f"warnings{j}", pl.DataFrame({"warning": found.warnings}, {"warning": pl.String}))
    for i, ids in enumerate(common):
        writer.arrays(f"ids{j}-{i}", {"ids": found.final_ids[ids]})


def _merge_groups(
    table: TableSpec, rows_of: Sequence[Part], counts: Sequence[Part], writer: PartWriter
) -> None:
    """Give groups ids by first appearance over all shards, as `GroupIds` does."""
    dictionary, column = Dictionary(), token_columns(table).index(str(table.group))
    common = [_common_ids(dictionary, part, column) for part in rows_of]
    firsts = np.full(1 + max(int(ids.max()) for ids in common), NEVER)
    for ids, part in zip(common, counts, strict=True):
        firsts[ids] = np.minimum(firsts[ids], part.arrays("numbers")["firsts"])
    final = np.empty(len(firsts), np.int32)
    final[np.argsort(firsts, kind="stable")] = np.arange(len(firsts))
    for i, ids in enumerate(common):
        writer.arrays(f"groups-{i}", {"ids": final[ids]})


def _common_ids(dictionary: Dictionary, part: Part, column: int) -> Ids:
    """The id in the dictionary of each provisional id of a shard, of which 0 is 0."""
    tokens = part.frame(f"tokens{column}")["token"]
    # many at once take several times as long: numpy's table of distinct keys leaves the cache
    blocks = (tokens.slice(first, CHUNK_ROWS) for first in range(0, len(tokens), CHUNK_ROWS))
    return np.concatenate([np.zeros(1, np.int32), *map(dictionary.ids, blocks)])


def write_arrays(
    table: TableSpec,
    shard: Shard,
    writer: PartWriter,
    rows_of: Sequence[Part],
    counts: Sequence[Part],
    vocabulary: Sequence[Part],
) -> None:
    """Write the blocks of a shard with final ids, divided into splits."""
    (rule, _), layout, i = dense_rule(table, counts), Layout(table, rows_of), shard.number - 1
    fields = [final_ids(vocabulary, j, i) for j in range(len(table.sparse))]
    groups = vocabulary[-1].arrays(f"groups-{i}")["ids"] if table.group else None

    def write(number: int) -> None:
        frame = rows_of[i].frame(str(number))
        sparse = np.empty((len(fields), frame.height), np.int32)
        for j, name in enumerate(table.sparse):
            fields[j].take(frame[name].to_numpy(), out=sparse[j], mode="clip")
        label = frame[table.label].to_numpy()
        of_all = {"dense": rule.apply(frame), "sparse": by_row(sparse), "label": label}
        if groups is not None:
            of_all["group"] = groups.take(frame[str(table.group)].to_numpy())
        arrays: dict[str, NDArray[Any]] = {}
        for split, at in layout.of_splits(number, label):
            arrays |= {f"{split}.{part}": array[at] for part, array in of_all.items()}
        writer.arrays(str(number), arrays)

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in ahead(pool, write, layout.own(shard)):
            pass


def final_ids(vocabulary: Sequence[Part], field: int, shard: int) -> Ids:
    """The final id of each provisional id of a field, of the shard at an index."""
    ids: Ids = having(vocabulary, field).arrays(f"ids{field}-{shard}")["ids"]
    return ids


def having(vocabulary: Sequence[Part], field: int) -> Part:
    """The part that holds what was merged of a field."""
    return next(part for part in vocabulary if f"vocabulary{field}.arrow" in part.files)
