"""Encode a data set on several machines that share the cache folder: each calls `open_shard` for
its shard, and one of them makes the store, whose arrays are those made in one go.

<cache>/<id>/.shards/   what the shards give each other, until the store is made
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
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
    Write,
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
            raw, folder = plan.raw(), cache_of / FOLDER
            origin = Origin(store=store.name, sources=raw.sources)
            ways = _steps(table, shard, raw, notify)
            exchange = Exchange(shard, folder, ways, origin, store.exists, wait, notify)
            exchange.run()
            open_or_make(store, partial(_join, table, raw, exchange), notify)
        _discard(cache_of / FOLDER, store.name)
    return found, catalog.as_expected(card, Store.open(store), notify)


def _steps(table: TableSpec, shard: Shard, raw: Raw, notify: Notify) -> dict[str, Write]:
    """How a shard writes its part of each step, in order."""
    return {
        "rows": partial(steps.write_rows, table, shard, raw, notify),
        "counts": partial(steps.write_counts, table, shard),
        "vocabulary": partial(steps.write_vocabulary, table, shard),
        "arrays": partial(steps.write_arrays, table, shard),
    }


def _join(table: TableSpec, raw: Raw, exchange: Exchange, writer: StoreWriter) -> None:
    """Make the store of what all shards gave."""
    exchange.notify(f"joining the {exchange.shard.count} shards")
    rows_of, counts, vocabulary, arrays = exchange.parts(list(exchange.steps))
    numbers = range(rows_of[0].frame("blocks").height)
    with ThreadPoolExecutor(WORKERS) as pool:
        for block in ahead(pool, partial(_block, arrays), numbers):
            _append(writer, block)
    rule, values = steps.dense_rule(table, counts)
    warnings = empty_columns(table, values)

    def vocabularies() -> Iterator[pl.Series]:
        for j, name in enumerate(table.sparse):
            part = steps.having(vocabulary, j)
            told = part.frame(f"warnings{j}")["warning"]
            warnings.extend(f"{name}: {warning}" for warning in told)
            yield part.frame(f"vocabulary{j}")["token"]

    write_encoding(writer.encoding_folder, table, rule, vocabularies(), raw.sides)
    final = [steps.final_ids(vocabulary, j, 0) for j in range(len(table.sparse))]
    sizes = encode.cardinalities(table, final)
    schema = Schema(table.dense, table.sparse, sizes, table.group)
    writer.publish(schema, raw.sources, warnings=warnings)


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
