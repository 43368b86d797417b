"""`leaderboard` and `significance`, in one process each, on records made of a few seeds."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError


def call(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.fixture
def results(made, tmp_path):
    return shutil.copytree(made.results, tmp_path / "results")


def test_check_names_the_file_that_differs(results) -> None:
    where = ("--results", str(results))
    assert "are what the records give" in call("leaderboard", "--check", *where)
    table = results / "leaderboard.csv"
    table.write_text(table.read_text().replace("deep", "deeper"))
    before = table.read_bytes()
    with pytest.raises(
        BenchmarkError, match=r"leaderboard\.csv: is missing, or not what the records give"
    ) as caught:
        call("leaderboard", "--check", *where)
    assert "leaderboard.md" not in str(caught.value)
    assert table.read_bytes() == before
    call("leaderboard", *where)
    call("leaderboard", "--check", *where)


def test_dataset_limits_what_is_printed_and_not_the_files(results) -> None:
    where = ("--results", str(results))
    before = {path.name: path.read_bytes() for path in results.glob("leaderboard.*")}
    out = call("leaderboard", "--dataset", "synthetic_tiny", *where)
    assert "synthetic_tiny, free track" in out and "fewer than 5 seeds" in out
    assert {path.name: path.read_bytes() for path in results.glob("leaderboard.*")} == before
    assert set(before) == {"leaderboard.md", "leaderboard.csv", "leaderboard.json"}
    with pytest.raises(UsageError, match="did you mean synthetic_tiny"):
        call("leaderboard", "--dataset", "synthetic_tiy", *where)


@pytest.mark.parametrize("command", ["leaderboard", "verify"])
def test_a_mistyped_folder_is_not_taken_for_an_empty_one(tmp_path, command) -> None:
    done = CliRunner().invoke(app, [command, "--results", str(tmp_path / "resluts")])
    assert done.exit_code == 2 and "--results" in done.output and "not" in done.output
    assert not list(tmp_path.iterdir())


def test_verify_passes_nothing_where_there_is_no_record(tmp_path) -> None:
    with pytest.raises(UsageError, match="there is no record"):
        call("verify", "--results", str(tmp_path))


def test_significance_writes_its_tables(tmp_path) -> None:
    out = call("significance", "--tables", "100", "--results", str(tmp_path))
    assert "a false better" in out
    assert "## Errors and power" in (tmp_path / "significance.md").read_text()
    assert json.loads((tmp_path / "significance.json").read_text())["seed"] == 0
