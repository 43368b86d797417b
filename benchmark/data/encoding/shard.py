"""One shard of a table, encoded on one of several machines, and the rows of all shards.

Every machine reads all blocks of rows and encodes some: block k of all splits together is in shard
k mod n + 1. Its tokens get provisional ids as they come, as all do in one go. With all shards there
the tokens of each get ids in common; from then on its blocks are encoded as those of files are.

<folder>/facts.json       what the shard was made of, and the SHA-256 of the other files
<folder>/<k>.arrow        block k: labels, numbers, provisional ids
<folder>/tokens<j>.arrow  the tokens of column j by provisional id, from 1
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.encoding.encode import Dictionaries, Dictionary
from benchmark.data.encoding.table import Content, Progress, Raw, with_sides
from benchmark.data.readers import rows
from benchmark.data.readers.inputs import Inputs
from benchmark.data.readers.rows import Block
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils import forms
from benchmark.utils.arrays import Ids
from benchmark.utils.files import canonical_sha256, published, sync
from benchmark.utils.memory import keep_freed_memory
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Frozen, Notify, Sha256

FACTS = "facts.json"
_VALUES = ""
"""The column by which rows are split, as it was read; no column of a card has this name."""


@dataclass(frozen=True)
class Shard:
    """Number `number` of `count`, from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `i/n`. Raises UsageError unless 1 <= i <= n."""
        form = re.fullmatch("([0-9]{1,6})/([0-9]{1,6})", text)
        if form is None or not 1 <= int(form[1]) <= int(form[2]):
            expected = "i/n, shard i of n with i from 1 to n, such as 1/3"
            raise UsageError(f"--shard {text}: expected {expected}")
        return cls(int(form[1]), int(form[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


class Facts(Frozen):
    """What a shard was made of: the name of the store's folder, the digests of the files, how many
    blocks all shards of each split have, a digest of how rows were cut, and its own files."""

    store: str
    sources: dict[str, str]
    blocks: dict[str, int]
    cut: Sha256
    files: dict[str, Sha256]


def write(
    folder: Path, shard: Shard, table: TableSpec, raw: Raw, store: str, notify: Notify
) -> None:
    """Encode a shard into a new folder, which is renamed into place. Raises BenchmarkError for a
    broken row and a full disk."""
    reading = _Reading(table, with_sides(table, raw.inputs, raw.sides))
    tokens, progress, count = Dictionaries(_with_tokens(table)), Progress(notify), 0
    keep_freed_memory()
    with published(folder) as place, ThreadPoolExecutor(WORKERS) as pool:
        save, files = partial(_save, place, table, tokens), {}
        own = islice(enumerate(reading.blocks()), shard.number - 1, None, shard.count)
        for name, digest, height in ahead(pool, save, own):
            files[name], count = digest, count + height
            progress.tell(f"shard {shard}", count)
        for j, column in enumerate(_with_tokens(table)):
            frame = tokens[column].tokens().alias("token").to_frame()
            files[f"tokens{j}.arrow"] = _write_frame(place / f"tokens{j}.arrow", frame)
        facts = Facts(
            store=store,
            sources=raw.sources,
            blocks=reading.counts,
            cut=reading.digest.hexdigest(),
            files=files,
        ).model_dump()
        sealed = facts | {"digest": canonical_sha256(facts)}
        (place / FACTS).write_text(json.dumps(sealed), encoding="utf-8")
        sync(place / FACTS)


class _Reading:
    """All blocks of a table in order, how many each split has, and a digest of where they begin."""

    def __init__(self, table: TableSpec, inputs: Inputs) -> None:
        self.counts = dict.fromkeys(inputs, 0)
        self.digest = hashlib.sha256()
        self._table, self._inputs = table, inputs

    def blocks(self) -> Iterator[Block]:
        table = self._table
        for split, parts in self._inputs.items():
            for block in rows.blocks(parts, table, table.columns):
                self.counts[split] += 1
                self.digest.update(f"{split} {block.first} ".encode())
                if table.source is not None:  # the files alone do not tell the order of its rows
                    self.digest.update(_row_hashes(block.parse([])))
                yield block


def _row_hashes(frame: pl.DataFrame) -> bytes:
    # the codes of categories may differ between processes
    return frame.cast({pl.Categorical: pl.String}).hash_rows().to_numpy().tobytes()


def _save(
    folder: Path, table: TableSpec, tokens: Dictionaries, numbered: tuple[int, Block]
) -> tuple[str, str, int]:
    """Write a block with provisional ids; its file's name and SHA-256, and its number of rows."""
    number, block = numbered
    frame = block.frame()
    columns = zip(_with_tokens(table), tokens.columns(frame), strict=True)
    frame = frame.with_columns(pl.Series(name, ids) for name, ids in columns)
    if table.split is not None and table.split.column is not None:
        values, _ = block.raw()
        frame = frame.with_columns(values[table.split.column].alias(_VALUES))
    name = f"{number}.arrow"
    return name, _write_frame(folder / name, frame), frame.height


def _write_frame(path: Path, frame: pl.DataFrame) -> str:
    """Write a frame through Python, whose errors tell of a full disk; the SHA-256 of the file."""
    data = frame.write_ipc(None).getbuffer()
    path.write_bytes(data)
    sync(path)
    return hashlib.sha256(data).hexdigest()


def _with_tokens(table: TableSpec) -> list[str]:
    """The columns of tokens, once: sparse fields, and the group."""
    group = [] if table.group is None else [table.group]
    return list(dict.fromkeys([*table.sparse, *group]))


@dataclass(frozen=True)
class Part:
    """A shard in its folder. Raises BenchmarkError for what was altered since it was written."""

    shard: Shard
    folder: Path
    facts: Facts

    @classmethod
    def open(cls, shard: Shard, folder: Path) -> "Part":
        try:
            facts = forms.parse(dict[str, object], folder / FACTS)
            if facts.pop("digest", None) != canonical_sha256(facts):
                raise forms.Malformed("was altered (its digest differs)")
            return cls(shard, folder, forms.checked(Facts, json.dumps(facts)))
        except forms.Malformed as fault:
            raise _damaged(shard, folder / FACTS, str(fault)) from None

    def read(self, name: str) -> pl.DataFrame:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
            raise _damaged(self.shard, path, why) from None
        if hashlib.sha256(data).hexdigest() != self.facts.files.get(name):
            raise _damaged(self.shard, path, "was altered or cut off (its SHA-256 differs)")
        return pl.read_ipc(BytesIO(data))

    def common_ids(self, number: int, dictionary: Dictionary) -> Ids:
        """The id in the dictionary of each provisional id of column `number`, of which 0 is 0."""
        ids = dictionary.ids(self.read(f"tokens{number}.arrow")["token"])
        return np.concatenate([np.zeros(1, np.int32), ids])


def _damaged(shard: Shard, path: Path, why: str) -> BenchmarkError:
    remedy = f"delete the folder {path.parent} and run --shard {shard} again"
    return BenchmarkError(f"{path} {why}; {remedy}")


@dataclass(frozen=True)
class _EncodedBlock:
    """A block of a shard, with ids in place of tokens."""

    table: TableSpec
    columns: Sequence[str]
    part: Part
    number: int
    common_ids: Mapping[str, Ids]

    def frame(self) -> pl.DataFrame:
        """The rows as `RowBlock` gives them, but provisional ids as Int32 for tokens."""
        frame = self.part.read(f"{self.number}.arrow").select(self.columns)
        return frame.with_columns(
            pl.Series(name, self.common_ids[name].take(frame[name].to_numpy()))
            for name in self.columns
            if name in self.common_ids
        )

    def raw(self) -> tuple[pl.DataFrame, pl.Series]:
        """The column by which rows are split, as it was read, and the labels."""
        assert self.table.split is not None and self.table.split.column is not None
        frame = self.part.read(f"{self.number}.arrow")
        values = frame.select(pl.col(_VALUES).alias(self.table.split.column))
        return values, frame[self.table.label]


def content(parts: Sequence[Part], table: TableSpec, raw: Raw) -> Content:
    """The rows of all shards, in the order of their numbers. Raises BenchmarkError for shards that
    are damaged, or of different rows."""
    first, *others = parts
    for part in others:
        if (part.facts.blocks, part.facts.cut) != (first.facts.blocks, first.facts.cut):
            fault = f"shards {first.shard} and {part.shard} were encoded from different rows"
            hint = "let all machines have the same versions, and a source give the same order"
            remedy = f"then delete {part.folder.parent} and begin again"
            raise BenchmarkError(f"{fault}; {hint}, {remedy}")
    names = _with_tokens(table)
    dictionaries, of_group = Dictionaries(table.sparse), Dictionary()
    by_name = {name: dictionaries[name] for name in table.sparse}

    def ids_of(number: int) -> list[Ids]:
        field = by_name.get(names[number], of_group)
        return [part.common_ids(number, field) for part in parts]

    with ThreadPoolExecutor(WORKERS) as pool:
        by_column = list(pool.map(ids_of, range(len(names))))
    common_ids = [dict(zip(names, ids, strict=True)) for ids in zip(*by_column, strict=True)]
    counts = first.facts.blocks
    starts = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))

    def blocks(split: str, columns: Sequence[str]) -> Iterator[Block]:
        for number in range(starts[split], starts[split] + counts[split]):
            at = number % len(parts)
            yield _EncodedBlock(table, columns, parts[at], number, common_ids[at])

    return Content(list(counts), blocks, dictionaries, raw.sources, raw.sides)
