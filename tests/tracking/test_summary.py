import json
from pathlib import Path

from benchmark.recipes import recipe as recipes
from benchmark.records.record import StageSpectra
from benchmark.tracking import summary
from tests.factories import PROVENANCE, make_ranked_record, make_record, make_spectrum

RECORD = make_record()


def values(record) -> dict[str, float]:
    return {point.name: point.value for point in summary.results(record) if point.step == 0}


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
            "ablation full-glu seed 0",
        ),
    ):
        subject = summary.subject_of(record)
        for folder in (Path(place), tmp_path / place):
            assert summary.run_name(subject, folder / "seed-0.json") == name


def test_results_hold_quality_gaps_size_and_cost() -> None:
    found = values(RECORD)
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
    assert not [name for name in values(make_record(metrics=quality)) if "oracle" in name]


def test_rank_metrics_sort_by_stage() -> None:
    found = values(RECORD)
    ranks = [name for name in sorted(found) if name.startswith("rank/erank/")]
    assert ranks == [
        f"rank/erank/{s}"
        for s in ("00_embedding", "01_tokens", "02_block1.mixing", "03_block1.ffn")
    ]
    assert found["rank/erank/02_block1.mixing"] == 3.0
    assert found["rank_normalized/erank/02_block1.mixing"] == 0.5
    assert found["rank_initial/erank/02_block1.mixing"] == 5.0
    assert found["rank/srank/03_block1.ffn"] == 1.25


def test_a_trajectory_has_a_step_a_stage_and_skips_stages_of_zeros() -> None:
    stages = (("a", make_spectrum(3.0)), ("b", None), ("c", make_spectrum(1.5)))
    record = make_record(
        spectra=tuple(StageSpectra(stage=s, initial=None, best=best) for s, best in stages)
    )
    points = summary.results(record)
    assert [point[1:] for point in points if point.name == "rank_trajectory/erank"] == [
        (0.5, 0),
        (0.25, 2),
    ]
    names = {point.name for point in points}
    assert {"rank/pr/00_a", "rank/pr/02_c"} <= names
    assert not {"rank/pr/01_b", "rank_initial/pr/00_a"} & names


def test_both_forms_and_the_summary_of_the_trajectory_are_metrics() -> None:
    record = make_ranked_record()
    stage = record.spectra[2]
    found = values(record)
    assert found["rank/pr/02_block1.mixing"] == stage.best.pr.mean
    assert found["rank_batch/pr/02_block1.mixing"] == stage.best_batch.pr.mean
    assert found["rank_normalized_batch/pr/02_block1.mixing"] == stage.best_batch.pr.mean / 8
    assert found["rank_initial_batch/pr/02_block1.mixing"] == stage.initial_batch.pr.mean
    ranks = [stage.best.erank.mean / stage.best.limit for stage in record.spectra]
    assert found["rank_summary/erank/collapse"] == ranks[3] / ranks[1]
    assert (
        "rank_summary/erank/damping" not in found and "rank_summary_initial/erank/collapse" in found
    )
    blocks = [
        (p.value, p.step) for p in summary.results(record) if p.name == "rank_summary/erank/rise"
    ]
    assert blocks == [(ranks[2] - ranks[1], 1)]


def test_the_rank_curve_is_over_steps_and_tables_are_by_field() -> None:
    record = make_ranked_record()
    points = summary.results(record)
    curve = [(p.step, p.value) for p in points if p.name == "rank_curve/01_tokens"]
    assert curve == [(point.step, point.erank["tokens"]) for point in record.rank_curve]
    found = values(record)
    assert found["table_ia/user"] == record.tables[0].plain.ia
    assert found["table_by_count_erank/item"] == record.tables[1].weighted.erank
    assert found["table_ia_mean"] == (record.tables[0].plain.ia + record.tables[1].plain.ia) / 2


def test_every_figure_that_the_record_allows_is_in_the_bundle(tmp_path) -> None:
    drawn = {name for name in bundle(make_ranked_record(), tmp_path / "a") if name.endswith(".png")}
    parts = ("trajectory", "spectra", "density", "training", "tables")
    assert drawn == {"learning_curve.png", *(f"rank_{part}.png" for part in parts)}


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


def test_the_recipe_is_the_committed_file_only_while_it_says_what_was_run(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(summary, "RECIPES", tmp_path / "recipes")
    file = tmp_path / "recipes" / "synthetic_tiny" / "small.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text := '[model]\nname = "dnn"\nembedding_dim = 4\n' + PROVENANCE)
    recipe = recipes.load("synthetic_tiny/small", tmp_path / "recipes")
    record = make_record(name="small", recipe=recipe.resolved(), recipe_digest=recipe.digest())
    assert bundle(record, tmp_path / "a")["recipe.toml"] == text.encode()
    file.write_text('[model]\nname = "dnn"\nembedding_dim = 8\n' + PROVENANCE)
    assert json.loads(bundle(record, tmp_path / "b")["recipe.json"]) == recipe.resolved()
    file.unlink()
    assert set(bundle(record, tmp_path / "c")) == {
        "record.json",
        "recipe.json",
        "learning_curve.png",
        "rank_trajectory.png",
        "rank_spectra.png",
        "rank_density.png",
        "rank_training.png",
    }


def bundle(record, folder) -> dict[str, bytes]:
    folder.mkdir()
    path = folder.with_suffix(".json")
    path.write_text("the record's bytes")
    summary.write_bundle(record, path, folder)
    found = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert found["record.json"] == b"the record's bytes"
    return found
