"""The examples of docs/cards.md are valid."""

import re
import tomllib

from benchmark import registry
from benchmark.data.card import Card, TableSpec
from benchmark.utils import toml
from benchmark.utils.paths import ROOT

TEXT = (ROOT / "docs" / "cards.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_are_one_card() -> None:
    _, files, rules, joins = blocks("toml")
    content = tomllib.loads(f"[table]\n{files}{rules}{joins}")["table"]
    table = toml.validate(TableSpec, content, "docs/cards.md")
    assert [choice.column for choice in table.choices] == ["kind", "stars", "date"]
    assert table.needed(table.columns) == ["stars", "user", "age", "city", "kind", "date"]
    keys = {"files", "split", "separator", "encoding", "missing", "header", "join", "filter"}
    assert table.model_fields_set >= keys | {"positive", "drop", "format"}


def test_the_short_example_is_a_card() -> None:
    found = toml.validate(Card, tomllib.loads(blocks("toml")[0]), "docs/cards.md")
    assert found.id == "my_table" and found.table is not None
    assert [*found.table.derive] == ["weekday"]


def test_the_source_is_a_registered_function(tmp_path, monkeypatch) -> None:
    registry.sources.discover()  # before its items are replaced for the time of this test
    monkeypatch.setattr(registry.sources, "_items", dict(registry.sources._items))
    (tmp_path / "log.csv").write_text("time,day,click\n7200,5,1\n3600,6,0\n0,7,1\n")
    exec(blocks("python")[0], {})
    frames = registry.sources.get("sessions")({"log": tmp_path / "log.csv"})
    hours = {split: rows.collect()["hour"].to_list() for split, rows in frames.items()}
    assert hours == {"train": [2], "valid": [1], "test": [0]}
