"""Shares of rows, and what processes tell each other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.distributed import world
from benchmark.distributed.world import ALONE, World
from benchmark.errors import LostProcess, UsageError
from tests.distributed.worlds import free_port, together, variables


@given(rows=st.integers(0, 1000), size=st.integers(1, 12))
def test_shares_are_neighbours_of_almost_one_size(rows: int, size: int) -> None:
    shares = [World(rank, size).share(rows) for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(rows))
    lengths = {len(share) for share in shares}
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) == World(0, size).most(rows)


def test_one_process_exchanges_nothing() -> None:
    x = torch.arange(3.0)
    assert ALONE.sum_(x) is x and ALONE.joined(x, 3) is x and ALONE.collected(x, 3) is x
    assert ALONE.largest([4, 2]) == [4, 2] and ALONE.from_first(lambda: {"a": 1}) == {"a": 1}
    assert world.join("cpu") == ALONE


def exchange(own: World) -> dict[str, object]:
    share = torch.tensor([[float(row)] for row in own.share(5)])
    collected = own.collected(share, 5)
    return {
        "sum": own.sum_(torch.tensor([1.0, own.rank])).tolist(),
        "largest": own.largest([own.rank, -own.rank]),
        "joined": own.joined(share, 5).flatten().tolist(),
        "collected": None if collected is None else collected.flatten().tolist(),
        "first": own.from_first(lambda: f"of {own.rank}"),
        "said": world.is_first_to_say(),
    }


def test_what_three_processes_exchange() -> None:
    every = together(3, exchange)
    rows = [0.0, 1.0, 2.0, 3.0, 4.0]
    for found in every:
        assert found["sum"] == [3.0, 3.0] and found["largest"] == [2, 0]
        assert found["joined"] == rows and found["first"] == "of 0"
    assert [found["collected"] for found in every] == [rows, None, None]
    assert sum(found["said"] for found in every) == 1


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan"])
def test_a_wrong_time_to_wait_is_refused(monkeypatch, text: str) -> None:
    monkeypatch.setenv(world.WAIT, text)
    with pytest.raises(UsageError, match=world.WAIT):
        world.wait_seconds()


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), world.reaching():
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    with pytest.raises(LostProcess), world.reaching():
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:547] Connection closed by peer")
    with pytest.raises(LostProcess), world.reaching():
        raise torch.distributed.DistBackendError("NCCL timed out")


def test_a_process_that_meets_nobody_gives_up(monkeypatch) -> None:
    for name, value in variables(0, 2, free_port()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(world.WAIT, "1")
    monkeypatch.setattr(world, "_store", None)
    with pytest.raises(LostProcess, match=r"did not answer within 1 s .*goes on from"):
        world.join("cpu")
    assert not torch.distributed.is_initialized()


def test_other_commands_are_refused(command, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert "which `run` alone shares out" in command("list", "models", code=2)[1]
    monkeypatch.setenv("RANK", "1")
    assert command("list", "models", code=2) == ("", "")
