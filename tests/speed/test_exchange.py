"""What a step of several processes costs, by hand."""

from dataclasses import replace

import pytest

from benchmark.speed.exchange import (
    Load,
    Machine,
    exchange_seconds,
    kept_bytes,
    predictions,
    sent_bytes,
    step_seconds,
)
from benchmark.utils.paths import ROOT

LOAD = Load(batch=1000, ids=10, distinct=0.5, table_rows=800, dim=4, dense=50, flops=200.0)
MACHINE = Machine(flops=1e6, memory=1e6, link=1e5, latency=0.001)


def test_bytes_that_a_process_sends() -> None:
    # of two: half of its 2,500 distinct ids, 8 + 2 * 16 bytes each; a ring sends 50 values
    assert sent_bytes(LOAD, 2) == 1250 * 40 + 50 * 4
    assert sent_bytes(LOAD, 1) == 0
    assert sent_bytes(LOAD, 4) == 0.75 * (1250 * 40 + 2 * 50 * 4)


def test_the_docs_hold_todays_predictions() -> None:
    text = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
    for line in predictions():
        assert f"| {' | '.join(line.values())} |" in text


def test_bytes_that_a_process_keeps() -> None:
    assert kept_bytes(LOAD, 1) == 3 * 800 * 4 * 4 + 4 * 50 * 4
    assert kept_bytes(LOAD, 4) == 3 * 200 * 4 * 4 + 4 * 50 * 4


def test_seconds_of_a_step() -> None:
    assert exchange_seconds(LOAD, 1, 1e5, 0.001) == 0
    assert exchange_seconds(LOAD, 2, 1e5, 0.001) == pytest.approx(0.007 + 50_200 / 1e5)
    products, update = 3 * 200 * 500 / 1e6, 6 * 4 * 400 * 4 / 1e6
    assert step_seconds(LOAD, 2, MACHINE) == pytest.approx(products + update + 0.509)
    faster = replace(MACHINE, latency=0.0, link=1e12)
    assert step_seconds(LOAD, 2, faster) == pytest.approx(products + update, rel=1e-5)
