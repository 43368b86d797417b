"""The command line as a person types it; in processes of its own where what a process does is
looked at."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from benchmark.utils.paths import ROOT


def start(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def benchmark(*words: str, code: int = 0, **environment: str) -> tuple[str, str]:
    """What the command printed to (standard output, standard error); its exit code must be
    `code`."""
    process = start(*words, **environment)
    out, err = process.communicate(timeout=600)
    assert process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return out, err


def imported(packages: set[str], code: str) -> str:
    """Which of the packages are imported by some code in a process of its own."""
    code += f"\nimport sys; print(sorted({packages} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_a_run_does_not_load_what_it_does_not_need(tmp_path) -> None:
    """Each of these takes half a second or more."""
    run = (
        "from benchmark import run; run(recipe='synthetic_tiny/dnn', set={'train.epochs': 1},"
        f" rows=2000, results={str(tmp_path)!r}, quiet=True, track=False)"
    )
    heavy = {"torch._dynamo", "scipy.optimize", "scipy.stats", "mlflow", "optuna", "datasets"}
    assert imported(heavy, run) == "[]"


def test_heavy_packages_are_not_imported_for_help() -> None:
    heavy = {"torch", "mlflow", "polars", "optuna", "datasets"}
    assert imported(heavy, "import benchmark.cli") == "[]"
    out, _ = benchmark("--help")
    assert all(
        command in out for command in ("run", "list", "leaderboard", "verify", "track", "ui")
    )


def test_datasets_is_imported_only_where_it_is_used() -> None:
    code = "import benchmark.__main__ as program, sys\n"
    for words in ("list models", "data list", "data show synthetic_tiny --head 1"):
        code += f"sys.argv[1:] = {words.split()}\ntry: program.main()\nexcept SystemExit: pass\n"
    assert imported({"datasets", "huggingface_hub", "pandas"}, code) == "[]"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["run", "--model", "rankelastr", "--dataset", "synthetic"],
            "unknown model 'rankelastr'; did you mean rankelastor",
        ),
        (
            ["run", "--model", "lr", "--dataset", "synthetik"],
            "unknown data set 'synthetik'; did you mean synthetic",
        ),
        (
            ["run", "--recipe", "synthetic_tiny/rankelastr"],
            "unknown recipe 'synthetic_tiny/rankelastr'; did you mean",
        ),
        (["run", "--model", "lr"], "give either --model and --dataset, or --recipe DATASET/NAME"),
        (
            ["run", "--recipe", "synthetic/lr", "--dataset", "synthetic_tiny"],
            "is for the data set synthetic, not",
        ),
        (
            ["run", "--recipe", "synthetic/lr", "--seeds", "4-2"],
            "--seeds 4-2: write 0, 0-4 or 0,2,5",
        ),
        (
            ["run", "--recipe", "synthetic/lr", "--seeds", "9" * 30],
            "at most 1,000 seeds, each below 2^31",
        ),
        (["run", "--recipe", "synthetic/lr", "--seeds", "0-5000"], "at most 1,000 seeds"),
        (["run", "--recipe", "synthetic/lr", "--threads", "100000"], "--threads"),
        (["run", "--recipe", "synthetic/lr", "--checkpoint-minutes", "0"], "it must be above 0"),
        (["run", "--recipe", "synthetic/lr", "--device", "tpu"], "'tpu' is not one of"),
        (
            ["run", "--recipe", "synthetic/lr", "--set", "train.learning_rat=1"],
            "unknown key 'train.learning_rat'; did you mean",
        ),
        (
            ["run", "--model", "lr", "--dataset", "no/such/card.toml"],
            "no/such/card.toml: there is no such file",
        ),
        (["run", "--recipe", "synthetic/lr", "--rows", "many"], "'--rows'"),
        (["list", "modells"], "modells"),
        (["list", "models", "--write"], "--write is for settings alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_one_message_and_code_2(command, words, message: str) -> None:
    _, err = command(*words, code=2)
    assert message in err


def test_list(command) -> None:
    assert "rankelastor" in command("list", "models")[0]
    names = command("list", "recipes")[0]
    assert "synthetic/rankelastor\n" in names and "synthetic_tiny/" not in names
    assert "evaluate_every" in command("list", "settings")[0]


def test_run_leaderboard_verify(command, tmp_path) -> None:
    """From a recipe to a record that is ranked and verifies."""
    where = ("--results", str(tmp_path))
    out, err = command("run", "--model", "lr", "--dataset", "synthetic_tiny", "--no-track", *where)
    assert all(word in out for word in ("test AUC", "oracle LogLoss", "samples/s", "rank ratio"))
    assert "valid AUC" in err
    record = tmp_path / "records" / "synthetic_tiny" / "lr" / "seed-0.json"
    assert record.is_file() and record.with_suffix(".npz").is_file()
    command("leaderboard", *where)
    assert "| lr |" in (tmp_path / "leaderboard.md").read_text()
    out, _ = command("verify", *where)
    assert "1 record: all checks passed" in out and "reported, not derived: " in out


def test_altered_runs_are_ad_hoc_and_quiet_prints_the_table_alone(command, tmp_path) -> None:
    words = (
        "--model",
        "lr",
        "--dataset",
        "synthetic_tiny",
        "--set",
        "train.epochs=1",
        "--rows",
        "4000",
        "--quiet",
    )
    out, err = command("run", *words, "--no-track", "--results", str(tmp_path))
    assert err == ""
    assert "test AUC" in out
    [record] = (tmp_path / "studies" / "adhoc" / "synthetic_tiny").glob("lr-*-rows4000/seed-0.json")
    assert json.loads(record.read_text())["name"] is None
    assert not (tmp_path / "records").exists()


def test_interrupted_and_started_again(command, tmp_path) -> None:
    """Ctrl-C leaves no record, and the same command goes on at its step."""
    words = (
        "run", "--model", "dnn", "--dataset", "synthetic_tiny", "--no-track",
        "--results", str(tmp_path / "results"), "--set", "train.epochs=12",
        "--set", "train.patience=1000", "--set", "model.hidden_units=[8]",
        "--rows", "8000", "--threads", "1",
        "--checkpoint-minutes", "0.001",
    )  # fmt: skip
    process = start(*words)
    assert process.stderr is not None
    assert any("epoch   2" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130 and "Traceback" not in err
    [step] = re.findall(r"the same command goes on at step (\d+), --fresh starts again", err)
    assert not list((tmp_path / "results").rglob("seed-*"))
    _, err = command(*words, "--save-model", str(tmp_path / "models"))
    assert f"resumed at step {step}" in err
    assert list(
        (tmp_path / "models").glob("synthetic_tiny/dnn-*-rows8000/seed-0/weights.safetensors")
    )


def test_a_results_folder_that_cannot_be_is_named_before_training(command, tmp_path) -> None:
    (tmp_path / "file").touch()
    _, err = command(
        "run",
        "--model",
        "lr",
        "--dataset",
        "synthetic_tiny",
        "--results",
        str(tmp_path / "file"),
        code=1,
    )
    assert str(tmp_path / "file") in err and "valid AUC" not in err


def test_tokens_that_do_not_divide(command, tmp_path) -> None:
    words = (
        "--set",
        "model.tokenizer=matrix",
        "--set",
        "model.num_tokens=7",
        "--results",
        str(tmp_path),
        "--no-track",
    )
    _, err = command("run", "--model", "rankelastor", "--dataset", "synthetic_tiny", *words, code=2)
    assert "num_tokens = 7 does not divide" in err


def test_data_that_are_not_here(command, tmp_path) -> None:
    words = ("run", "--recipe", "frappe_x1r/lr", "--results", str(tmp_path), "--no-track")
    _, err = command(*words, code=1, BENCHMARK_DATA_ROOT="")
    assert "frappe_x1r is not downloaded" in err and "--data-root" in err


@pytest.fixture
def own_table(tmp_path):
    rows = [f"{i % 3 == 0:d},{i * 0.5},{'abc'[i % 3]},u{i % 7}" for i in range(300)]
    (tmp_path / "clicks.csv").write_text("click,price,kind,user\n" + "\n".join(rows) + "\n")
    card = tmp_path / "mine.toml"
    card.write_text(
        'id = "mine"\ntitle = "My clicks"\n[table]\nformat = "csv"\nfiles = { all = "clicks.csv"'
        ' }\nlabel = "click"\ndense = ["price"]\nsparse = ["kind", "user"]\n[table.split]\nmethod ='
        ' "random"\n'
    )
    return card


def test_own_table(command, own_table, tmp_path) -> None:
    words = (
        "--set",
        "train.epochs=3",
        "--set",
        "train.batch_size=16",
        "--no-track",
        "--results",
        str(tmp_path / "r"),
    )
    out, _ = command("run", "--model", "dnn", "--dataset", str(own_table), *words)
    assert "mine/dnn (ad hoc)" in out and "test AUC" in out


def test_own_table_with_a_broken_number_names_file_and_line(command, own_table, tmp_path) -> None:
    table = own_table.with_name("clicks.csv")
    table.write_text(table.read_text().replace("5.0,b,u3", "5.O,b,u3"))
    _, err = command(
        "run", "--model", "lr", "--dataset", str(own_table), "--results", str(tmp_path), code=1
    )
    assert "clicks.csv" in err and "line 12" in err and "5.O" in err


def test_a_tampered_store_is_refused(command, tmp_path) -> None:
    words = (
        "run", "--model", "lr", "--dataset", "synthetic_tiny", "--set", "train.epochs=1",
        "--rows", "4000", "--no-track", "--results", str(tmp_path / "results"),
    )  # fmt: skip
    cache = tmp_path / "cache"
    command(*words, BENCHMARK_CACHE=str(cache))
    [array] = cache.glob("synthetic_tiny/*/train.sparse.npy")
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    _, err = command(*words, code=1, BENCHMARK_CACHE=str(cache))
    assert str(array) in err and "delete the folder" in err
    shutil.rmtree(cache)
    command(*words, BENCHMARK_CACHE=str(cache))
