"""`leaderboard` and `significance`, in one process each, on records made of a few seeds."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records.archive import Archive
from benchmark.verify import ladder

README = "before\n<!-- leaderboard -->\nSTALE\n<!-- /leaderboard -->\nafter\n"


def call(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.fixture
def results(made, tmp_path, monkeypatch):
    """Records of recipes that count as committed, in a folder beside a README with a place for
    tables."""
    monkeypatch.setattr(ladder, "refused", partial(ladder.refused, recipe_folder=made.recipes))
    (tmp_path / "README.md").write_text(README)
    return shutil.copytree(made.results, tmp_path / "my_results")


def files(results) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in results.parent.rglob("*.*")}


def edit(path: Path, *keys: str, value: object) -> None:
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


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


def test_a_data_set_is_printed_and_nothing_written(results) -> None:
    where = ("--results", str(results))
    (results / "leaderboard.csv").unlink()
    before = files(results)
    out = call("leaderboard", "--dataset", "synthetic_tiny", *where)
    assert "synthetic_tiny, free track" in out and "fewer than 5 seeds" in out
    assert files(results) == before and "written" not in out
    with pytest.raises(UsageError, match="did you mean synthetic_tiny"):
        call("leaderboard", "--dataset", "synthetic_tiy", *where)


def test_results_of_ones_own_leave_the_readme_alone(results, monkeypatch) -> None:
    monkeypatch.chdir(results.parent)
    assert "README" not in call("leaderboard", "--results", "my_results")
    assert Path("README.md").read_text() == README
    results.rename("results")
    assert "README.md" in call("leaderboard", "--results", "results")
    readme = Path("README.md").read_text()
    assert "STALE" not in readme and "synthetic_tiny" not in readme, "it is for trying out"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (
            lambda path: edit(path, "metrics", "test", "auc", value=0.9),
            "seed-1: metrics.test.auc is 0.9, the scores give 0.",
        ),
        (lambda path: edit(path, "parameters", "head", value=1), "seed-1: parameters are "),
        (lambda path: edit(path, "seed", value=7), "seed-1: the record is of seed 7, which its"),
        (lambda path: path.write_text("{"), "seed-1.json: no valid JSON"),
        (lambda path: path.with_suffix(".npz").unlink(), "seed-1.npz: "),
    ],
    ids=["quality", "size", "place", "form", "scores"],
)
def test_a_row_with_an_altered_record_is_refused(results, damage, why: str) -> None:
    """The others stand, and the files that are written then are what `verify` expects."""
    where = ("--results", str(results))
    damage(Archive(results).path("synthetic_tiny", "deep", 1))
    for _ in range(2):
        out = call("leaderboard", *where)
        [line] = [line for line in out.splitlines() if "synthetic_tiny/deep is not ranked" in line]
        assert why in line and "linear" in out and "0.9 " not in out.partition(line)[0]
        with pytest.raises(BenchmarkError, match="synthetic_tiny/deep is not ranked: "):
            call("leaderboard", "--check", *where)
    table = (results / "leaderboard.md").read_text()
    assert "| deep |" not in table and "| linear |" in table and f"\n- {line}\n" in table
    assert "deep" not in (results / "leaderboard.csv").read_text()


def test_a_recipe_that_has_changed_takes_its_row_out(results, made, tmp_path, monkeypatch) -> None:
    recipes = shutil.copytree(made.recipes, tmp_path / "recipes")
    changed = partial(ladder.refused.func, recipe_folder=recipes)
    monkeypatch.setattr(ladder, "refused", changed)
    for name in ("deep", "linear"):
        path = recipes / "synthetic_tiny" / f"{name}.toml"
        path.write_text(path.read_text().replace("epochs = 2", "epochs = 3"))
    out = call("leaderboard", "--dataset", "synthetic_tiny", "--results", str(results))
    assert out.startswith("synthetic_tiny/deep is not ranked: seed-0: stale: the recipe's digest")
    assert out.count("run it again (and 1 more of its records)\n") == 2


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
