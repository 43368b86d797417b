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
from collections.abc import Callable, Iterator, Mapping
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


class StoreMade(Exception):
    """Another shard has made the store, so that nothing is left to do."""


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

    def finish(self, origin: Origin) -> None:
        """Write the facts."""
        facts = _Facts(origin=origin, files=self.files).model_dump()
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
    files: Mapping[str, str]

    @classmethod
    def open(cls, shard: Shard, folder: Path) -> "Part":
        try:
            content = forms.parse(dict[str, Any], folder / FACTS)
            if content.pop("digest", None) != canonical_sha256(content):
                raise forms.Malformed("was altered (its digest differs)")
            facts = forms.checked(_Facts, json.dumps(content))
        except forms.Malformed as fault:
            raise _damaged(shard, folder / FACTS, str(fault)) from None
        return cls(shard, folder, facts.origin, facts.files)

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


def _damaged(shard: Shard, path: Path, why: str) -> BenchmarkError:
    remedy = f"delete the folder {path.parent} and run --shard {shard} again"
    return BenchmarkError(f"{path}: {why}; {remedy}")


@dataclass(frozen=True)
class Exchange:
    """The folder as one shard sees it: `made` says that the store is there, and `wait` how many
    seconds to wait for the others without seeing one of them."""

    shard: Shard
    folder: Path
    origin: Origin
    made: Callable[[], bool]
    wait: float
    notify: Notify

    def step(self, name: str, prepare: Callable[[], Callable[[PartWriter], object]]) -> list[Part]:
        """Give this shard's part unless it is there, and return those of all shards in order.

        `prepare` says how to write it, from earlier steps. Raises BenchmarkError if others are
        missing for too long, or were made of something else, and StoreMade."""
        folder = self.folder / name / self.shard.folder_name
        if not folder.is_dir():
            self.present(name)  # refused before any work
            write = prepare()
            with published(folder) as place:
                writer = PartWriter(place)
                write(writer)
                writer.finish(self.origin)
        return self._all(name)

    def _all(self, name: str) -> list[Part]:
        shards = [Shard(number, self.shard.count) for number in range(1, self.shard.count + 1)]
        waited_for, since = None, 0.0
        while True:
            if self.made():
                raise StoreMade
            parts = self._present_unless_made(name)
            missing = [shard for shard in shards if shard not in parts]
            if not missing:
                return [parts[shard] for shard in shards]
            listed = ", ".join(map(str, missing[:SHOWN]))
            listed += f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            if missing != waited_for:
                waited_for, since = missing, time.monotonic()
                self.notify(f"{name}: shard {self.shard} is done; waiting for {listed}")
            if time.monotonic() - since >= self.wait:
                hint = "run this again when they run too; it goes on from here"
                raise BenchmarkError(f"{name}: still waiting for shards {listed}; {hint}")
            time.sleep(POLL_SECONDS)

    def _present_unless_made(self, name: str) -> dict[Shard, "Part"]:
        try:
            return self.present(name)
        except BenchmarkError:
            if self.made():  # and parts are being removed
                raise StoreMade from None
            raise

    def present(self, step: str) -> dict[Shard, Part]:
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
