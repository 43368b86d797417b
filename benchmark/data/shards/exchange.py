"""What the shards of a data set give each other, in a folder that their machines share.

<folder>/<step>/<i>-of-<n>/   what shard i gives in a step: complete, or not there
    facts.json                the store that it is for, and the SHA-256 of the other files
    <name>.arrow              frames
    <name>.safetensors        arrays
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils import forms
from benchmark.utils.files import canonical_sha256, published
from benchmark.utils.types import Frozen, Notify, Sha256

FACTS = "facts.json"
POLL_SECONDS = 0.5
SHOWN = 10

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, order=True)
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

    @property
    def folder_name(self) -> str:
        return f"{self.number}-of-{self.count}"


class Origin(Frozen):
    """What shards have in common: the name of the store's folder, and the digests of the files."""

    store: str
    sources: dict[str, str]


class _Facts(Frozen):
    origin: Origin
    after: Sha256
    files: dict[str, Sha256]


@dataclass(frozen=True)
class PartWriter:
    """Writes the files of a part, in any thread. Raises OSError."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def frame(self, name: str, frame: pl.DataFrame) -> None:
        # through Python, whose errors tell of a full disk
        self._write(f"{name}.arrow", frame.write_ipc(None).getbuffer())

    def arrays(self, name: str, arrays: Arrays) -> None:
        whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        self._write(f"{name}.safetensors", safetensors.save(whole))

    def finish(self, origin: Origin, after: str) -> None:
        """Write the facts; `after` is the digest of the parts from which this one was made."""
        facts = _Facts(origin=origin, after=after, files=self.files).model_dump()
        sealed = json.dumps(facts | {"digest": canonical_sha256(facts)})
        (self.folder / FACTS).write_text(sealed, encoding="utf-8")

    def _write(self, name: str, data: bytes | memoryview) -> None:
        (self.folder / name).write_bytes(data)
        self.files[name] = hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Part:
    """What a shard gave in a step. Reading raises BenchmarkError for a file that was altered."""

    shard: Shard
    folder: Path
    origin: Origin
    after: str
    files: Mapping[str, str]
    digest: str

    @classmethod
    def open(cls, shard: Shard, folder: Path) -> "Part":
        try:
            content = forms.parse(dict[str, Any], folder / FACTS)
            digest = content.pop("digest", None)
            if digest != canonical_sha256(content):
                raise forms.Malformed("was altered (its digest differs)")
            facts = forms.checked(_Facts, json.dumps(content))
        except forms.Malformed as fault:
            raise _damaged(shard, folder / FACTS, str(fault)) from None
        return cls(shard, folder, facts.origin, facts.after, facts.files, str(digest))

    def frame(self, name: str) -> pl.DataFrame:
        return pl.read_ipc(BytesIO(self._read(f"{name}.arrow")))

    def arrays(self, name: str) -> Arrays:
        arrays: Arrays = safetensors.load(self._read(f"{name}.safetensors"))
        return arrays

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
            raise _damaged(self.shard, path, why) from None
        if hashlib.sha256(data).hexdigest() != self.files.get(name):
            raise _damaged(self.shard, path, "was altered or cut off (its SHA-256 differs)")
        return data


def _digest(steps: Sequence[Sequence[Part]]) -> str:
    return canonical_sha256([[part.digest for part in parts] for parts in steps])


def _damaged(shard: Shard, path: Path, why: str) -> BenchmarkError:
    remedy = f"delete the folder {path.parent} and run --shard {shard} again"
    return BenchmarkError(f"{path}: {why}; {remedy}")


Write = Callable[..., object]
"""Writes the part of one shard, given its PartWriter and the parts of all in each step before."""


@dataclass(frozen=True)
class Exchange:
    """The folder as one shard sees it: the names of the steps, and how it writes its parts; `made`
    says that the store is there, and `wait` how many seconds to wait without a new part."""

    shard: Shard
    folder: Path
    steps: Mapping[str, Write]
    origin: Origin
    made: Callable[[], bool]
    wait: float
    notify: Notify

    def run(self) -> None:
        """Give this shard's part of each step and wait for the others, until all gave all or the
        store is there. Raises BenchmarkError if others are missing for too long, or were made of
        something else."""
        for step in self.steps:
            try:
                self._give(step)
                self._wait(step)
            except BenchmarkError:
                if not self.made():  # and parts are being removed
                    raise

    def _give(self, step: str) -> None:
        folder = self.folder / step / self.shard.folder_name
        if folder.is_dir() or self.made():
            return
        self._present(step)  # refused before any work
        names = list(self.steps)
        earlier = self.parts(names[: names.index(step)])
        with published(folder) as place:
            writer = PartWriter(place)
            self.steps[step](writer, *earlier)
            writer.finish(self.origin, _digest(earlier))

    def parts(self, steps: Sequence[str]) -> list[list[Part]]:
        """The parts of all shards in the first steps. Raises BenchmarkError for one that was made
        from other parts than are there now."""
        found: list[list[Part]] = []
        for step in steps:
            present = self._present(step)
            parts = [present[shard] for shard in self._all if shard in present]
            if len(parts) < self.shard.count or {part.after for part in parts} != {_digest(found)}:
                names = list(self.steps)
                beside = ", ".join(names[names.index(step) :])
                fault = f"{step} are not of what is there of the steps before"
                hint = f"delete {beside} in {self.folder} and run all shards again"
                raise BenchmarkError(f"{fault}; {hint}")
            found.append(parts)
        return found

    @property
    def _all(self) -> list[Shard]:
        return [Shard(number, self.shard.count) for number in range(1, self.shard.count + 1)]

    def _wait(self, step: str) -> None:
        waited_for, since = None, 0.0
        while not self.made():
            present = self._present(step)
            missing = [str(shard) for shard in self._all if shard not in present]
            if not missing:
                return
            listed = ", ".join(missing[:SHOWN])
            listed += f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            if missing != waited_for:
                waited_for, since = missing, time.monotonic()
                self.notify(f"{step}: shard {self.shard} is done; waiting for {listed}")
            if time.monotonic() - since >= self.wait:
                hint = "run this again when they run too; it goes on from here"
                raise BenchmarkError(f"{step}: still waiting for shards {listed}; {hint}")
            time.sleep(POLL_SECONDS)

    def _present(self, step: str) -> dict[Shard, Part]:
        """The parts of a step that are there. Raises BenchmarkError for one of another number of
        shards, or made of other files or by another card."""
        parts = {}
        again = f"delete {self.folder} and begin again"
        for shard, folder in shards_in(self.folder / step):
            if shard.count != self.shard.count:
                fault = f"{folder} is of {shard.count} shards, not of {self.shard.count}"
                hint = f"go on with --shard i/{shard.count}, or {again}"
                raise BenchmarkError(f"{fault}; {hint}")
            part = Part.open(shard, folder)
            if part.origin != self.origin:
                hint = f"give all machines the same card and files, then {again}"
                raise BenchmarkError(f"{folder} {self._difference(part.origin)}; {hint}")
            parts[shard] = part
        return parts

    def _difference(self, other: Origin) -> str:
        for name, digest in self.origin.sources.items():
            if (there := other.sources.get(name, digest)) != digest:
                return f"was made from {name} of digest {there}, which here is {digest}"
        return "was made by another card or version, or from other files"


def shards_in(folder: Path) -> Iterator[tuple[Shard, Path]]:
    """Yield the shards that have a complete folder in this one."""
    with suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            if form := re.fullmatch("([0-9]+)-of-([0-9]+)", path.name):
                yield Shard(int(form[1]), int(form[2])), path
