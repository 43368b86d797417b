"""The ladder against real records, altered one thing at a time."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError
from benchmark.records import scores
from benchmark.records.verify import Data, Finding, verify


def open_data(name: str) -> Data:
    found, store = catalog.open_data(name, data_root=None, notify=lambda _: None)
    return Data(found.card, store.fingerprint)


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made.results, tmp_path / "results")
    shutil.copytree(made.recipes, tmp_path / "recipes")
    return tmp_path


def findings(folder: Path) -> list[Finding]:
    return list(verify(folder / "results", open_data, folder / "recipes"))


def deep(folder: Path, seed: int = 0) -> Path:
    return folder / "results" / "records" / "synthetic_tiny" / "deep" / f"seed-{seed}.json"


def alter(path: Path, keys: tuple[str | int, ...], value: Any) -> None:
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_real_records_climb_the_whole_ladder(copy) -> None:
    assert findings(copy) == []


@pytest.mark.parametrize(
    ("keys", "value", "rung"),
    [
        (("metrics", "test", "auc"), 0.9, "scores"),
        (("metrics", "test", "logloss"), 0.1, "scores"),
        (("metrics", "test", "ece"), 0.1, "scores"),
        (("metrics", "valid", "auc"), 0.9, "curve"),
        (("metrics", "oracle_auc"), 0.99, "data"),
        (("curve", 0, "improved"), False, "curve"),
        (("best_step",), 1, "curve"),
        (("stopped_by",), "patience", "curve"),
        (("spectra", 0, "best", "erank", "mean"), 99.0, "spectra"),
        (("spectra", 0, "best", "srank", "mean"), 3.999, "spectra"),
        (("spectra", 0, "stage"), "tokens", "model"),
        (("spectra", 0, "best", "rows"), 4, "model"),
        (("spectra", 0, "best", "columns"), 0, "form"),
        (("spectra", 0, "best_batch", "matrices"), 3, "model"),
        (("spectra", 0, "best", "sigma", 1), 0.5, "spectra"),
        (("spectra", 0, "best_density", "rank"), [0] * 50, "spectra"),
        (("rank_curve", 0, "step"), 1, "spectra"),
        (("curve_probe_rows",), 7, "spectra"),
        (("tables", 0, "cardinality"), 7, "spectra"),
        (("tables",), [], "model"),
        (("notes",), ["made up"], "model"),
        (("format",), 2, "form"),
        (("device",), "cpux", "form"),
        (("created",), "yesterday", "form"),
        (("cost", "train_seconds"), -1.0, "form"),
        (("metrics", "test", "auc"), float("nan"), "form"),
        (("curve", 0, "step"), 1, "curve"),
        (("curve", 1, "epoch"), 1, "curve"),
        (("curve", 1, "learning_rate"), -5.0, "curve"),
        (("curve",), [], "curve"),
        (("recipe",), {}, "recipe"),
        (("recipe", "train", "optimizer"), "sgd", "recipe"),
        (("recipe", "train", "monitor"), 3, "curve"),
        (("recipe", "train", "evaluate_every"), "x", "curve"),
        (("data", "rows"), {"train": 40000}, "scores"),
        (("data", "positives"), {}, "scores"),
        (("data", "cardinalities"), [1], "model"),
        (("probe_rows",), 7, "spectra"),
        (("parameters", "dense"), 1, "model"),
        (("flops_per_sample",), 1, "model"),
        (("recipe", "train", "learning_rate"), 0.5, "recipe"),
        (("recipe", "model", "dropout"), 0.5, "recipe"),
        (("recipe_digest",), "0" * 64, "recipe"),
        (("numerics",), 0, "place"),
        (("seed",), 5, "place"),
        (("data", "arrays"), "0" * 64, "data"),
        (("data", "positives", "test"), 3, "scores"),
        (("scores", "digest"), "0" * 64, "scores"),
        (("caveat",), "made up", "data"),
        (("threads",), "two", "form"),
        (("surprise",), 1, "form"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_altered_record_is_found_at_its_rung(copy, keys, value, rung: str) -> None:
    alter(deep(copy), keys, value)
    found = [finding for finding in findings(copy) if finding.failed]
    assert rung in {finding.rung for finding in found if finding.path == deep(copy)}


def test_older_records_are_named_in_one_finding_that_is_no_failure(copy) -> None:
    for seed in (0, 1):
        path = deep(copy, seed)
        content = json.loads(path.read_text())
        for key in ("tables", "curve_probe_rows", "rank_curve"):
            del content[key]
        for stage in content["spectra"]:
            for when in ("initial", "best"):
                del stage[f"{when}_batch"], stage[f"{when}_density"], stage[when]["sigma"]
        path.write_text(json.dumps(content))
    [found] = findings(copy)
    assert not found.failed
    assert "made before there were batch spectra" in found.message
    assert found.message.endswith("synthetic_tiny/deep seed 0, synthetic_tiny/deep seed 1")


def test_a_setting_added_later_may_be_left_out_and_no_other(copy) -> None:
    content = json.loads(deep(copy).read_text())
    del content["recipe"]["train"]["shuffle"]
    deep(copy).write_text(json.dumps(content))
    assert findings(copy) == []
    del content["recipe"]["train"]["patience"]
    deep(copy).write_text(json.dumps(content))
    assert [finding.message for finding in findings(copy)] == ["the recipe in the record is not fully resolved"]


def test_altered_scores_are_found_even_with_their_digest_sealed_again(copy) -> None:
    path = deep(copy).with_suffix(".npz")
    kept = scores.load(path)
    kept["positive"] = kept["positive"] + np.float32(0.01)
    scores.save(kept, path)
    alter(deep(copy), ("scores", "digest"), scores.digest(kept))
    assert any("metrics.test.auc is" in finding.message for finding in findings(copy))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": np.zeros(3, np.float32)},
        {"positive": np.zeros((2, 2), np.float32)},
        {"positive": np.array([], np.float32)},
        {"positive": np.array([np.nan], np.float32)},
        {"positive": np.array(["a"])},
    ],
    ids=["extra", "two axes", "empty", "nan", "text"],
)
def test_malformed_scores_are_one_message(copy, change) -> None:
    path = deep(copy).with_suffix(".npz")
    kept = scores.load(path) | change
    scores.save(kept, path)
    alter(deep(copy), ("scores", "digest"), scores.digest(kept))
    assert any("does not hold the arrays of scores" in finding.message for finding in findings(copy))


def test_a_copied_run_and_stray_files_are_found(copy) -> None:
    for suffix in (".json", ".npz"):
        shutil.copy(deep(copy, 0).with_suffix(suffix), deep(copy, 1).with_suffix(suffix))
    alter(deep(copy, 1), ("seed",), 1)
    (deep(copy).parent / "Seed-9.json").write_text("{}")
    found = findings(copy)
    assert any(f.path == deep(copy, 1) and "its scores are those of" in f.message for f in found)
    assert any(f.path.name == "Seed-9.json" and "is no record" in f.message for f in found)


def test_one_bad_record_does_not_hide_another(copy) -> None:
    alter(deep(copy, 0), ("recipe",), {})
    alter(deep(copy, 1), ("flops_per_sample",), 1)
    assert {deep(copy, 0), deep(copy, 1)} <= {finding.path for finding in findings(copy)}


def test_a_missing_scores_file_is_found(copy) -> None:
    deep(copy).with_suffix(".npz").unlink()
    assert any("scores file is missing" in finding.message for finding in findings(copy))


def test_a_changed_recipe_makes_its_records_stale(copy) -> None:
    path = copy / "recipes" / "synthetic_tiny" / "deep.toml"
    path.write_text(path.read_text().replace("[16]", "[17]"))
    stale = [finding for finding in findings(copy) if "stale: the recipe's digest" in finding.message]
    assert {finding.path for finding in stale} == {deep(copy, 0), deep(copy, 1)}


def test_tables_that_records_do_not_give_are_found(copy) -> None:
    table = copy / "results" / "leaderboard.md"
    table.write_text(table.read_text().replace("deep", "deeper"))
    (copy / "results" / "leaderboard.csv").unlink()
    assert [(f.path.name, f.rung) for f in findings(copy)] == [
        ("leaderboard.md", "table"),
        ("leaderboard.csv", "table"),
    ]


def test_without_the_rows_the_rest_is_checked_and_it_is_said(copy) -> None:
    def no_rows(name: str) -> Data:
        return Data(open_data(name).card, None, "its files are not here")

    alter(deep(copy), ("parameters", "head"), 1)
    found = list(verify(copy / "results", no_rows, copy / "recipes"))
    assert {f.rung for f in found if f.failed} == {"model", "table"}
    assert sum("its files are not here" in f.message and not f.failed for f in found) == 4


def test_damaged_data_are_a_failure_not_an_excuse(copy) -> None:
    def damaged(name: str) -> Data:
        raise BenchmarkError("train.dense.npy was altered")

    assert all(f.failed for f in verify(copy / "results", damaged, copy / "recipes"))
