"""`tune` as a person types it."""

import json
import signal

import pytest
import typer

from benchmark.cli import app
from benchmark.errors import UsageError
from benchmark.studies.tuning import run
from benchmark.studies.tuning.trials import Trials
from benchmark.utils.interrupts import Interrupted

COMMANDS = typer.main.get_command(app)
RECIPE = """
[model]
name = "lr"

[train]
batch_size = 20_000
learning_rate = 0.02
epochs = 1

[search]
train.learning_rate = { low = 1e-3, high = 0.1, log = true }
"""


@pytest.fixture
def words(tmp_path):
    """The command with a recipe of one's own."""
    recipe = tmp_path / "synthetic_tiny" / "quick.toml"
    recipe.parent.mkdir()
    recipe.write_text(RECIPE)
    return [
        "tune",
        "--recipe",
        str(recipe),
        "--results",
        str(tmp_path / "results"),
        "--threads",
        "1",
        "--no-track",
    ]


def test_a_dry_run_prints_the_space_and_writes_nothing(words, tmp_path, capsys):
    COMMANDS.main([*words, "--dry-run", "--trials", "9"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "train.learning_rate" in printed and "0.001 to 0.1, log" in printed and "0.02" in printed
    assert "highest validation AUC" in printed and "9 trials" in printed
    assert not (tmp_path / "results").exists()


def test_a_study_is_shown_written_and_gone_on_with(words, tmp_path, capsys):
    COMMANDS.main([*words, "--trials", "2", "--quiet"], standalone_mode=False)
    printed = capsys.readouterr()
    assert "quick_tuned.toml" in printed.out and "2 finished trials" in printed.out
    assert (
        "importances (fANOVA): too few complete trials" in printed.out
        and "trial 0" not in printed.err
    )
    path = tmp_path / "results" / "studies" / "tuning" / "synthetic_tiny" / "quick.json"
    kept = json.loads(path.read_text())["trials"]
    COMMANDS.main([*words, "--trials", "3"], standalone_mode=False)
    assert json.loads(path.read_text())["trials"][:2] == kept
    progress = capsys.readouterr().err
    assert "trial 2 complete AUC" in progress and "trial 1" not in progress.replace(
        "of trial 1", ""
    )


def test_an_interrupted_study_ends_with_the_code_of_the_signal(words, monkeypatch, capsys):
    def interrupted(*_) -> None:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(run, "run_trials", interrupted)
    assert COMMANDS.main(words, standalone_mode=False) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_trials_of_other_processes_are_named(words, monkeypatch, capsys):
    monkeypatch.setattr(run, "run_trials", lambda *_: None)
    monkeypatch.setattr(Trials, "running", lambda _: {0: "process 7 of here"})
    COMMANDS.main(words, standalone_mode=False)
    assert "still under way: trial 0 in process 7 of here; the same" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dataset", "synthetic"], "is for the data set synthetic_tiny, not synthetic"),
        (["--name", "../up"], "--name ../up: a name has at most 100 letters, digits"),
        (
            ["--recipe", "synthetic_tiny/dcnv3"],
            "unknown recipe 'synthetic_tiny/dcnv3'; did you mean",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_one_message(words, more, message):
    with pytest.raises(UsageError) as caught:
        COMMANDS.main([*words, *more], standalone_mode=False)
    assert message in str(caught.value)
