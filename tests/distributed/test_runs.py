"""Runs of several processes: records, checkpoints that other numbers of processes go on from."""

import errno
from pathlib import Path

import pytest

from benchmark.distributed.world import World
from benchmark.runs.session import checkpoint_folder
from benchmark.utils import sealed
from tests.distributed import runs
from tests.distributed.worlds import together


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path):
    """The data are encoded; no checkpoint outlives a test."""
    folder = checkpoint_folder(runs.job(World()))
    yield
    assert not folder.exists()


def numbers(told: runs.Told) -> dict[str, float]:
    found = told["record"]["metrics"]
    return found["test"] | {"valid": found["valid"]["auc"]}


def test_another_number_of_processes_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    alone = together(1, runs.run, tmp_path / "alone")[0]
    two = together(2, runs.run, tmp_path, 7)
    assert [told["interrupted"] for told in two] == [7, 7]
    assert two[0]["checkpoints"] == ["000003", "000003.1", "000004", "000004.1"]
    one = together(1, runs.run, tmp_path, 12)[0]
    assert (one["resumed"], one["interrupted"]) == (7, 12)
    three = together(3, runs.run, tmp_path)
    assert [told["resumed"] for told in three] == [12] * 3
    losses = two[0]["losses"] | one["losses"] | three[0]["losses"]
    assert losses == pytest.approx(alone["losses"], abs=1e-6)
    assert numbers(three[0]) == pytest.approx(numbers(alone), abs=1e-4)
    assert three[0]["record"]["processes"] == {"count": 3, "backend": "gloo"}
    assert "processes" not in alone["record"]
    assert all(told["record"] == three[0]["record"] for told in three)  # the first one wrote it
    assert len([*(tmp_path / "studies").rglob("*.json")]) == 1


def fill_the_disk(world: World, results: Path, rank: int, step: int) -> runs.Told:
    """A run in which one process has no room for its part of a checkpoint at a step."""
    write, steps = sealed.write, [0]

    def full(folder, facts, *rest) -> None:
        if world.rank == rank and steps[0] == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(folder, facts, *rest)

    sealed.write = full
    return runs.run(world, results, 10, watch=lambda now: steps.__setitem__(0, now))


def test_a_full_disk_of_one_process_costs_one_checkpoint(tmp_path: Path) -> None:
    told = together(2, fill_the_disk, tmp_path, 1, 9)
    none, (warning,) = [each["messages"] for each in told]
    assert warning.startswith("warning: no checkpoint at step 9: ")
    assert warning.endswith("No space left on device; the run goes on")
    assert none == []
    assert told[0]["checkpoints"] == ["000003", "000003.1", "000004", "000004.1"]
    again = together(2, runs.run, tmp_path)
    assert [each["resumed"] for each in again] == [10, 10]


def test_a_damaged_part_is_refused_and_the_one_before_used(tmp_path: Path) -> None:
    together(2, runs.run, tmp_path, 8)
    folder = checkpoint_folder(runs.job(World()))
    newest = sorted(path for path in folder.iterdir() if path.name.endswith(".1"))[-1]
    (newest / "state.safetensors").write_bytes(b"half")
    again = together(2, runs.run, tmp_path)
    assert [each["resumed"] for each in again] == [6, 6]
    assert "is damaged and refused: state.safetensors" in again[0]["messages"][0]
