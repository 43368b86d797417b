"""The line of a run whose threads other work leaves no cores."""

import pytest

from benchmark.terminal import run
from benchmark.utils import threads


@pytest.mark.parametrize(
    ("count", "free", "advice"),
    [
        (1, 0.0, ""),
        (2, 2.0, ""),
        (2, 1.6, ""),
        (2, 1.2, "--threads 1"),
        (2, 0.1, "--threads 1"),
        (8, 7.6, ""),
        (8, 5.4, "--threads 5"),
        (4, 9.0, ""),
    ],
)
def test_threads_without_cores_are_told(monkeypatch, count: int, free: float, advice: str) -> None:
    monkeypatch.setattr(run, "free_cores", lambda: free)
    told = run._crowding(count)
    assert advice in told
    assert bool(told) == bool(advice)


def test_free_cores_lie_between_none_and_all(monkeypatch) -> None:
    monkeypatch.setattr(threads, "SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    assert 0 <= threads.free_cores() <= 3


@pytest.mark.parametrize(
    ("own", "torch_is_loaded", "set_to", "advice"),
    [
        ({}, False, threads.MOST_SPINS, ""),
        ({}, True, threads.MOST_SPINS, "import benchmark first"),
        ({"GOMP_SPINCOUNT": "7"}, True, "7", ""),
        ({"OMP_WAIT_POLICY": "active"}, False, None, ""),
    ],
)
def test_a_setting_of_ones_own_wins(monkeypatch, own, torch_is_loaded, set_to, advice) -> None:
    environment, loaded = dict(own), {"torch": None} if torch_is_loaded else {}
    monkeypatch.setattr(threads.os, "environ", environment)
    monkeypatch.setattr(threads.sys, "modules", loaded)
    told = threads.limit_spinning.__wrapped__()
    assert advice in told
    assert bool(told) == bool(advice)
    assert environment.get("GOMP_SPINCOUNT") == set_to
