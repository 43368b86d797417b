"""A saved model gives the scores of its record, or is refused."""

import json
import shutil

import numpy as np
import pytest
import torch

from benchmark import run
from benchmark.data import catalog
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import record, scores
from benchmark.runs import saved_model
from benchmark.training.predict import predict


def store() -> Store:
    return catalog.open_data("synthetic_tiny", data_root=None, notify=lambda _: None)[1]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run's record, its test scores, and the folder of its model."""
    folder = tmp_path_factory.mktemp("saved")
    changes = {"model.hidden_units": [8], "model.batch_norm": True, "train.epochs": 2}
    words = {"dataset": "synthetic_tiny", "rows": 4000, "threads": 1, "track": False, "quiet": True}
    found = run(
        model="dnn", set=changes, results=folder / "results", save_model=folder / "models", **words
    )
    [path] = (folder / "results").rglob("seed-0.json")
    [place] = (folder / "models").glob("synthetic_tiny/dnn-*-rows4000/seed-0")
    return found, scores.load(record.arrays_path(path)), place


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[2], tmp_path / "copy")


def test_a_saved_model_scores_as_its_record_says(saved) -> None:
    found, kept, folder = saved
    again = saved_model.load(folder)
    test = store().split("test")
    torch.set_num_threads(1)
    logit = predict(again.model, test, torch.device("cpu"))
    again_kept = scores.by_row(logit, test.label)
    assert scores.digest(again_kept) == again.scores == found.digests.scores
    assert np.array_equal(logit[test.label == 1].astype(np.float16), kept.best.positive)
    assert (again.seed, again.data) == (0, found.data.arrays)
    assert again.recipe.resolved() == found.recipe and again.recipe.digest() == found.recipe_digest
    assert again.schema.cardinalities == found.data.cardinalities


def test_another_run_takes_its_place(saved, copy) -> None:
    found, _, folder = saved
    model = saved_model.load(folder)
    with torch.no_grad():
        model.model.head.bias += 1
    saved_model.save(model.model, found, store(), copy)
    assert torch.equal(saved_model.load(copy).model.head.bias, model.model.head.bias)


def test_a_damaged_model_is_refused(copy) -> None:
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(
        BenchmarkError, match=r"copy: the saved model is damaged: weights.safetensors: its checksum"
    ):
        saved_model.load(copy)


def test_an_altered_recipe_is_refused(copy) -> None:
    seal = json.loads((copy / "seal.json").read_text())
    seal["facts"]["recipe"]["train"]["epochs"] = 3
    (copy / "seal.json").write_text(json.dumps(seal))
    with pytest.raises(BenchmarkError, match=r"damaged: seal.json: its checksum"):
        saved_model.load(copy)


def test_a_folder_without_a_model_is_misuse(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no saved model \(`run --save-model` makes one\)"):
        saved_model.load(tmp_path)


def test_a_sealed_folder_of_something_else_is_refused(tmp_path) -> None:
    from benchmark.utils import sealed

    sealed.write(tmp_path / "other", {"format": 99}, {"weights": {"w": torch.zeros(1)}})
    with pytest.raises(BenchmarkError, match=r"damaged: seal\.json: .*format: "):
        saved_model.load(tmp_path / "other")


def test_a_model_that_cannot_be_saved_is_one_message(saved, tmp_path) -> None:
    found, _, folder = saved
    (tmp_path / "file").touch()
    model = saved_model.load(folder)
    with pytest.raises(
        BenchmarkError, match=r"file/inside: the model cannot be saved: Not a directory"
    ):
        saved_model.save(model.model, found, store(), tmp_path / "file" / "inside")
