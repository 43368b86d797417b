"""The ladder against real records, altered one thing at a time."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark import run
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import record, scores
from benchmark.records.archive import Archive
from benchmark.records.scores import KeptScores
from benchmark.reports import document
from benchmark.reports.leaderboard import boards
from benchmark.reports.leaderboard import text as leaderboard
from benchmark.verify import place
from benchmark.verify.case import Case, read
from benchmark.verify.data import Data
from benchmark.verify.ladder import refused, verify, verify_case, verify_files
from tests.opening import open_data
from tests.verify.forging import alter, deep, findings

TRAINED = ("measured", "best", "token", "embedding")


def renamed(measured: dict[str, Any]) -> dict[str, Any]:
    """The same with another name for the stage `embedding`."""
    return json.loads(json.dumps(measured).replace('"embedding"', '"tokens"'))


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
        (("measured", "curve", 0, "improved"), [], "curve"),
        (("best", "step"), 1, "curve"),
        (("best_logloss",), None, "curve"),
        (("stopped_by",), "patience", "curve"),
        ((*TRAINED, "erank", "mean"), 99.0, "spectra"),
        ((*TRAINED, "srank", "mean"), 3.999, "spectra"),
        (("measured",), renamed, "model"),
        ((*TRAINED, "rows"), 4, "model"),
        ((*TRAINED, "columns"), 5, "form"),
        (("measured", "best", "batch", "embedding", "matrices"), 3, "model"),
        ((*TRAINED, "sigma", 1), 0.5, "spectra"),
        (("measured", "rank_curve", 0, "step"), 1, "spectra"),
        (("curve_probe_rows",), 7, "spectra"),
        (("measured", "tables", 0, "cardinality"), 7, "spectra"),
        (("measured", "tables"), [], "model"),
        (("notes",), ["made up"], "model"),
        (("format",), 2, "form"),
        (("device",), "cpux", "form"),
        (("created",), "yesterday", "form"),
        (("cost", "train_seconds"), -1.0, "form"),
        (("cost", "train_seconds"), 1e-9, "cost"),
        (("measured", "curve", 0, "seconds"), 1e9, "cost"),
        (("measured", "curve", 0, "valid", "ne"), 0.5, "curve"),
        (("measured", "initial", "token", "embedding", "srank", "sd"), 0.5, "seed"),
        (("measured", "best", "batch", "embedding"), None, "spectra"),
        (("measured", "rank_curve"), [], "spectra"),
        (("measured", "tables", 0, "seen"), 2, "data"),
        (("recipe", "provenance"), {"kind": "hand", "tries": 1}, "tuning"),
        (("recipe", "provenance", "kind"), "luck", "form"),
        (("metrics", "test", "auc"), float("nan"), "form"),
        (("measured", "curve", 0, "step"), 1, "curve"),
        (("measured", "curve", 1, "epoch"), 1, "curve"),
        (("measured", "curve", 1, "learning_rate"), -5.0, "curve"),
        (("measured", "curve"), [], "curve"),
        (("recipe",), {}, "form"),
        (("recipe", "train", "optimizer"), "sgd", "recipe"),
        (("recipe", "train", "monitor"), 3, "recipe"),
        (("recipe", "train", "evaluate_every"), "x", "recipe"),
        (("data", "rows"), {"train": 40000}, "scores"),
        (("data", "positives"), {}, "scores"),
        (("data", "cardinalities"), [1], "model"),
        (("probe_rows",), 7, "spectra"),
        (("parameters", "dense"), 1, "model"),
        (("flops_per_sample",), 1, "model"),
        (("recipe", "train", "learning_rate"), 0.5, "recipe"),
        (("recipe", "model", "dropout"), 0.5, "recipe"),
        (("recipe_digest",), "0" * 64, "recipe"),
        (("numerics",), 0, "recipe"),
        (("seed",), 5, "place"),
        (("data", "arrays"), "0" * 64, "data"),
        (("data", "positives", "test"), 3, "scores"),
        (("digests", "scores"), "0" * 64, "scores"),
        (("digests", "scores_logloss"), None, "scores"),
        (("digests", "measured"), "0" * 64, "scores"),
        (("caveat",), "made up", "data"),
        (("threads",), "two", "form"),
        (("surprise",), 1, "form"),
        (("recipe", "model"), "dnn", "form"),
        (("recipe", "train"), [], "form"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_altered_record_is_found_at_its_rung(copy, keys, value, rung: str) -> None:
    alter(deep(copy), keys, value)
    found = [finding for finding in findings(copy) if finding.failed]
    assert rung in {finding.rung for finding in found if finding.path == deep(copy)}


def test_a_setting_added_later_may_be_left_out_and_no_other(copy) -> None:
    content = json.loads(deep(copy).read_text())
    del content["recipe"]["train"]["shuffle"]
    deep(copy).write_text(json.dumps(content))
    assert findings(copy) == []
    del content["recipe"]["train"]["patience"]
    deep(copy).write_text(json.dumps(content))
    faults = [finding for finding in findings(copy) if finding.rung != "table"]
    assert [fault.message for fault in faults] == ["the recipe in the record is not fully resolved"]


def test_a_copied_run_and_stray_files_are_found(copy) -> None:
    for suffix in (".json", ".npz"):
        shutil.copy(deep(copy, 0).with_suffix(suffix), deep(copy, 1).with_suffix(suffix))
    alter(deep(copy, 1), ("seed",), 1)
    (deep(copy).parent / "Seed-9.json").write_text("{}")
    found = findings(copy)
    assert any(f.path == deep(copy, 1) and "its scores are those of" in f.message for f in found)
    assert any(f.path.name == "Seed-9.json" and "is neither a record" in f.message for f in found)


def test_one_bad_record_does_not_hide_another(copy) -> None:
    alter(deep(copy, 0), ("recipe", "model"), {"name": "nope"})
    alter(deep(copy, 1), ("flops_per_sample",), 1)
    assert {deep(copy, 0), deep(copy, 1)} <= {finding.path for finding in findings(copy)}


def test_a_changed_recipe_makes_its_records_stale(copy) -> None:
    path = copy / "recipes" / "synthetic_tiny" / "deep.toml"
    path.write_text(path.read_text().replace("[16]", "[17]"))
    stale = [
        finding for finding in findings(copy) if "stale: the recipe's digest" in finding.message
    ]
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


def of_study(folder: Path, study: str, variant: str) -> Path:
    """A copy of the run of `deep`, seed 0, as a study would have left it."""
    path = folder / "results" / "studies" / study / "synthetic_tiny" / variant / "seed-0.json"
    path.parent.mkdir(parents=True)
    for suffix in (".json", ".npz"):
        shutil.copy(deep(folder).with_suffix(suffix), path.with_suffix(suffix))
    alter(path, ("name",), None)
    return path


def test_records_of_studies_climb_it_too(copy) -> None:
    own = record.load(deep(copy))
    path = of_study(copy, "adhoc", f"dnn-{own.recipe_digest[:8]}-{own.data.arrays[:8]}")
    assert findings(copy) == []
    alter(path, ("flops_per_sample",), 1)
    assert [(f.path, f.rung) for f in findings(copy)] == [(path, "model")]


def test_what_a_folder_of_a_study_says_is_held_against_the_record(copy) -> None:
    path = of_study(copy, "adhoc", "dnn-00000000")
    [found] = findings(copy)
    assert (found.path, found.rung) == (
        path,
        "place",
    ) and "are not those of adhoc/dnn-00000000" in found.message
    alter(path, ("name",), "deep")
    assert any("lies among the ad hoc ones" in found.message for found in findings(copy))


def test_scores_without_a_record_are_strays_in_studies_too(copy) -> None:
    path = of_study(copy, "other", "any")
    path.unlink()
    assert [(f.path, f.rung) for f in findings(copy)] == [(path.with_suffix(".npz"), "files")]


def test_records_that_are_named_are_checked_alone(copy) -> None:
    alter(deep(copy, 1), ("flops_per_sample",), 1)
    for path in (deep(copy, 1), deep(copy).parent):
        assert {f.path for f in verify_files(place.find(path), open_data, copy / "recipes")} == {
            deep(copy, 1)
        }
    with pytest.raises(UsageError, match="there is no record"):
        place.find(copy / "recipes")


def test_tables_made_anew_of_an_altered_record_do_not_hide_it(copy) -> None:
    alter(deep(copy), ("metrics", "test", "auc"), 0.99)
    archive = Archive(copy / "results")
    document.write(leaderboard.documents(boards.load(archive), archive))
    found = {(f.path.name, f.rung) for f in findings(copy)}
    tables = {(f"leaderboard.{form}", "table") for form in ("md", "csv", "json")}
    assert found == {("seed-0.json", "scores"), *tables}
    rows = refused(archive, recipe_folder=copy / "recipes")
    document.write(leaderboard.documents(boards.load(archive, rows), archive, rows))
    assert {(f.path, f.rung) for f in findings(copy)} == {(deep(copy), "scores")}


@pytest.fixture
def grouped(tmp_path):
    """The record of a data set with a group column, and how to open that."""
    random = np.random.default_rng(0)
    rows = [
        f"{random.integers(2)},u{random.integers(9)},i{random.integers(20)}" for _ in range(600)
    ]
    (tmp_path / "clicks.csv").write_text("\n".join(["click,user,item", *rows, ""]))
    card = tmp_path / "mine.toml"
    card.write_text(GROUPED)
    made = run(
        model="lr",
        dataset=str(card),
        threads=1,
        results=tmp_path / "results",
        track=False,
        quiet=True,
    )
    [path] = (tmp_path / "results").glob("studies/adhoc/mine/*/seed-0.json")
    return made, path, lambda _: open_data(str(card))


GROUPED = """
id = "mine"
title = "Clicks by user"
[table]
format = "csv"
files = { all = "clicks.csv" }
label = "click"
sparse = ["user", "item"]
group = "user"
split = { method = "random", parts = [8, 1, 1], seed = 1 }
"""


def test_auc_per_group_is_derived_from_the_scores_and_the_rows(grouped) -> None:
    made, path, opened = grouped
    assert made.metrics.test.gauc is not None
    assert list(verify_files([path], opened)) == []
    for wrong in (made.metrics.test.gauc + 1e-6, None):
        alter(path, ("metrics", "test", "gauc"), wrong)
        assert {f.rung for f in verify_files([path], opened)} == {"data"}


def test_auc_per_group_is_unverified_where_scores_are_counts(grouped) -> None:
    made, path, opened = grouped
    case = read(path)
    counts = scores.counted(*scores.labelled(case.scores.best))
    found = verify_case(Case(path, made, KeptScores(counts, counts)), opened, None)
    assert [each.message for each in found if not each.failed] == [
        "a replay alone proves gAUC where scores are kept as counts"
    ]
