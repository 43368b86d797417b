"""Records that a stranger wrote: held against card and manifest, and never a path, a stall or a
traceback."""

import shutil

import pytest

from benchmark.records import manifest
from benchmark.verify.data import Data
from benchmark.verify.ladder import verify_files
from tests.opening import open_data
from tests.verify.forging import alter, deep, findings


@pytest.mark.parametrize(
    ("keys", "value", "why"),
    [
        (("rows", "test"), 200, "200 rows in test, but its card expects 8,000"),
        (("positives", "train"), 5, "5 positives in train, but its card expects"),
        (("sources",), {"rows.csv": "0" * 32}, "not made from planted-2/tiny, which the card"),
    ],
)
def test_data_are_held_against_the_card_without_their_rows(copy, keys, value, why) -> None:
    def no_rows(name: str) -> Data:
        return Data(open_data(name).card, None, "its files are not here")

    alter(deep(copy), ("data", *keys), value)
    found = verify_files([deep(copy)], no_rows, copy / "recipes")
    assert any(why in each.message for each in found if each.failed and each.rung == "data")


@pytest.mark.parametrize("name", ["evil.toml", "../deep", "/etc/deep", "deep/..", "de\nep", ""])
def test_a_name_is_never_a_path(copy, name, monkeypatch) -> None:
    monkeypatch.chdir(copy)
    shutil.copy(copy / "recipes" / "synthetic_tiny" / "deep.toml", "evil.toml")
    for key in ("name", "dataset"):
        original = deep(copy).read_text()
        alter(deep(copy), (key,), name)
        [found] = verify_files([deep(copy)], open_data, copy / "recipes")
        assert found.rung == "form" and f": {key}: " in found.message
        deep(copy).write_text(original)


def test_generated_files_are_held_against_the_manifest(copy) -> None:
    (copy / "results" / "theory.md").write_text("by hand")
    (copy / "results" / ".theory.md.killed").write_text("half")
    [found] = findings(copy)
    assert (found.path.name, found.rung) == ("theory.md", "files")
    manifest.keep([found.path])
    assert findings(copy) == []
    (copy / "results" / "claims.md").write_text("of other claims")
    (copy / "results" / "manifest.json").write_text("{}")
    assert [(each.path.name, each.rung) for each in findings(copy)] == [
        ("results", "files"),
        ("claims.md", "table"),
        ("claims.json", "table"),
    ]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("seed",), 10**12),
        (("parameters", "embedding"), 10**12),
        (("data", "rows", "test"), 10**12),
        (("data", "positives", "train"), 10**15),
        (("recipe", "model", "embedding_dim"), 10**15),
        (("recipe", "model", "hidden_units"), [10**9, 10**9]),
        (("recipe", "train", "batch_size"), 10**18),
        (("recipe", "train", "epochs"), 10**18),
        (("metrics", "valid", "auc"), 5.0),
        (("data", "cardinalities"), [10**18] * 26),
        (("data", "rows"), {}),
        (("train_rows",), 10**18),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_hostile_number_is_a_finding_at_once(copy, keys, value) -> None:
    alter(deep(copy), keys, value)
    found = list(verify_files([deep(copy)], open_data, copy / "recipes"))
    assert any(each.failed for each in found)
    assert all("\n" not in each.message and len(each.message) < 600 for each in found)
