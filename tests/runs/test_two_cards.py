"""Two data sets of one id: no record, model or checkpoint of one replaces those of the other."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import results, run
from benchmark.data import catalog
from benchmark.recipes import recipe as recipes
from benchmark.runs.job import Job
from benchmark.runs.session import Session, checkpoint_folder

CARD = """
id = "my_table"
title = "Clicks"
[table]
format = "csv"
files = { all = "clicks.csv" }
label = "click"
sparse = ["kind"]
[table.split]
method = "stratified"
"""


def card(folder: Path, kinds: int, prefix: str = "k") -> Path:
    """A card of the one id, and its rows."""
    rows = [f"{i % 3 == 0:d},{prefix}{i % kinds}" for i in range(120)]
    folder.mkdir(exist_ok=True)
    (folder / "clicks.csv").write_text("\n".join(["click,kind", *rows, ""]))
    path = folder / "card.toml"
    path.write_text(CARD)
    return path


def train(path: Path, folder: Path, models: Path | None = None) -> None:
    run(
        model="lr",
        dataset=str(path),
        set={"train.epochs": 1},
        threads=1,
        results=folder / "results",
        save_model=models,
        track=False,
        quiet=True,
    )


def test_each_has_its_own_record_and_model(tmp_path, capsys) -> None:
    one, other = card(tmp_path / "A", kinds=5), card(tmp_path / "B", kinds=7)
    train(one, tmp_path, tmp_path / "models")
    train(other, tmp_path, tmp_path / "models")
    train(one, tmp_path)
    train(card(tmp_path / "C", kinds=5), tmp_path)
    table = results(tmp_path / "results")
    assert table["dataset"].to_list() == ["my_table"] * 2
    for variant, digest in table.select("variant", "data_digest").rows():
        assert variant.endswith(f"-{digest[:8]}")
    models = {path.parent.parent.name for path in tmp_path.glob("models/my_table/*/*/seal.json")}
    assert models == set(table["variant"])
    assert capsys.readouterr().err == ""


def test_a_changed_file_has_a_record_of_its_own(tmp_path) -> None:
    train(card(tmp_path / "A", kinds=5), tmp_path)
    train(card(tmp_path / "A", kinds=7), tmp_path)
    assert results(tmp_path / "results").height == 2


def job(path: Path) -> Job:
    found, store = catalog.open_data(str(path), data_root=None, notify=lambda _: None)
    recipe = recipes.find("lr", "my_table")
    recipe = replace(recipe, train=recipe.train.model_copy(update={"epochs": 1}))
    return Job(recipe, found.card, store, seed=0, threads=1)


def test_each_has_its_own_checkpoints(tmp_path) -> None:
    jobs = [job(card(tmp_path / name, kinds)) for name, kinds in (("A", 5), ("B", 7))]
    assert len(set(map(checkpoint_folder, jobs))) == 2


@pytest.mark.parametrize(
    ("kinds", "prefix", "differing"),
    [(7, "k", "sources, cardinalities, arrays"), (5, "x", "sources")],
)
def test_what_cannot_be_told_apart_by_its_path_is_replaced_with_a_warning(
    tmp_path, kinds, prefix, differing
) -> None:
    """A named recipe has one place; other categories in the same pattern have the same arrays."""
    said: list[str] = []
    for path in (card(tmp_path / "A", 5), card(tmp_path / "B", kinds, prefix)):
        named = replace(job(path), recipe=replace(job(path).recipe, name="lr"))
        Session(tmp_path / "results").run(named, [], said.append)
    [warning] = said
    assert warning.startswith("warning: this run replaces ")
    assert f"seed-0.json, a record of other data: the data differ from today's in {differing};" in (
        warning
    )
