"""Resident memory of this process."""

import ctypes
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def peak_memory_gib() -> float:
    """Peak resident memory of this process so far, in GiB. Read from /proc if it exists: getrusage
    includes the process that started this one."""
    if _STATUS.exists():
        return _status("VmHWM") / 2**30
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def private_bytes() -> int:
    """Resident memory that maps no file, on Linux."""
    return _status("RssAnon")


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[key].split()[0])


def keep_freed_memory() -> None:
    """Make glibc's allocator keep large freed blocks instead of returning them to the system, as
    fresh mappings cost a page fault per 4 KiB. Does nothing with another C library."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        mallopt(threshold, 2**31 - 1)
