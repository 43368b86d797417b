"""Resident memory of this process."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory_gib() -> float:
    """Peak resident memory of this process so far, in GiB.

    Linux's own figure, where there is one: what getrusage tells includes the process that started this one."""
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
