import json
import tomllib
from pathlib import Path

import pytest

from benchmark.measure.null import null_erank
from benchmark.recipes import recipe as recipes
from benchmark.tracking import summary
from tests.factories import make_ranked_record, make_record, make_spectra, make_spectrum

RECORD = make_record()


def test_parameters_are_flat_text() -> None:
    assert summary.parameters(summary.subject_of(RECORD)) == {
        "model.name": "dnn",
        "model.embedding_dim": "8",
        "model.hidden_units": "16, 8",
        "model.batch_norm": "false",
        "train.batch_size": "100",
        "train.learning_rate": "0.001",
        "train.monitor": "auc",
        "train.evaluate_every": "none",
        "train.compile": "false",
        "train.precision": "float32",
        "train.shuffle": "rows",
        "run.seed": "0",
        "run.threads": "1",
        "run.device": "cpu",
        "run.train_rows": "all",
    }


def test_the_subject_begins_when_the_run_began() -> None:
    subject = summary.subject_of(RECORD)
    assert subject.dataset == "synthetic_tiny"
    assert summary.finished_at(RECORD) - subject.began == 4.0


def test_a_run_is_named_by_its_recipe_or_by_study_and_cell(tmp_path) -> None:
    for record, place, name in (
        (RECORD, "records/synthetic_tiny/dnn", "dnn seed 0"),
        (RECORD, "anywhere", "dnn seed 0"),
        (
            make_record(name=None),
            "studies/adhoc/synthetic_tiny/dnn-01234567",
            "dnn (ad hoc) seed 0",
        ),
        (
            make_record(name=None),
            "studies/ablation/synthetic_tiny/full-glu",
            "full-glu seed 0 (ablation)",
        ),
    ):
        subject = summary.subject_of(record)
        for folder in (Path(place), tmp_path / place):
            assert summary.run_name(subject, folder / "seed-0.json") == name


def test_results_hold_quality_gaps_size_and_cost() -> None:
    found = summary.results(RECORD)
    assert (found["test/auc"], found["test/logloss"], found["best/valid_auc"]) == (0.75, 0.5, 0.74)
    assert (
        round(found["test/oracle_gap_auc"], 9) == round(found["test/oracle_gap_logloss"], 9) == 0.05
    )
    assert (found["parameters/total"], found["cost/flops_per_sample"], found["best/step"]) == (
        385,
        546,
        20,
    )
    assert "test/gauc" not in found


def test_no_oracle_no_gap() -> None:
    quality = RECORD.metrics.model_copy(update={"oracle_auc": None, "oracle_logloss": None})
    assert not [name for name in summary.results(make_record(metrics=quality)) if "oracle" in name]


def test_rank_metrics_sort_by_stage_and_skip_stages_of_zeros() -> None:
    found = summary.results(RECORD)
    ranks = [name for name in sorted(found) if name.startswith("rank/")]
    assert ranks == [
        f"rank/ratio/{s}"
        for s in ("00_embedding", "01_tokens", "02_block1.mixing", "03_block1.ffn")
    ]
    assert found["rank/ratio/02_block1.mixing"] == pytest.approx(3 / null_erank(6, 8).mean)
    stages = [("a", make_spectrum(3.0)), ("b", None), ("c", make_spectrum(1.5))]
    record = make_record(spectra=make_spectra(stages))
    names = summary.results(record).keys()
    assert {"rank/ratio/00_a", "rank/ratio/02_c"} <= names
    assert "rank/ratio/01_b" not in names


def test_a_run_has_about_forty_metrics() -> None:
    assert len(summary.results(make_ranked_record(blocks=6))) <= 40


def test_the_table_has_every_rank_of_every_spectrum() -> None:
    record = make_ranked_record()
    table = summary.rank_table(record)
    rows = list(zip(table["stage"], table["when"], table["form"], table["pr"], strict=True))
    trained = record.spectra("best").batch["block1.mixing"]
    untrained = record.spectra("initial").token["block1.mixing"]
    assert ("block1.mixing", "trained", "batch", trained.pr.mean) in rows
    assert ("block1.mixing", "untrained", "token", untrained.pr.mean) in rows
    assert len(rows) == 4 * len(record.stages)


def test_every_figure_that_the_record_allows_is_drawn(tmp_path) -> None:
    summary.draw(make_ranked_record(), tmp_path)
    parts = ("trajectory", "spectra", "training", "tables")
    assert {path.name for path in tmp_path.iterdir()} == {f"rank_{part}.png" for part in parts}


def test_the_data_set_is_told_without_its_rows() -> None:
    data = summary.dataset(summary.subject_of(RECORD))
    assert (data["name"], data["digest"]) == ("synthetic_tiny", "dddddddd")
    profile = json.loads(data["profile"])
    assert [profile[f"{split}_rows"] for split in ("train", "valid", "test")] == [1000, 200, 300]
    assert [profile[f"{split}_positives"] for split in ("train", "valid", "test")] == [250, 50, 75]
    assert profile["cardinalities"] == {"user": 5, "item": 9}
    assert [column["name"] for column in json.loads(data["schema"])["mlflow_colspec"]] == [
        "price",
        "user",
        "item",
    ]


def test_the_recipe_in_the_bundle_runs_the_same_again(tmp_path) -> None:
    recipe = recipes.load("synthetic/rankelastor")
    record = make_record(recipe=recipe.resolved(), recipe_digest=recipe.digest())
    table = tomllib.loads(bundle(record, tmp_path / "a")["recipe.toml"].decode())
    assert recipes.parse(table, "synthetic", "a test").digest() == recipe.digest()


def bundle(record, folder) -> dict[str, bytes]:
    folder.mkdir()
    path = folder.with_suffix(".json")
    path.write_text("the record's bytes")
    path.with_suffix(".npz").write_text("its arrays")
    summary.write_bundle(record, path, folder)
    found = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert found["record.json"] == b"the record's bytes"
    return found
