"""From a table of one's own to ranked rows, by the commands alone."""

import pytest

from benchmark.recipes import files

TABLE = """
id = "my_table"
title = "Mine"
embedding_dim = 4
[table]
format = "csv"
files = { all = "clicks.csv" }
label = "click"
dense = ["price"]
sparse = ["user"]
split = { method = "random", parts = [8, 1, 1], seed = 1 }
"""
FAST = ("--set", "train.epochs=1", "--set", "model.hidden_units=[4]")
QUIET = ("--threads", "1", "--no-track")


@pytest.fixture
def card(tmp_path, monkeypatch) -> str:
    """A table of one's own in a workspace of its own."""
    rows = [f"{int(row % 7 < 2 or row % 11 > 8)},{row % 11},u{row % 7}\n" for row in range(600)]
    (tmp_path / "clicks.csv").write_text("click,price,user\n" + "".join(rows))
    (tmp_path / "card.toml").write_text(TABLE)
    monkeypatch.setattr(files, "WORKSPACE", tmp_path)
    return str(tmp_path / "card.toml")


def test_a_run_from_defaults_says_so_and_a_name_makes_it_a_row(command, card, tmp_path) -> None:
    results = ("--results", str(tmp_path / "results"))
    words = ("run", "--model", "dnn", "--dataset", card, *FAST, *QUIET, *results)
    _, err = command(*words)
    said = "a run from defaults, not a leaderboard row; --name NAME writes it as a recipe"
    assert f"my_table/dnn (ad hoc): {said}\n" in err
    out, err = command(*words, "--name", "small", "--seeds", "0,1")
    assert "recipes/my_table/small.toml, the recipe my_table/small\n" in err and said not in err
    assert "embedding_dim = 4\n" in (tmp_path / "recipes/my_table/small.toml").read_text()
    assert "/records/my_table/small/seed-1.json" in out.replace("\n", "")
    _, err = command(*words, "--name", "small", code=2)
    assert "--name small: there is a recipe my_table/small; run it with --recipe" in err

    other = ("run", "--model", "lr", "--dataset", card, "--set", "train.epochs=1", "--name", "lr")
    command(*other, "--seeds", "0,1", *QUIET, *results)
    out, _ = command("compare", "my_table/small", "my_table/lr", *results)
    assert "test AUC" in out and "small" in out
    out, _ = command("leaderboard", "--dataset", "my_table", *results)
    assert " small " in out and " lr " in out
    out, err = command("suite", "--datasets", card, "--seeds", "0-2", "--dry-run", *results)
    assert "4 cells done before, 2 to run" in out and "my_table/small/seed-2" in out
    words = ("tune", "--recipe", "my_table/small", "--dataset", card, "--dry-run", *results)
    assert "my_table/small: " in command(*words)[0]
