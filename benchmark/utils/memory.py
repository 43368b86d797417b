"""Resident memory of this process."""

import ctypes
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory_gib() -> float:
    """Peak resident memory of this process so far, in GiB.

    Linux's own figure, where there is one: what getrusage tells includes the process that started
    this one."""
    if _STATUS.exists():
        return _status("VmHWM") / 2**30
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def private_bytes() -> int:
    """Resident memory that is no file's, on Linux."""
    return _status("RssAnon")


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[key].split()[0])


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tells glibc's allocator not to hand large blocks back to the system, as it does by default.

    A training step, and the encoding of a block of rows, allocates the same blocks again and again;
    mapping them anew costs a page fault per 4 KiB. Blocks that are there already stay as they are.
    Does nothing where the C library is another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, NEVER)
    mallopt(M_TRIM_THRESHOLD, NEVER)
