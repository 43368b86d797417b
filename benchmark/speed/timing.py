"""Work timed in turn, so that all of it meets the same state of the machine."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

WARM_UP = 2
"""Rounds before those that count."""


def milliseconds(
    tasks: Mapping[str, Callable[[], object]],
    repeats: int,
    synchronize: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Milliseconds of each task in each repeat, without those of the warm-up; `synchronize` waits
    for what a task leaves running."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(WARM_UP + repeats):
        for name, task in tasks.items():
            synchronize()
            began = time.perf_counter()
            task()
            synchronize()
            times[name].append(1000 * (time.perf_counter() - began))
    return {name: each[WARM_UP:] for name, each in times.items()}


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median ratio of two tasks' figures in the same repeat."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))
