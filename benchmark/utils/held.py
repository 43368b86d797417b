"""Folders that a process reads, which no other may delete meanwhile."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmark.errors import BenchmarkError

_LOCKS = Path("/proc/locks")
_held: dict[Path, int] = {}
"""The descriptor of each folder, whose lock ends with the process."""


def hold(folder: Path) -> None:
    """Keep a folder from `alone` in other processes for as long as this one lives. Raises
    BenchmarkError while another process deletes it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BenchmarkError(f"{folder} is being removed by another process") from None
    except OSError:  # a file system without locks
        os.close(descriptor)
        return
    let_go(folder)
    _held[folder] = descriptor


def let_go(folder: Path) -> None:
    """End what `hold` did for a folder, if it did."""
    if folder in _held:
        os.close(_held.pop(folder))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have a folder alone, to delete it. Raises BenchmarkError if another process holds it."""
    let_go(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(os.fstat(descriptor).st_ino)
                raise BenchmarkError(f"{folder} is in use by {holder}; end it first") from None
        yield
    finally:
        os.close(descriptor)


def _holder(inode: int) -> str:
    """The first process that has a lock on a file; another one where the system does not say."""
    with suppress(OSError):
        for line in _LOCKS.read_text().splitlines():
            _, _, _, _, process, file, *_ = line.split()
            if file.rpartition(":")[2] == str(inode):
                return f"process {process}"
    return "another process"
