"""The committed records and tables climb the whole ladder, whatever runs a person has added to the working tree."""

import os
import subprocess
import sys
import tarfile

import pytest

from benchmark.paths import ROOT
from benchmark.records.record import record_files


def test_committed_results_verify(tmp_path) -> None:
    archive = tmp_path / "results.tar"
    packed = subprocess.run(["git", "archive", "-o", str(archive), "HEAD", "results"], cwd=ROOT, capture_output=True)
    if packed.returncode:
        pytest.skip("not a git checkout, so what is committed cannot be told")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    results = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "verify", "--results", str(results)],
        cwd=ROOT,
        env=os.environ | {"BENCHMARK_DATA_ROOT": os.environ.get("BENCHMARK_REAL_DATA", "")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(record_files(results))} records: all checks passed" in done.stdout
