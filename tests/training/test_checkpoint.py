"""Checkpoints on disk: whole or refused, the last two, by one process, and never an error of the
run."""

import errno
import os
import subprocess
import sys

import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.training.checkpoint import Cadence, Checkpoint, Checkpoints
from benchmark.utils.paths import ROOT

MADE_BY = {"numerics": "1", "torch": "2.0"}


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def checkpoints(tmp_path, messages) -> Checkpoints:
    return opened(tmp_path, messages)


def opened(tmp_path, messages, made_by=MADE_BY, source="s") -> Checkpoints:
    return Checkpoints(tmp_path / "run", made_by, source, messages.append)


def checkpoint(step: int, best_step: int | None = None) -> Checkpoint:
    best = {} if best_step is None else {best_step: {"w": torch.full((5,), float(best_step))}}
    state = {"w": torch.full((5,), float(step)), "count": torch.tensor(step)}
    return Checkpoint(step, {"loss": 0.1 + step}, state, best)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_what_was_written_is_found(checkpoints, tmp_path, messages) -> None:
    assert checkpoints.latest() is None
    assert checkpoints.write(checkpoint(3))
    found = opened(tmp_path, messages).latest()
    assert (found.step, found.facts, found.best) == (3, {"loss": 3.1}, {})
    assert found.state["w"].tolist() == [3.0] * 5 and found.state["count"].item() == 3
    assert messages == []


def test_tied_and_strided_tensors(checkpoints) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state = {"a": weight, "tied": weight, "part": weight[1], "turned": weight.T}
    checkpoints.write(Checkpoint(1, {}, state, {}))
    found = checkpoints.latest().state
    assert found.keys() == state.keys() and all(
        torch.equal(found[name], state[name]) for name in state
    )


def test_the_last_two_are_kept(checkpoints, tmp_path, messages) -> None:
    for step in (1, 2, 3, 3):
        checkpoints.write(checkpoint(step, best_step=1))
    assert names(checkpoints) == ["000003", "000004"]
    again = opened(tmp_path, messages)
    assert again.latest().step == 3
    again.write(checkpoint(9, best_step=1))
    assert names(again) == ["000004", "000005"]
    assert again.latest().best[1]["w"].tolist() == [1.0] * 5


def test_best_weights_that_did_not_change_are_one_file(checkpoints, tmp_path, messages) -> None:
    checkpoints.write(checkpoint(1, best_step=1))
    checkpoints.write(checkpoint(2, best_step=1))
    again = opened(tmp_path, messages)
    again.latest()
    again.write(checkpoint(3, best_step=1))
    files = {(again.folder / name / "best-1.safetensors").stat().st_ino for name in names(again)}
    assert len(files) == 1
    again.write(checkpoint(4, best_step=4))
    assert again.latest().best[4]["w"].tolist() == [4.0] * 5


def damage_bit(path, where: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(where * (len(content) - 1))] ^= 1
    path.write_bytes(content)


def test_two_best_epochs_are_kept_apart(checkpoints, tmp_path, messages) -> None:
    def both(step: int, *kept: int) -> Checkpoint:
        best = {each: {"w": torch.full((5,), float(each))} for each in kept}
        return Checkpoint(step, {}, {"w": torch.zeros(1)}, best)

    checkpoints.write(both(2, 1, 2))
    checkpoints.write(both(3, 1, 3))
    again = opened(tmp_path, messages)
    assert {step: best["w"][0].item() for step, best in again.latest().best.items()} == {1: 1, 3: 3}
    again.write(both(4, 3))
    assert list(opened(tmp_path, messages).latest().best) == [3]


@pytest.mark.parametrize("file", ["state.safetensors", "best-2.safetensors", "seal.json"])
@pytest.mark.parametrize("where", [0, 0.3, 0.7, 1])
def test_a_damaged_one_is_refused_and_the_one_before_is_used(
    checkpoints, tmp_path, messages, file, where
) -> None:
    checkpoints.write(checkpoint(1, best_step=1))
    checkpoints.write(checkpoint(2, best_step=2))
    damage_bit(checkpoints.folder / "000002" / file, where)
    again = opened(tmp_path, messages)
    assert again.latest().step == 1
    [line] = messages
    assert "000002 is damaged and refused" in line and file in line
    again.write(checkpoint(2, best_step=2))
    assert names(again) == ["000001", "000003"]


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: os.truncate(path, 10)])
def test_with_none_left_the_run_starts_afresh(checkpoints, tmp_path, messages, harm) -> None:
    checkpoints.write(checkpoint(1))
    checkpoints.write(checkpoint(2))
    harm(checkpoints.folder / "000001" / "state.safetensors")
    harm(checkpoints.folder / "000002" / "seal.json")
    assert opened(tmp_path, messages).latest() is None
    assert len(messages) == 3 and messages[-1] == "no usable checkpoint: the run starts afresh"


def test_another_version_is_refused_and_kept_until_there_is_a_new_one(
    checkpoints, tmp_path, messages
) -> None:
    checkpoints.write(checkpoint(7))
    newer = opened(tmp_path, messages, MADE_BY | {"torch": "2.1"})
    assert newer.latest() is None
    assert (
        messages[0]
        == "the checkpoint of step 7 is refused: it was made with torch 2.0, and this is 2.1"
    )
    assert opened(tmp_path, messages).latest().step == 7
    newer.write(checkpoint(1))
    assert names(newer) == ["000002"]


def test_another_source_is_told(checkpoints, tmp_path, messages) -> None:
    checkpoints.write(checkpoint(7))
    assert opened(tmp_path, messages, source="t").latest().step == 7
    assert messages == [
        "the source has changed since the checkpoint of step 7, which is used still"
    ]


def test_what_a_killed_process_left_half_written_is_no_checkpoint(
    checkpoints, tmp_path, messages
) -> None:
    checkpoints.write(checkpoint(1))
    half = checkpoints.folder / ".000002.partial"
    half.mkdir()
    (half / "state.safetensors").write_bytes(b"half")
    assert opened(tmp_path, messages).latest().step == 1
    checkpoints.write(checkpoint(2))
    assert names(checkpoints) == ["000001", "000002"]


def test_a_full_disk_is_a_warning(checkpoints, messages, monkeypatch) -> None:
    checkpoints.write(checkpoint(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.utils.files.sync", full)
        assert not checkpoints.write(checkpoint(2))
    assert names(checkpoints) == ["000001"]
    [line] = messages
    assert "no checkpoint at step 2" in line and "No space left on device; the run goes on" in line
    assert checkpoints.latest().step == 1
    assert checkpoints.write(checkpoint(3))


def test_a_file_that_the_system_cuts_is_a_warning(tmp_path) -> None:
    """A real limit on the size of files stands for a full disk: the tensors do not fit."""
    code = (
        "import resource, sys, torch; from pathlib import Path\n"
        "from benchmark.training.checkpoint import Checkpoint, Checkpoints\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "checkpoints = Checkpoints(Path(sys.argv[1]), {}, '', print)\n"
        "print(checkpoints.write(Checkpoint(1, {}, {'w': torch.zeros(1_000_000)}, {})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    warning, written = done.stdout.splitlines()
    assert (
        "no checkpoint at step 1" in warning and "File too large" in warning and written == "False"
    )
    assert not list((tmp_path / "run").iterdir())


def test_two_processes_cannot_do_the_same_run(checkpoints, tmp_path, messages) -> None:
    with checkpoints.locked() as usable:
        assert usable
        with pytest.raises(BenchmarkError, match="another process is at this very run"):
            opened(tmp_path, messages).locked().__enter__()
        checkpoints.write(checkpoint(1))
    with opened(tmp_path, messages).locked() as usable:
        assert usable


def test_nothing_is_left_behind_but_checkpoints(checkpoints, tmp_path) -> None:
    with checkpoints.locked():
        checkpoints.write(checkpoint(1))
    assert {path.name for path in tmp_path.iterdir()} == {"run", "run.lock"}
    with checkpoints.locked():
        checkpoints.clear()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path, messages) -> None:
    (tmp_path / "run").touch()
    with opened(tmp_path, messages).locked() as usable:
        assert not usable
    assert "warning: no checkpoints" in messages[0] and str(tmp_path / "run") in messages[0]


@pytest.mark.parametrize(
    ("cadence", "step", "evaluated", "seconds", "cost", "due"),
    [
        (Cadence(minutes=5), 9, False, 299, 1, False),
        (Cadence(minutes=5), 9, False, 300, 1, True),
        (Cadence(minutes=5), 9, True, 51, 1, True),
        (Cadence(minutes=5), 9, True, 49, 1, False),
        (Cadence(minutes=5), 9, True, 300, 100, True),
        (Cadence(steps=3), 9, False, 0, 1, True),
        (Cadence(steps=4), 9, False, 9999, 1, False),
        (Cadence(steps=4), 9, True, 0, 1, True),
    ],
)
def test_cadence(
    cadence: Cadence, step: int, evaluated: bool, seconds: float, cost: float, due: bool
) -> None:
    assert cadence.due(step, evaluated=evaluated, seconds=seconds, cost=cost) is due
