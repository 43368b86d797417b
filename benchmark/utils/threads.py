"""Threads beside other work: how long those of OpenMP spin, and how many cores are left."""

import os
import sys
from functools import cache

SPINS = "GOMP_SPINCOUNT"
WAITING = ("OMP_WAIT_POLICY", SPINS)
MOST_SPINS = "3000"
"""Turns of the loop in which a thread waits. libgomp's own 300,000 keep cores busy that other
processes need, or the thread that is waited for."""
SAMPLE_SECONDS = 0.2


@cache
def limit_spinning() -> str:
    """Have OpenMP's threads sleep after MOST_SPINS, here and in the processes started from here; a
    person's own setting stays. Called when `benchmark` is imported, as torch reads it once: return
    what to do where that came first."""
    if sys.platform != "linux" or any(name in os.environ for name in WAITING):
        return ""
    os.environ[SPINS] = MOST_SPINS
    late = "torch was loaded before benchmark, so threads of runs beside other work may starve"
    advice = f"import benchmark first, or set {SPINS}={MOST_SPINS}"
    return f"{late}: {advice}" if "torch" in sys.modules else ""


def free_cores() -> float:
    """Cores that nothing uses in the next SAMPLE_SECONDS, as long as this process sleeps."""
    import psutil

    idle: float = 100 - psutil.cpu_percent(SAMPLE_SECONDS)
    return (os.cpu_count() or 1) * idle / 100
