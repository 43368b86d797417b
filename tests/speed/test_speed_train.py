import json

import pytest

from benchmark.data import catalog
from benchmark.data.schema import Schema
from benchmark.errors import MissingData
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.registry import models
from benchmark.speed import measurements, timing, train
from benchmark.speed.train import Subject, shape_of, some_rows
from benchmark.terminal.console import out as out_console
from tests.data.tables import ignore, write_files
from tests.speed.processes import here

SMALL = (
    "--recipe", "synthetic_tiny/dcnv2", "--set", "model.embedding_dim=1",
    "--threads", "1", "--repeats", "1",
)  # fmt: skip
CARD = 'id = "mine"\ntitle = "Own"\n[table]\nlabel = "y"\ndense = ["x"]\nsparse = ["c"]\n'
FILES = 'format = "csv"\nfiles = {train = "train.csv", valid = "valid.csv", test = "test.csv"}\n'


def test_rows_have_the_shape_of_the_data_set():
    schema = shape_of(recipes.load("criteo_x1/dcnv2"), ignore)
    assert (len(schema.dense), len(schema.sparse)) == (13, 26)
    assert sum(schema.cardinalities) + 13 == 2_086_342
    assert min(schema.cardinalities) == 4
    arrays = some_rows(schema, 1000)
    assert arrays.sparse.shape == (1000, 26)
    assert (arrays.sparse.max(axis=0) < schema.cardinalities).all()


def test_speed_train_measures_steps_and_keeps_them(command, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "apart", here)
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)  # for a process that ends soon
    monkeypatch.setattr(train, "MATMUL", 256)
    catalog.open_data("synthetic_tiny", data_root=None, notify=ignore)
    out, _ = command(
        "speed",
        "train",
        *SMALL,
        "--set",
        "train.batch_size=300",
        "--json",
        "--keep",
        "--results",
        str(tmp_path),
    )
    values = json.loads(out)
    assert values["load_ms"] > 0 and values["predict_samples_per_s"] > 0
    assert values["gflops"] == pytest.approx(
        values["gflop_per_step"] / values["ms_per_step"] * 1000
    )
    assert values["matmul_share"] == pytest.approx(values["gflops"] / values["matmul_gflops"])
    assert values["samples_per_s"] == pytest.approx(300 / values["ms_per_step"] * 1000)
    assert {"plain_ms_per_step", "peak_memory_gib", "plain_peak_memory_gib"} <= set(values)
    shares = {name: value for name, value in values.items() if name.startswith("share_of_")}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0
    assert {"share_of_products", "share_of_embedding_rows", "share_of_loading"} <= set(shares)
    [kept] = measurements.load_topic("train", Archive(tmp_path))
    assert (kept.subject, kept.values) == (
        "synthetic_tiny/dcnv2 embedding_dim=1 train.batch_size=300",
        values,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--recipe", "criteo_x1/dcnv3"), "dcnv3"),
        (("--set", "model.depth=3"), "depth"),
        (("--recipe", "synthetic_tiny/dcnv2", "--dataset", "criteo_x1"), "not criteo_x1"),
    ],
)
def test_misuse_is_one_message(command, words, message):
    _, err = command("speed", "train", *words, code=2)
    assert message in err


def test_a_data_set_without_a_published_size_has_the_shape_of_its_store():
    _, store = catalog.open_data("synthetic_tiny", data_root=None, notify=ignore)
    assert shape_of(recipes.load("synthetic_tiny/dcnv2"), ignore) == store.schema


def test_a_data_set_with_neither_is_one_message(monkeypatch):
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    with pytest.raises(MissingData, match="frappe_x1r is not downloaded"):
        shape_of(recipes.load("frappe_x1r/lr"), ignore)


def test_the_rows_of_a_data_root_are_found(monkeypatch, tmp_path):
    (tmp_path / "frappe_x1r").mkdir()
    with pytest.raises(MissingData, match=f"{tmp_path}.*was searched too"):
        shape_of(recipes.load("frappe_x1r/lr"), ignore, data_root=tmp_path)


def test_ones_own_card_and_recipe_are_measured(command, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "apart", here)
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(train, "MATMUL", 16)
    monkeypatch.setattr(out_console, "width", 80)
    write_files(tmp_path, {})
    card = tmp_path / "mine.toml"
    card.write_text(CARD + FILES)
    (tmp_path / "mine").mkdir()
    recipe = tmp_path / "mine" / "own.toml"
    recipe.write_text('[model]\nname = "lr"\n')
    out, err = command(
        "speed", "train", "--recipe", str(recipe), "--dataset", str(card), "--repeats", "1",
        "--threads", "1",
    )  # fmt: skip
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "1 thread, 1 repeat; " in lines[-2]
    assert "ms a step" in err


@pytest.mark.parametrize("name", models.names())
def test_every_model_is_measured(monkeypatch, name):
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(train, "MATMUL", 16)
    monkeypatch.setattr(train, "shares", lambda *_: {})
    monkeypatch.setattr(timing, "WARM_UP", 0)
    settings = {"model": {"name": name}, "train": {"batch_size": 8}}
    schema = Schema(("x1", "x2"), ("a", "b", "c"), (4, 3, 6))
    subject = Subject(recipes.parse(settings, "tests", "test"), schema, threads=1, repeats=1)
    values = train._times(subject)
    assert values["ms_per_step"] > 0
    assert values["plain_ms_per_step"] > 0
