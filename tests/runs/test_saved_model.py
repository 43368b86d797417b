"""A saved model gives the scores of its record, or is refused."""

import errno
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


@pytest.mark.parametrize("stranger", [None, "notes.txt"])
def test_nothing_is_overwritten(saved, copy, stranger, tmp_path) -> None:
    what = "a saved model"
    if stranger:
        (copy / "seal.json").rename(copy / stranger)
        what = "other files"
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    with pytest.raises(UsageError, match=rf"copy holds {what}, and nothing is overwritten; remo"):
        saved_model.require_free(copy)
    model = saved_model.load(saved[2]).model
    with pytest.raises(BenchmarkError, match=r"copy: the model cannot be saved: Directory not emp"):
        saved_model.save(model, saved[0], store(), copy)
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before
    saved_model.require_free(tmp_path / "new")


def test_a_run_is_refused_before_training(saved, tmp_path) -> None:
    place = tmp_path / "models" / saved[2].relative_to(saved[2].parents[2])
    place.mkdir(parents=True)
    (place / "notes.txt").touch()
    seen: list[object] = []
    changes = {"model.hidden_units": [8], "model.batch_norm": True, "train.epochs": 2}
    words = {"dataset": "synthetic_tiny", "rows": 4000, "threads": 1, "track": False, "quiet": True}
    with pytest.raises(UsageError, match="holds other files"):
        run(
            model="dnn",
            set=changes,
            results=tmp_path / "results",
            save_model=tmp_path / "models",
            watch=seen.append,
            **words,
        )
    assert not seen and (place / "notes.txt").exists()


@pytest.mark.parametrize("part", ["fill", "copytree"])
def test_a_full_disk_leaves_no_model_and_keeps_the_record(saved, tmp_path, monkeypatch, part):
    def full(*_: object) -> None:
        if part == "fill":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device")])

    monkeypatch.setattr(saved_model.sealed if part == "fill" else shutil, part, full)
    model = saved_model.load(saved[2]).model
    with pytest.raises(
        BenchmarkError, match=r"No space left on device; make room .*; the record of the run is ke"
    ):
        saved_model.save(model, saved[0], store(), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


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
