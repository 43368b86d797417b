import json

import pytest

from benchmark.data import catalog
from benchmark.errors import MissingData
from benchmark.recipes import recipe as recipes
from benchmark.records.archive import Archive
from benchmark.speed import measurements, train
from benchmark.speed.train import shape_of, some_rows
from tests.data.tables import ignore
from tests.speed.processes import here

SMALL = (
    "--recipe", "synthetic_tiny/dcnv2", "--set", "model.embedding_dim=1",
    "--threads", "1", "--repeats", "1",
)  # fmt: skip


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
    assert 0 < values["load_ms"] < values["ms_per_step"]
    assert values["gflops"] == pytest.approx(
        values["gflop_per_step"] / values["ms_per_step"] * 1000
    )
    assert values["matmul_share"] == pytest.approx(values["gflops"] / values["matmul_gflops"])
    assert values["samples_per_s"] == pytest.approx(300 / values["ms_per_step"] * 1000)
    assert values["predict_samples_per_s"] > values["samples_per_s"]
    assert {"plain_ms_per_step", "peak_memory_gib", "plain_peak_memory_gib"} <= set(values)
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
