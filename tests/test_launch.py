"""`from benchmark import run`."""

import json
import subprocess
import sys

import pytest

import benchmark
from benchmark.errors import UsageError
from benchmark.records import record
from benchmark.runs.run import Finished, Started
from benchmark.utils.paths import ROOT

SMALL = {"rows": 3000, "threads": 1, "track": False}


def test_it_does_what_the_command_does(command, tmp_path, capsys) -> None:
    """The same record at the same place, and the same words."""
    settings = {
        "train.epochs": 1,
        "train.learning_rate": 3e-4,
        "model.hidden_units": [8],
        "train.monitor": "logloss",
    }
    seen = []
    found = benchmark.run(
        model="dnn",
        dataset="synthetic_tiny",
        seed=2,
        set=settings,
        results=tmp_path / "a",
        watch=seen.append,
        **SMALL,
    )
    said = capsys.readouterr()
    [path] = (tmp_path / "a").rglob("seed-2.json")
    assert record.load(path) == found
    assert isinstance(seen[0], Started) and isinstance(seen[-1], Finished)
    words = [
        f"--set={key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in settings.items()
    ]
    words += [
        "--model=dnn",
        "--dataset=synthetic_tiny",
        "--seeds=2",
        "--rows=3000",
        "--threads=1",
        "--no-track",
    ]
    _, err = command("run", *words, f"--results={tmp_path / 'b'}")
    other = record.load(tmp_path / "b" / path.relative_to(tmp_path / "a"))
    assert other.digests == found.digests and other.recipe == found.recipe
    assert said.out == "" and said.err.endswith(err)


def test_quiet_says_nothing(tmp_path, capfd) -> None:
    benchmark.run(
        "synthetic_tiny/lr", set={"train.epochs": 1}, results=tmp_path, quiet=True, **SMALL
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"recipe": "synthetic_tiny/rankelastr"}, "unknown recipe"),
        ({"model": "lr"}, "give either --model and --dataset"),
        ({"recipe": "synthetic_tiny/lr", "seed": -1}, "seed -1: it must be at least 0"),
        ({"recipe": "synthetic_tiny/lr", "set": {"train.epochs": "many"}}, "train.epochs"),
        (
            {"recipe": "synthetic_tiny/lr", "set": {"train.epochs": object()}},
            "give a number, a text",
        ),
        ({"recipe": "synthetic_tiny/lr", "rows": 10**9}, "there are only 40000 training rows"),
    ],
)
def test_misuse(words, message: str, tmp_path) -> None:
    with pytest.raises(UsageError, match=message):
        benchmark.run(results=tmp_path, quiet=True, track=False, **words)


def test_importing_it_costs_nothing() -> None:
    code = (
        "import sys; from benchmark import run; print([m for m in ('torch', 'typer', 'numpy') if m"
        " in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
