"""Encode a data set on several machines that share the cache folder: each calls `open_shard` for
its shard, and one of them makes the store, whose arrays are those made in one go.

<cache>/<id>/.shards/   what the shards give each other, until the store is made
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import polars as pl

from benchmark.data import catalog
from benchmark.data.card import SPLITS, TableSpec
from benchmark.data.encoding import encode
from benchmark.data.encoding.raw import write_encoding
from benchmark.data.encoding.table import Raw, empty_columns
from benchmark.data.schema import Schema
from benchmark.data.shards import steps
from benchmark.data.shards.exchange import (
    Arrays,
    Exchange,
    Origin,
    Part,
    Shard,
    StoreMade,
    shards_in,
)
from benchmark.data.store import Store, StoreWriter, cache_errors, open_or_make
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.files import locked
from benchmark.utils.parallel import WORKERS, ahead
from benchmark.utils.types import Notify

FOLDER = ".shards"


def open_shard(
    name_or_path: str, shard: Shard, *, data_root: Path | None, wait: float, notify: Notify
) -> tuple[catalog.FoundCard, Store]:
    """Encode one shard of a data set, wait for the others, and open the store that they make.

    Raises BenchmarkError if no other shard comes in `wait` seconds, UsageError for generated data,
    and what `catalog.open_data` raises. What was done before is not done again."""
    found = catalog.find_card(name_or_path)
    card, table = found.card, found.card.table
    if table is None:
        raise UsageError(f"{card.id} is generated and has no shards; leave out --shard")
    plan = catalog.plan_of(found, table, data_root, notify, fetch=True)
    cache_of, store = plan.folder.parent, plan.folder
    lock = cache_of / f".{shard.folder_name}.lock"
    waiting = f"another process encodes shard {shard}; waiting for it"
    with cache_errors(f"cannot write in {cache_of}"), locked(lock, lambda: notify(waiting)):
        if store.exists():
            notify(f"{card.id} is encoded already; no shard is needed")
        else:
            raw = plan.raw()
            origin = Origin(store=store.name, sources=raw.sources)
            folder = cache_of / FOLDER
            exchange = Exchange(shard, folder, origin, store.exists, wait, notify)
            work = _Steps(table, raw, exchange)
            with suppress(StoreMade):
                work.arrays()
                open_or_make(store, work.join, notify)
        _discard(cache_of / FOLDER, store.name)
    return found, catalog.as_expected(card, Store.open(store), notify)


class _Steps:
    """The parts of all shards in each step, made from those of earlier steps as they are needed."""

    def __init__(self, table: TableSpec, raw: Raw, exchange: Exchange) -> None:
        self._table, self._raw, self._exchange = table, raw, exchange
        self._shard = exchange.shard
        self.rows, self.counts = cache(self._rows), cache(self._counts)
        self.vocabulary, self.arrays = cache(self._vocabulary), cache(self._arrays)

    def _rows(self) -> list[Part]:
        facts = self._table, self._raw, self._shard, self._exchange.notify
        return self._exchange.step("rows", lambda: partial(steps.write_rows, *facts))

    def _counts(self) -> list[Part]:
        write = partial(steps.write_counts, self._table, self._shard)
        return self._exchange.step("counts", lambda: partial(write, self.rows()))

    def _vocabulary(self) -> list[Part]:
        write = partial(steps.write_vocabulary, self._table, self._shard)
        return self._exchange.step("vocabulary", lambda: partial(write, self.rows(), self.counts()))

    def _arrays(self) -> list[Part]:
        of = partial(steps.ArraysWriter.of, self._table, self._shard)
        return self._exchange.step(
            "arrays", lambda: of(self.rows(), self.counts(), self.vocabulary()).write
        )

    def join(self, writer: StoreWriter) -> None:
        """Make the store of what all shards gave."""
        table, count = self._table, self._shard.count
        parts, vocabulary = self.arrays(), self.vocabulary()
        self._exchange.notify(f"joining the {count} shards")
        number_of_blocks = self.rows()[0].frame("blocks").height
        with ThreadPoolExecutor(WORKERS) as pool:
            for arrays in ahead(pool, partial(_block, parts), range(number_of_blocks)):
                _append(writer, arrays)
        rule, values = steps.dense_rule(table, self.counts())
        warnings = empty_columns(table, values)

        def vocabularies() -> Iterator[pl.Series]:
            for j, name in enumerate(table.sparse):
                part = steps.having(vocabulary, j)
                told = part.frame(f"warnings{j}")["warning"]
                warnings.extend(f"{name}: {warning}" for warning in told)
                yield part.frame(f"vocabulary{j}")["token"]

        write_encoding(writer.encoding_folder, table, rule, vocabularies(), self._raw.sides)
        final = [steps.final_ids(vocabulary, j, 0) for j in range(len(table.sparse))]
        sizes = encode.cardinalities(table, final)
        schema = Schema(table.dense, table.sparse, sizes, table.group)
        writer.publish(schema, self._raw.sources, warnings=warnings)


def _block(parts: list[Part], number: int) -> Arrays:
    return parts[number % len(parts)].arrays(str(number))


def _append(writer: StoreWriter, arrays: Arrays) -> None:
    for split in SPLITS:
        if f"{split}.label" in arrays:
            dense, sparse = arrays[f"{split}.dense"], arrays[f"{split}.sparse"]
            label, group = arrays[f"{split}.label"], arrays.get(f"{split}.group")
            writer.append(split, dense, sparse, label, group)


def _discard(folder: Path, store: str) -> None:
    """Remove what shards gave each other for a store, which is made, and what is damaged."""
    for step in sorted(folder.glob("*")):
        for shard, of_shard in shards_in(step):
            with suppress(BenchmarkError):
                if Part.open(shard, of_shard).origin.store != store:
                    continue
            shutil.rmtree(of_shard, ignore_errors=True)
        with suppress(OSError):  # another store's are in it
            step.rmdir()
    with suppress(OSError):
        folder.rmdir()
