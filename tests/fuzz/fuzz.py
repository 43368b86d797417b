"""Read altered files until time is up. Every read must end well or in a BenchmarkError, within
SECONDS and within GIB of memory more than before."""

import json
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.utils.memory import peak_memory_gib
from tests.fuzz import mutate

SECONDS = 10
GIB = 1.0
LONGEST, MOST_LINES = 1000, 30
"""Characters of a line of a message, and lines."""

Seal = Callable[[Any], Any]


@dataclass(frozen=True)
class Target:
    """What reads a folder of files; one of them is altered for each case.

    `read` makes what it keeps below `folder / "kept"`, which is emptied. A JSON file with a seal
    over its content is sealed anew half of the time, so that what it says is read too."""

    name: str
    files: Mapping[str, bytes]
    read: Callable[[Path], object]
    seal: Seal | None = None


@dataclass(frozen=True)
class Fault:
    """A case that failed: run it alone by `python -m tests.fuzz --target NAME --case NUMBER`."""

    target: str
    seed: int
    case: int
    file: str
    content: bytes
    why: str

    @property
    def kind(self) -> str:
        """Where and how it failed, alike for many cases."""
        return " ".join(self.why.splitlines()[:3])[:150]

    def __str__(self) -> str:
        shown = self.content if len(self.content) < 1500 else self.content[:1500] + b" ..."
        place = f"--target {self.target} --seed {self.seed} --case {self.case}"
        return f"{place}, {self.file}: {self.why}\n  {shown!r}"


class Hang(BaseException):
    """No Exception, which a reader may catch."""


def faults(
    target: Target, folder: Path, seconds: float, seed: int = 0, first: int = 0
) -> Iterator[Fault | None]:
    """Yield the fault of each case from number `first` on, None where it has none."""
    for name, content in target.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    _outcome(target, folder)  # what is imported and kept by a first read is no case's
    ends, case = time.monotonic() + seconds, first
    while case == first or time.monotonic() < ends:
        random = Random(f"{target.name} {seed} {case}")
        name = random.choice(sorted(target.files))
        content = _altered(target, name, random)
        (folder / name).write_bytes(content)
        why = _outcome(target, folder)
        yield why and Fault(target.name, seed, case, name, content, why)
        (folder / name).write_bytes(target.files[name])
        case += 1


def _altered(target: Target, name: str, random: Random) -> bytes:
    valid = target.files[name]
    if not name.endswith(".json") or random.random() < 0.3:
        return mutate.bytes_of(valid, random)
    value = mutate.json_of(valid, random)
    if target.seal is not None and isinstance(value, dict) and random.random() < 0.7:
        value = target.seal(value)
    return json.dumps(value).encode()


def _outcome(target: Target, folder: Path) -> str | None:
    """What is wrong with the way in which a read ends."""
    began, before = time.monotonic(), peak_memory_gib()
    try:
        with _alarm():
            target.read(folder)
    except BenchmarkError as error:
        lines = str(error).splitlines()
        if not lines or len(lines) > MOST_LINES or max(map(len, lines)) > LONGEST:
            return f"a message of no or many lines, or a long one: {str(error)[:300]}"
    except (Exception, Hang) as error:
        return "".join(traceback.format_exception(error)[-3:])
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust; KeyboardInterrupt is a person's
            raise
        return f"panic: {error}"
    finally:
        shutil.rmtree(folder / "kept", ignore_errors=True)
    if time.monotonic() - began > SECONDS:
        return f"more than {SECONDS} s"
    grown = peak_memory_gib() - before
    return f"more than {GIB} GiB" if grown > GIB else None


@contextmanager
def _alarm() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
