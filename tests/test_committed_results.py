"""The records and tables in results/ climb the whole ladder."""

import os
import subprocess
import sys

from benchmark.paths import RESULTS, ROOT
from benchmark.records.record import record_files


def test_committed_results_verify() -> None:
    data_root = os.environ.get("BENCHMARK_REAL_DATA", "")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "verify"],
        cwd=ROOT,
        env=os.environ | {"BENCHMARK_DATA_ROOT": data_root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(record_files(RESULTS))} records: all checks passed" in done.stdout
