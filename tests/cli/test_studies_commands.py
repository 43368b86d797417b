"""`suite` and `study NAME` as a person types them."""

import json
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import Future

import pytest
import typer

from benchmark.cli import app
from benchmark.errors import UsageError
from benchmark.utils.paths import ROOT

COMMANDS = typer.main.get_command(app)


@pytest.fixture
def benchmark(capsys):
    """Runs a command in this process: what it printed to (standard output, standard error)."""

    def call(*words: str, code: int = 0) -> tuple[str, str]:
        found = COMMANDS.main(list(words), standalone_mode=False)
        printed = capsys.readouterr()
        assert (found or 0) == code, printed
        return printed.out, printed.err

    return call


class Here:
    """A pool without processes, for tests that do not ask where a cell was run."""

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs = jobs

    def jobs(self) -> int:
        return self._jobs

    def submit(self, run_cell, cell) -> Future:
        outcome: Future = Future()
        run_cell, cell = pickle.loads(pickle.dumps((run_cell, cell)))
        outcome.set_result(run_cell(cell))
        return outcome

    def close(self, *, kill: bool) -> None: ...


@pytest.fixture
def here(monkeypatch) -> None:
    monkeypatch.setattr("benchmark.studies.campaign.pool.Local", Here)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["suite", "--datasets", "synthetik"],
            "unknown data set with recipes 'synthetik'; did you mean synthetic",
        ),
        (
            ["suite", "--backend", "dask"],
            "--backend dask and --address HOST:PORT of its scheduler go together",
        ),
        (["suite", "--seeds", "4-2"], "--seeds 4-2: write 0, 0-4 or 0,2,5"),
        (
            ["study", "ablation", "--dataset", "synthetic_tiny", "--cells", "full/glue"],
            "--cells full/glue: write MIXING/FFN",
        ),
        (
            ["study", "ablation", "--dataset", "synthetic_tiny", "--recipe", "synthetic/lr"],
            "is for the data set synthetic, not",
        ),
        (
            ["study", "ablation", "--dataset", "avazu_x4_001"],
            "--recipe: unknown recipe 'avazu_x4_001/rankelastor_small'; did you mean",
        ),
        (
            ["study", "damping", "--dataset", "criteo_x1"],
            "--recipes: unknown recipe 'criteo_x1/rankmixer'; did you mean",
        ),
        (
            ["study", "damping", "--dataset", "synthetic_tiny", "--recipes", "lr"],
            "lr has no blocks to be more of",
        ),
        (["study", "damping", "--dataset", "synthetic_tiny", "--recipes", ","], "nothing to run"),
        (["study", "tables", "ablaton"], "unknown study 'ablaton'; did you mean ablation"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_one_message(words, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        COMMANDS.main(words, standalone_mode=False)
    assert message in str(caught.value)


def test_a_study_runs_what_is_missing_and_reports(benchmark, here, tmp_path) -> None:
    words = (
        "study", "ablation", "--dataset",
        "synthetic_tiny", "--set", "train.epochs=1", "--set", "train.batch_size=4096",
        "--seeds", "0", "--threads", "1", "--no-track", "--results", str(tmp_path),
    )  # fmt: skip
    one, two = ("--cells", "none/relu"), ("--cells", "none/relu,full/relu", "--jobs", "2")
    out, err = benchmark(*words, *one)
    folder = tmp_path / "studies" / "ablation"
    before = (folder / "synthetic_tiny" / "none-relu" / "seed-0.json").read_bytes()
    assert "done: synthetic_tiny/none-relu/seed-0" in err and "1 cell done, 0 failed" in err
    assert "none/relu" in out and "block 2" in out
    assert json.loads(before)["name"] is None
    out, _ = benchmark(*words, *two, "--dry-run")
    assert (
        "1 cell done before, 1 to run" in out
        and "synthetic_tiny/full-relu/seed-0" in out
        and "about" in out
    )
    out, err = benchmark(*words, *two, "--quiet")
    assert err == "" and "full/relu" in out
    assert (folder / "synthetic_tiny" / "none-relu" / "seed-0.json").read_bytes() == before
    assert (folder / "synthetic_tiny" / "full-relu" / "seed-0.npz").is_file()
    assert "| full/relu | 0 |" in (folder / "synthetic_tiny.md").read_text()
    assert not (tmp_path / "records").exists()


def test_a_failing_cell_is_reported_and_the_exit_code_says_so(benchmark, here, tmp_path) -> None:
    words = (
        "--set",
        "train.learning_rate=1e30",
        "--cells",
        "none/relu",
        "--seeds",
        "0",
        "--threads",
        "1",
        "--no-track",
    )
    _, err = benchmark(
        "study",
        "ablation",
        "--dataset",
        "synthetic_tiny",
        *words,
        "--results",
        str(tmp_path),
        code=1,
    )
    assert "0 cells done, 1 failed" in err
    assert "FAILED synthetic_tiny/none-relu/seed-0: " in err and "lower train.learning_rate" in err


def test_suite_interrupted_and_gone_on_with(benchmark, monkeypatch, tmp_path) -> None:
    words = (
        "suite", "--datasets", "synthetic_tiny", "--recipes",
        "lr", "--seeds", "0", "--threads", "1",
        "--no-track", "--results", str(tmp_path),
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=ROOT,
        env=dict(os.environ),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert next((line for line in process.stderr if "begun: synthetic_tiny/lr/seed-0" in line), "")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130 and "Traceback" not in err
    assert "the same command goes on from there" in err and not list(tmp_path.rglob("seed-*.json"))
    monkeypatch.setattr("benchmark.studies.campaign.pool.Local", Here)
    benchmark(*words)
    assert (tmp_path / "records" / "synthetic_tiny" / "lr" / "seed-0.json").is_file()


def test_damping(benchmark, here, tmp_path) -> None:
    words = (
        "--blocks", "3", "--recipes", "rankmixer",
        "--set", "train.epochs=1", "--set", "train.batch_size=4096",
        "--seeds", "0", "--threads", "1", "--no-track", "--results", str(tmp_path),
    )  # fmt: skip
    out, _ = benchmark("study", "damping", "--dataset", "synthetic_tiny", *words)
    assert "rankmixer-3" in out and "block 3" in out
    assert (
        tmp_path / "studies" / "damping" / "synthetic_tiny" / "rankmixer-3" / "seed-0.json"
    ).is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("ablate", "--dataset", "synthetic_tiny", "--cells", "none/relu"),
        ("damping", "--dataset", "synthetic_tiny", "--recipes", "rankmixer", "--blocks", "3"),
        ("scale", "--recipe", "synthetic_tiny/dnn"),
    ],
    ids=lambda words: words[0],
)
def test_old_names_are_aliases(benchmark, tmp_path, words) -> None:
    study = {"ablate": "ablation", "scale": "scaling"}.get(words[0], words[0])
    rest = (*words[1:], "--seeds", "0", "--dry-run", "--results", str(tmp_path))
    (old, _), (new, _) = benchmark(words[0], *rest), benchmark("study", study, *rest)
    assert old == new and "to run" in old


@pytest.mark.parametrize("words", [["ablate", "--dataset", "synthetic_tiny", "--cells", "a"]])
def test_an_alias_passes_errors_on(words) -> None:
    with pytest.raises(UsageError, match="--cells a: write MIXING/FFN"):
        COMMANDS.main(words, standalone_mode=False)


def test_a_plan_makes_no_data(command, tmp_path) -> None:
    words = ("suite", "--datasets", "synthetic_tiny", "--recipes", "lr", "--seeds", "0")
    folders = ("--results", str(tmp_path / "results"), "--dry-run")
    out, err = command(*words, *folders, BENCHMARK_CACHE=str(tmp_path / "cache"))
    assert "synthetic_tiny/lr/seed-0  unknown   missing" in out
    assert "synthetic_tiny is not prepared: records are not compared with its data" in err
    assert not (tmp_path / "cache").exists()
