"""What is printed where nobody reads it, and how wide."""

import os
import sys
from io import StringIO, TextIOWrapper

import pytest

from benchmark.reports.words import counted
from benchmark.terminal import console


def test_progress_outlives_its_reader(monkeypatch) -> None:
    """As in `run ... 2>&1 | head`: the line is lost, and the run goes on."""
    read, write = os.pipe()
    os.close(read)
    with TextIOWrapper(os.fdopen(write, "wb"), write_through=True) as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        err = console.Progress(stderr=True)
        err.print("one")
        err.print("two")
        assert err.quiet


@pytest.mark.parametrize(("columns", "width"), [("60", None), ("", console.PLAIN_WIDTH)])
def test_columns_count_without_a_terminal(monkeypatch, columns, width) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console._width(StringIO()) == width


def test_nouns_agree_with_their_number() -> None:
    assert [counted(n, "seed") for n in (0, 1, 2000)] == ["0 seeds", "1 seed", "2,000 seeds"]
