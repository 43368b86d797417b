"""Encode a data set on several machines that share the cache folder: each calls `open_shard` for
its shard, at any time and in any order, and whichever finds all shards encoded makes the store.

<cache>/<id>/.shards/<i>-of-<n>/   a complete shard, until the store is made
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark.data import catalog
from benchmark.data.encoding import shard as encoding
from benchmark.data.encoding import table as table_encoding
from benchmark.data.encoding.shard import Part, Shard
from benchmark.data.encoding.table import Raw
from benchmark.data.store import Store, StoreWriter, cache_errors, making, open_or_make
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.files import locked
from benchmark.utils.types import Notify

FOLDER = ".shards"
SHOWN = 10


class Missing(Exception):
    """Shards that are still to be encoded before the store can be made."""


def open_shard(
    name_or_path: str, shard: Shard, *, data_root: Path | None, notify: Notify
) -> tuple[catalog.FoundCard, Store]:
    """Encode one shard of a data set; if it is the last one, make the store of all and open it.

    Raises Missing if others are still to be encoded, UsageError for generated data, and what
    `catalog.open_data` raises. What was done before is not done again."""
    found = catalog.find_card(name_or_path)
    card, table = found.card, found.card.table
    if table is None:
        raise UsageError(f"{card.id} is generated and has no shards; leave out --shard")
    plan = catalog.plan_of(found, table, data_root, notify, fetch=True)
    work = _Work(shard, plan, cache(plan.raw), notify)
    if plan.folder.exists():
        notify(f"{card.id} is encoded already; shard {shard} is not needed")
    else:
        work.encode()
    store = open_or_make(plan.folder, work.join, notify)
    work.discard()
    return found, catalog.as_expected(card, store, notify)


@dataclass(frozen=True)
class _Work:
    shard: Shard
    plan: catalog.Plan
    raw: Callable[[], Raw]
    notify: Notify

    @property
    def folder(self) -> Path:
        return self.plan.folder.parent / FOLDER

    def encode(self) -> None:
        """Encode the shard, unless it or the store is there. A second process waits."""
        name = f"{self.shard.number}-of-{self.shard.count}"
        lock = self.plan.folder.parent / f".{name}.lock"
        waiting = f"another process encodes shard {self.shard}; waiting for it"
        action = f"cannot write the encoded data in {self.folder}"
        with cache_errors(action), locked(lock, lambda: self.notify(waiting)):
            with making(self.plan.folder, self.notify):
                done = self.plan.folder.exists() or self.shard.number in self.alike()
            if not done:
                folder, store = self.folder / name, self.plan.folder.name
                encoding.write(folder, self.shard, self.plan.table, self.raw(), store, self.notify)

    def join(self, writer: StoreWriter) -> None:
        """Make the store of all shards and remove these. Raises Missing."""
        parts, numbers = self.alike(), range(1, self.shard.count + 1)
        if missing := [f"{i}/{self.shard.count}" for i in numbers if i not in parts]:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            raise Missing(", ".join(missing[:SHOWN]) + more)
        self.notify(f"joining the {self.shard.count} shards")
        content = encoding.content([parts[i] for i in numbers], self.plan.table, self.raw())
        table_encoding.write_blocks(self.plan.table, content, writer, self.notify)

    def alike(self) -> dict[int, Part]:
        """The complete shards by number. Raises BenchmarkError for one of another count, or made of
        other files or by another card."""
        parts: dict[int, Part] = {}
        store = self.plan.folder.name
        for shard, folder in self.present():
            begin = f"delete {self.folder} and begin again"
            if shard.count != self.shard.count:
                fault = f"{self.folder} holds shard {shard}, not one of {self.shard.count}"
                hint = f"go on with --shard i/{shard.count}, or {begin}"
                raise BenchmarkError(f"{fault}; {hint}")
            part = Part.open(shard, folder)
            if part.facts.store != store:
                hint = f"give all machines the same card and files, then {begin}"
                raise BenchmarkError(f"{folder} {self.difference(part)}; {hint}")
            parts[shard.number] = part
        return parts

    def difference(self, part: Part) -> str:
        """What a shard of another store was made of."""
        for name, digest in self.raw().sources.items():
            if (there := part.facts.sources.get(name, digest)) != digest:
                return f"was encoded from {name} of digest {there}, which here is {digest}"
        return "was encoded by another card, from other files or by another version"

    def present(self) -> Iterator[tuple[Shard, Path]]:
        """Yield the complete shards and their folders."""
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if form := re.fullmatch("([0-9]+)-of-([0-9]+)", path.name):
                    yield Shard(int(form[1]), int(form[2])), path

    def discard(self) -> None:
        """Remove the shards of the store, which is made, and damaged ones."""
        for shard, folder in self.present():
            with suppress(BenchmarkError):
                if Part.open(shard, folder).facts.store != self.plan.folder.name:
                    continue
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others have theirs in it
            self.folder.rmdir()
