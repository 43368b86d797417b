"""All records as one table: its columns, its order, and the files made of it."""

import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from benchmark import results
from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure.metrics import Metrics
from benchmark.records.archive import Archive, adhoc_place, record_file
from benchmark.records.record import Epoch, Quality
from benchmark.reports.document import Table
from benchmark.reports.leaderboard import boards
from benchmark.reports.tidy.columns import COLUMNS
from benchmark.reports.tidy.frame import export
from benchmark.utils.files import sha256
from benchmark.utils.paths import ROOT
from tests.factories import keep, make_ranked_record, make_record

FIRST = Metrics(auc=0.75, logloss=0.5, ne=0.9, calibration=1.01, ece=0.02, gauc=0.6)
OTHER = Metrics(auc=0.74, logloss=0.49, ne=0.88, calibration=1.0, ece=0.01)
BOTH = Quality(valid=FIRST, test=FIRST, valid_logloss=OTHER, test_logloss=OTHER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe with seeds 10 and 2, another, a variant and an ad hoc run."""
    archive = Archive(tmp_path / "results")
    for seed in (10, 2):
        keep(make_record(seed=seed), archive.path("synthetic_tiny", "dnn", seed))
    best = {"metrics": BOTH, "best_logloss": Epoch(step=10, epoch=1)}
    keep(make_ranked_record(name="lr", **best), archive.path("synthetic_tiny", "lr", 0))
    keep(make_record(name=None), archive.path("synthetic_tiny", "full-glu", 0, "ablation"))
    adhoc = make_record(name=None, dataset="a_table", train_rows=500)
    place = adhoc_place("a_table", "dnn", adhoc.recipe_digest, adhoc.data.arrays, 500)
    keep(adhoc, archive.results / place / record_file(0))
    return archive.results


def row(table: pl.DataFrame, recipe: str) -> dict[str, object]:
    return table.row(by_predicate=(pl.col("recipe") == recipe) & (pl.col("seed") < 10), named=True)


def test_a_row_is_a_record_and_says_where_it_stands(folder) -> None:
    table = results(folder)
    places = table.select("dataset", "study", "recipe", "variant", "ad_hoc", "seed").rows()
    assert places == [
        ("a_table", "adhoc", None, "dnn-aaaaaaaa-dddddddd-rows500", True, 0),
        ("synthetic_tiny", None, "dnn", None, False, 2),
        ("synthetic_tiny", None, "dnn", None, False, 10),
        ("synthetic_tiny", None, "lr", None, False, 0),
        ("synthetic_tiny", "ablation", None, "full-glu", False, 0),
    ]
    for path, digest in table.select("record", "record_sha256").rows():
        assert sha256(folder / path) == digest
    assert table["train_rows"].to_list() == [500, 1000, 1000, 1000, 1000]
    assert table.equals(results(str(folder)))


def test_metrics_are_those_of_the_leaderboard_and_those_of_the_other_epoch(folder) -> None:
    two = row(results(folder), "lr")
    for split in ("test", "valid"):
        assert [two[f"{split}_{name}"] for name in ("auc", "gauc")] == [0.75, 0.6]
        calibrated = ("logloss", "ne", "calibration", "ece")
        assert [two[f"{split}_{name}"] for name in calibrated] == [0.49, 0.88, 1.0, 0.01]
        assert [two[f"{split}_{name}_at_auc"] for name in calibrated] == [0.5, 0.9, 1.01, 0.02]
        assert two[f"{split}_auc_at_logloss"] == 0.74 and two[f"{split}_gauc_at_logloss"] is None
    steps = [two[f"best_{name}"] for name in ("step", "epoch", "step_logloss", "epoch_logloss")]
    assert steps == [20, 2, 10, 1]
    one = row(results(folder), "dnn")
    assert (one["test_auc"], one["test_logloss"]) == (0.75, 0.5)
    assert one["test_logloss_at_auc"] is one["best_step_logloss"] is one["test_gauc"] is None


def test_means_over_the_seeds_are_the_rows_of_the_board(made) -> None:
    means = results(made.results).group_by("recipe").agg(pl.col("test_auc", "test_logloss").mean())
    [board] = boards.load(Archive(made.results))
    shown = [line for track in board.tracks for line in track.table.to_dicts()]
    assert {line["recipe"] for line in shown} == {"linear", "deep"}
    for line in shown:
        _, auc, logloss = means.row(by_predicate=pl.col("recipe") == line["recipe"])
        assert (auc, logloss) == pytest.approx((line["auc"], line["logloss"]), rel=1e-12)


def test_what_else_a_row_states(folder) -> None:
    line = row(results(folder), "dnn")
    parts = [line[f"{part}parameters"] for part in ("", "embedding_", "dense_", "head_")]
    assert parts == [385, 112, 264, 9]
    assert json.loads(line["settings"])["model.hidden_units"] == [16, 8]
    assert (line["flops_per_sample"], line["total_seconds"], line["peak_memory_gib"]) == (
        546,
        4.0,
        0.25,
    )
    assert line["rank_ratio"] < line["rank_ratio_first"] < line["rank_ratio_untrained"] < 1
    assert (line["numpy"], line["torch"], line["data_digest"]) == ("2.0.0", None, "d" * 64)
    assert line["created"].isoformat() == "2026-01-01T00:00:10+00:00"


def test_types_are_the_same_without_a_record(folder, tmp_path) -> None:
    (tmp_path / "none").mkdir()
    empty = results(tmp_path / "none")
    assert empty.is_empty() and empty.schema == results(folder).schema
    assert empty.columns == [column.name for column in COLUMNS]
    assert len(set(empty.columns)) == len(COLUMNS)
    with pytest.raises(UsageError, match="gone: there is no such folder"):
        results(tmp_path / "gone")


@pytest.mark.parametrize("end", [".json", ".npz"])
def test_a_damaged_record_is_one_line_that_names_it(folder, end) -> None:
    path = Archive(folder).path("synthetic_tiny", "dnn", 2).with_suffix(end)
    path.write_text("{}")
    with pytest.raises(BenchmarkError) as caught:
        results(folder)
    [line] = str(caught.value).splitlines()
    assert path.name in line and line.endswith("run it again, or move the record elsewhere")


def test_every_form_holds_the_same_table(folder, tmp_path) -> None:
    table = results(folder)
    for form in ("parquet", "csv", "datasets"):
        export(table, form, tmp_path / f"new/records.{form}")
    assert pl.read_parquet(tmp_path / "new/records.parquet").equals(table)
    text = pl.read_csv(tmp_path / "new/records.csv", schema_overrides=table.schema)
    assert text.equals(table)
    loaded = datasets.load_from_disk(tmp_path / "new/records.datasets")
    assert pl.DataFrame(loaded.data.table).equals(table)
    assert table.to_pandas()["test_auc"].tolist() == table["test_auc"].to_list()
    with pytest.raises(UsageError, match="exists"):
        export(table, "datasets", tmp_path / "new/records.datasets")
    (tmp_path / "file").touch()
    with pytest.raises(BenchmarkError, match="cannot be written"):
        export(table, "datasets", tmp_path / "file" / "below")


def test_the_documented_columns_are_those_of_the_code() -> None:
    rows = tuple((f"`{each.name}`", str(each.form), each.meaning) for each in COLUMNS)
    expected = Table("", ("column", "type", "meaning"), rows).markdown()
    assert (ROOT / "docs" / "results.md").read_text().endswith(f"\n\n{expected}")
