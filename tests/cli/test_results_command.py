"""`results export` as a person types it."""

import datasets
import polars as pl
import pytest

from benchmark import results
from benchmark.records.archive import Archive
from tests.factories import keep, make_record


@pytest.fixture
def words(tmp_path, monkeypatch) -> tuple[str, ...]:
    """The command, in an empty folder beside the records."""
    keep(make_record(), Archive(tmp_path / "results").path("synthetic_tiny", "dnn", 0))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return "results", "export", "--results", str(tmp_path / "results"), "--to"


def test_each_form_has_a_place_of_its_own(command, words, tmp_path) -> None:
    table = results(tmp_path / "results")
    for form, name in (
        ("parquet", "records.parquet"),
        ("csv", "records.csv"),
        ("datasets", "records-dataset"),
    ):
        out, _ = command(*words, form)
        assert out == f"written: {name}, rows: 1, columns: {table.width}\n"
    assert pl.read_parquet("records.parquet").equals(table)
    assert datasets.load_from_disk("records-dataset")[0]["test_auc"] == 0.75
    command(*words, "csv", "--out", "new/table.csv")
    assert pl.read_csv("new/table.csv")["test_logloss"].to_list() == [0.5]


def test_misuse_is_one_line(command, words, tmp_path) -> None:
    command(*words, "datasets")
    assert "records-dataset: exists; remove it" in command(*words, "datasets", code=2)[1]
    (tmp_path / "none").mkdir()
    for folder, message in (("none", "there is no record"), ("gone", "there is no such folder")):
        _, err = command(*words, "csv", "--results", str(tmp_path / folder), code=2)
        assert message in err and len(err.splitlines()) == 1
    assert "sqlite" in command(*words, "sqlite", code=2)[1]
