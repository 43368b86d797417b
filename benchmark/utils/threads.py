"""Threads beside other work: how long those of OpenMP spin, and how many cores are left."""

import os
import sys

SPINS = "GOMP_SPINCOUNT"
WAITING = ("OMP_WAIT_POLICY", SPINS)
MOST_SPINS = "30000"
"""About a millisecond. By default threads spin ten times as long for each other, on cores that
other processes need, and that the thread they wait for may need."""
SAMPLE_SECONDS = 0.2


def limit_spinning() -> bool:
    """Have OpenMP's threads sleep after MOST_SPINS, and so all processes started from here; a
    person's own setting stays. Return whether it holds: torch reads it when it is loaded."""
    if not any(name in os.environ for name in WAITING):
        os.environ[SPINS] = MOST_SPINS
        return "torch" not in sys.modules
    return True


def free_cores() -> float:
    """Cores that nothing uses in the next SAMPLE_SECONDS, as long as this process sleeps."""
    import psutil

    idle: float = 100 - psutil.cpu_percent(SAMPLE_SECONDS)
    return (os.cpu_count() or 1) * idle / 100
