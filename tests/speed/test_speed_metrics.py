import json
import subprocess
import sys

from benchmark.speed import metrics


def test_the_figures_agree_with_scikit_learn():
    values = metrics.measure(5000, 1, lambda _: None)
    assert values["auc_difference"] < 1e-12
    assert values["logloss_difference"] < 1e-12
    assert all(value > 0 for name, value in values.items() if not name.endswith("difference"))


def test_the_command_prints_them(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmark",
        "speed",
        "metrics",
        "--rows",
        "5000",
        "--repeats",
        "1",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"auc_logloss_over_sklearn", "token_spectra_4096x26x30_ms"} <= set(
        json.loads(done.stdout)
    )
