"""A card whose rows are read in many blocks."""

import pytest

from tests.data.shards.shards import small_blocks
from tests.data.shards.tables import KINDS, table, write_table


@pytest.fixture
def card(tmp_path, monkeypatch) -> str:
    """A card of three small csv files that are read in many blocks."""
    small_blocks(monkeypatch)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "shards"))
    frames = [table([("a", "é", 3, i) for i in range(size)]) for size in (20, 3, 0)]
    return write_table(tmp_path, *KINDS["three csv files"], frames)
