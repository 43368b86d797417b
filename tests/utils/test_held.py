import os
import subprocess
import sys

import pytest

from benchmark.errors import BenchmarkError
from benchmark.utils import held

READER = """
import sys
from pathlib import Path
from benchmark.utils.held import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_in_use_names_its_reader_until_that_ends(tmp_path, monkeypatch) -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "held\n"
    held.hold(tmp_path)  # readers do not mind each other, nor is one's own hold in the way
    with (
        pytest.raises(
            BenchmarkError, match=f"^{tmp_path} is in use by process {reader.pid}; end it first$"
        ),
        held.alone(tmp_path),
    ):
        pytest.fail("not alone")
    monkeypatch.setattr(held, "_LOCKS", tmp_path / "none")
    with pytest.raises(BenchmarkError, match="in use by another process"), held.alone(tmp_path):
        pytest.fail("not alone")
    reader.communicate()
    with held.alone(tmp_path), pytest.raises(BenchmarkError, match="is being removed"):
        held.hold(tmp_path)
    held.hold(tmp_path)
    held.let_go(tmp_path)


def test_holding_again_keeps_one_descriptor_and_follows_a_new_folder(tmp_path) -> None:
    folder = tmp_path / "store"
    for _ in range(3):
        folder.mkdir()
        held.hold(folder)
        held.hold(folder)
        assert os.fstat(held._held[folder]).st_ino == folder.stat().st_ino
        folder.rmdir()
    held.let_go(folder)
    held.let_go(folder)
