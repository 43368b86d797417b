"""`train.precision` as a person types it."""

import json

import pytest
import torch

from benchmark.data import catalog
from benchmark.records import scores
from benchmark.runs import saved_model
from benchmark.training.predict import predict


def words(precision: str, tmp_path, model: str = "dnn") -> list[str]:
    run = ["run", "--model", model, "--dataset", "synthetic_tiny", "--rows", "3000", "--no-track"]
    settings = ["--set", f"train.precision={precision}", "--set", "train.epochs=2"]
    return [*run, *settings, "--results", str(tmp_path)]


def test_a_run_in_bf16_states_it_and_verifies_and_its_model_scores_alike(
    command, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    typed = words('"bf16"', tmp_path / "results")
    _, err = command(*typed, "--save-model", str(tmp_path / "models"))
    assert 'train.precision = "bf16": torch finds no AMX' in err
    [path] = tmp_path.glob("results/studies/**/seed-0.json")
    record = json.loads(path.read_text())
    assert record["recipe"]["train"]["precision"] == "bf16" and record["notes"] == []
    command("leaderboard", "--results", str(tmp_path / "results"))
    command("verify", "--results", str(tmp_path / "results"))
    [folder] = (tmp_path / "models").glob("*/*/seed-0")
    saved = saved_model.load(folder)
    test = catalog.open_data("synthetic_tiny", data_root=None, notify=print)[1].split("test")
    logit = predict(saved.model, test, torch.device("cpu"))
    assert scores.digest(scores.by_row(logit, test.label)) == saved.scores


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("bf17", "train.precision: Input should be 'float32', 'tf32' or 'bf16'"),
        ("tf32", 'train.precision = "tf32" is computed by GPUs alone'),
    ],
)
def test_a_precision_that_is_none_here_is_one_line(command, tmp_path, precision, message) -> None:
    _, err = command(*words(precision, tmp_path), code=2)
    assert message in err and "Traceback" not in err
