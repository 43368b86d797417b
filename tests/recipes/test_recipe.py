import json
import os
import subprocess
import sys

import pytest

from benchmark.data.catalog import find_card
from benchmark.data.schema import Schema
from benchmark.errors import UsageError
from benchmark.recipes import recipe as recipes
from benchmark.recipes.files import recipe_ids
from benchmark.recipes.recipe import on_meta
from benchmark.registry import models
from benchmark.utils.paths import ROOT

HAND = '[provenance]\nkind = "hand"\ntries = 2\nnote = "rates"\n'
RECIPE = HAND + '\n[model]\nname = "dnn"\nhidden_units = [8, 4]\n\n[train]\nlearning_rate = 3e-4\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "frappe_x1r").mkdir()
    (tmp_path / "frappe_x1r" / "small.toml").write_text(RECIPE)
    return tmp_path


def test_defaults_are_resolved(folder) -> None:
    found = recipes.load("frappe_x1r/small", folder)
    assert found.id == "frappe_x1r/small"
    assert found.resolved()["model"]["hidden_units"] == [8, 4]
    assert found.resolved()["train"]["clip_norm"] == 10.0
    assert found.resolved()["model"]["embedding_dim"] > 0


def test_the_digest_is_of_what_is_run_not_of_how_it_is_written(folder) -> None:
    plain = recipes.load("frappe_x1r/small", folder)
    spelled = (
        "# a comment\n[train]\nlearning_rate = 0.0003\nclip_norm = 10\n"
        + RECIPE.split("\n\n[train]")[0]
        + "\n"
    )
    (folder / "frappe_x1r" / "spelled.toml").write_text(spelled)
    assert recipes.load("frappe_x1r/spelled", folder).digest() == plain.digest()
    assert recipes.override(plain, ["train.batch_size=128"]).digest() != plain.digest()


def test_the_digest_does_not_depend_on_the_hash_seed(folder) -> None:
    code = (
        "import sys; from pathlib import Path; from benchmark.recipes import recipe;"
        "print(recipe.load('frappe_x1r/small', Path(sys.argv[1])).digest())"
    )
    other = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={"PYTHONHASHSEED": other},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == recipes.load("frappe_x1r/small", folder).digest()


def test_a_setting_added_later_is_left_out_while_it_has_its_default(monkeypatch) -> None:
    class Before:
        def __init__(self, schema, *, width: int = 3) -> None: ...
        def forward(self, dense, sparse, observe=None) -> None: ...

    class After(Before):
        added_later = frozenset({"depth"})

        def __init__(self, schema, *, width: int = 3, depth: int = 1) -> None: ...

    models.names()
    monkeypatch.setitem(models._items, "toy", Before)
    old = recipes.find("toy", "frappe_x1r").digest()
    monkeypatch.setitem(models._items, "toy", After)
    new = recipes.find("toy", "frappe_x1r")
    assert new.hyperparameters == {"width": 3, "depth": 1}
    assert new.digest() == old
    assert recipes.override(new, ["model.depth=2"]).digest() != old


def test_a_record_that_is_older_than_a_setting_of_training_has_its_default() -> None:
    recipe = recipes.find("lr", "synthetic_tiny")
    lowered = recipes.override(recipe, ['train.precision="bf16"'])
    older = recipe.settings()
    del older["train"]["precision"]
    assert recipes.dotted(older) == recipe.dotted() != lowered.dotted()
    assert recipe.digest() == recipes.parse(older, "synthetic_tiny", "here").digest()
    assert recipe.digest() != lowered.digest()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            RECIPE + "batchsize = 3\n",
            "unknown key 'train.batchsize'; did you mean 'batch_size'? allowed: batch_size",
        ),
        (
            RECIPE.replace("hidden_units", "hidden_unit"),
            "unknown key 'model.hidden_unit'; did you mean 'hidden_units'?",
        ),
        (
            RECIPE.replace("3e-4", '"fast"'),
            'train.learning_rate: Input should be a valid number, got "fast"',
        ),
        (
            RECIPE.replace("3e-4", "-1.0"),
            "train.learning_rate: Input should be greater than 0, got -1.0",
        ),
        (
            RECIPE.replace("[8, 4]", "[8, 0.5]"),
            "model.hidden_units.1: Input should be a valid integer",
        ),
        (RECIPE.replace("3e-4", "nan"), "nan and inf are not allowed"),
        (RECIPE.replace("3e-4", "2026-01-01"), "dates, times, nan and inf are not allowed"),
        (RECIPE.replace('name = "dnn"\n', ""), "key 'model.name' is missing; known models: "),
        (RECIPE.replace('"dnn"', '"dn"'), "model.name: unknown model 'dn'; did you mean"),
        ("[train]\n", "key 'model' is missing"),
        (
            RECIPE + "[tune]\n",
            "unknown key 'tune'; allowed: model, provenance, scaling, search, train",
        ),
        ("model = \n", "not valid TOML"),
    ],
)
def test_mistakes_name_file_key_and_what_is_allowed(folder, text: str, message: str) -> None:
    path = folder / "frappe_x1r" / "small.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        recipes.load("frappe_x1r/small", folder)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_unknown_recipe_answers_with_the_nearest(folder) -> None:
    with pytest.raises(UsageError, match=r"did you mean frappe_x1r/small"):
        recipes.load("frappe_x1r/smal", folder)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("learning_rate=1e-3", "train.KEY=VALUE; did you mean train.learning_rate=1e-3?"),
        ("training.learnig_rate=1", "train.KEY=VALUE; did you mean train.learning_rate=1?"),
        ("dropout=.5", "did you mean model.dropout=.5?"),
        ("train.learning_rate", "write model.KEY=VALUE or train.KEY=VALUE"),
        ("data.x=1", "write model.KEY=VALUE or train.KEY=VALUE"),
        ("model.=2", "write model.KEY=VALUE or train.KEY=VALUE"),
        ("model.hidden_units=64,32", "a list is written in brackets: 'model.hidden_units=[64,32]'"),
        ("model.hidden_units=64", "a list is written in brackets: 'model.hidden_units=[64]'"),
    ],
)
def test_malformed_settings(folder, setting: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        recipes.override(recipes.load("frappe_x1r/small", folder), [setting])
    assert message in str(raised.value)


def test_settings_are_typed(folder) -> None:
    base = recipes.load("frappe_x1r/small", folder)
    changed = recipes.override(
        base, ["model.hidden_units=[5]", "train.learning_rate=3e-3", "train.monitor=logloss"]
    )
    assert changed.hyperparameters["hidden_units"] == [5]
    assert changed.train.learning_rate == 3e-3
    assert changed.train.monitor == "logloss"
    assert changed.name is None
    with pytest.raises(UsageError, match=r"unknown key 'train\.lr'"):
        recipes.override(base, ["train.lr=1"])


def test_model_without_a_recipe_is_ad_hoc() -> None:
    found = recipes.find("lr", "no_such_dataset")
    assert found.name is None
    assert found.id == "no_such_dataset/lr (ad hoc)"


def schema(dataset: str) -> Schema:
    """The columns of a card with few ids; generated data are of Criteo's shape."""
    table = find_card(dataset).card.table or find_card("criteo_x1").card.table
    assert table is not None
    return Schema(table.dense, table.sparse, tuple(10 + at for at in range(len(table.sparse))))


def test_every_recipe_on_disk_loads_builds_and_its_json_parses_back() -> None:
    checked = 0
    for recipe_id in recipe_ids():
        found = recipes.load(recipe_id)
        assert (
            sum(
                parameter.numel()
                for parameter in on_meta(found, schema(found.dataset)).model.parameters()
            )
            > 0
        )
        table = json.loads(json.dumps(found.resolved()))
        dataset = table.pop("dataset")
        assert recipes.parse(table, dataset, recipe_id).digest() == found.digest()
        checked += 1
    assert checked == len(list((ROOT / "recipes").rglob("*.toml"))) > 0
