"""Every reader of a file, for BENCHMARK_FUZZ_SECONDS each; see __main__.py for more."""

import os
from pathlib import Path

import pytest

from tests.fuzz import MAKERS, made
from tests.fuzz.fuzz import Target, faults


@pytest.mark.parametrize("name", MAKERS)
def test_altered_files(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    seconds = float(os.environ.get("BENCHMARK_FUZZ_SECONDS", "0.3"))
    target = made(name, tmp_path / "seeds")
    target.read(placed(target, tmp_path / "valid"))
    found = [str(fault) for fault in faults(target, tmp_path / "cases", seconds) if fault]
    assert not found, found[0]


def placed(target: Target, folder: Path) -> Path:
    for name, content in target.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (lambda _: 1 // 0, "ZeroDivisionError"),
        (lambda _: next(iter(())), "StopIteration"),
        (lambda at: (at / "a").read_text() and None, None),
    ],
)
def test_what_is_a_fault(tmp_path, read, why) -> None:
    [fault] = faults(Target("own", {"a": b"abc"}, read), tmp_path, 0)
    assert (why in fault.why) if why else fault is None
