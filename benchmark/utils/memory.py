"""Resident memory of a process, and work in a process whose memory is its own."""

import ctypes
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmark.errors import BenchmarkError

P = ParamSpec("P")
T = TypeVar("T")

_STATUS = Path("/proc/self/status")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def peak_memory_gib() -> float:
    """Peak resident memory of this process so far, in GiB. Read from /proc if it exists: getrusage
    includes the process that started this one."""
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 2**20
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def apart(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function in a fresh process. Raises BenchmarkError if that process is killed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(work, *arguments, **named).result()
        except BrokenProcessPool:
            raise BenchmarkError(
                "a measuring process was killed, most likely for memory; measure less"
            ) from None


def keep_freed_memory() -> None:
    """Make glibc's allocator keep large freed blocks instead of returning them to the system, as
    fresh mappings cost a page fault per 4 KiB. Does nothing with another C library."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        mallopt(threshold, 2**31 - 1)
