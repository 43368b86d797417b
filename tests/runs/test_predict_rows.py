"""Raw rows through a saved model: what a person scores is what the record's run scored."""

import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmark import run
from benchmark.data.sources.synthetic import DENSE, SIZES, SPARSE, generate
from benchmark.errors import BenchmarkError
from benchmark.records import record, scores
from benchmark.runs.saved_model import score


def as_text(start: int, stop: int) -> pl.DataFrame:
    """Rows of synthetic_tiny as a person would write them: whole numbers and tokens, columns in
    another order."""
    rows = generate(SIZES["synthetic_tiny"], start, stop)
    sparse = {name: column.astype(str) for name, column in zip(SPARSE, rows.sparse.T, strict=True)}
    dense = {
        name: pl.Series(column).fill_nan(None).cast(pl.Int64)
        for name, column in zip(DENSE, rows.dense.T, strict=True)
    }
    return pl.DataFrame({**sparse, **dense, "label": rows.label})


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, scores.RowScores]:
    """The folder of a model, and the test scores of its record."""
    folder = tmp_path_factory.mktemp("saved")
    changes = {"model.hidden_units": [8], "train.epochs": 1}
    words = {"dataset": "synthetic_tiny", "rows": 4000, "threads": 1, "track": False, "quiet": True}
    run(model="dnn", set=changes, results=folder / "results", save_model=folder / "models", **words)
    [path] = (folder / "results").rglob("seed-0.json")
    [place] = (folder / "models").rglob("seed-0")
    return place, scores.load(record.arrays_path(path)).best


@pytest.fixture
def predict(command):
    """`predict` with these options: what it printed to (standard output, standard error)."""
    return lambda *options, code=0: command("predict", *map(str, options), code=code)


def test_the_test_rows_get_the_scores_of_the_record(saved, tmp_path):
    folder, kept = saved
    begin, end = SIZES["synthetic_tiny"].spans()["test"]
    rows = as_text(begin, end)
    rows.write_csv(tmp_path / "rows.csv")
    logit = np.concatenate(list(score(folder, tmp_path / "rows.csv")))
    label = rows["label"].to_numpy()
    np.testing.assert_allclose(logit[label == 1], kept.positive, rtol=6e-4, atol=1e-6)
    np.testing.assert_allclose(logit[label == 0], kept.negative, rtol=6e-4, atol=1e-6)


def test_the_command_needs_no_labels_and_prints_a_row_a_row(saved, predict, tmp_path):
    rows = as_text(0, 5).drop("label").with_columns(C3=pl.lit("never seen"))
    rows.write_csv(tmp_path / "rows.csv")
    out, _ = predict("--from", saved[0], "--input", tmp_path / "rows.csv")
    found = pl.read_csv(StringIO(out))
    expected = np.concatenate(list(score(saved[0], tmp_path / "rows.csv")))
    assert found.height == 5
    np.testing.assert_allclose(found["logit"].to_numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(
        found["probability"].to_numpy(), 1 / (1 + np.exp(-expected)), rtol=1e-6
    )


def test_the_scores_may_go_to_a_file(saved, predict, tmp_path):
    as_text(0, 3).write_csv(tmp_path / "rows.csv")
    out, _ = predict(
        "--from", saved[0], "--input", tmp_path / "rows.csv", "--output", tmp_path / "out.csv"
    )
    assert out == ""
    assert pl.read_csv(tmp_path / "out.csv").height == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("C1\n1\n", "has no column 'I1', 'I2'"), (None, "rows.csv cannot be read: ")],
)
def test_rows_that_cannot_be_scored_are_one_message(saved, predict, tmp_path, text, message):
    if text is not None:
        (tmp_path / "rows.csv").write_text(text)
    _, err = predict("--from", saved[0], "--input", tmp_path / "rows.csv", code=1)
    assert message in err
    assert "Traceback" not in err


def test_a_broken_row_is_named(saved, tmp_path):
    as_text(0, 3).with_columns(I2=pl.lit("many")).write_csv(tmp_path / "rows.csv")
    with pytest.raises(
        BenchmarkError, match=r"rows\.csv, line 2, column 'I2': 'many', expected a finite float32"
    ):
        list(score(saved[0], tmp_path / "rows.csv"))


def test_no_model_is_misuse_and_an_altered_vocabulary_a_failure(saved, predict, tmp_path):
    as_text(0, 3).write_csv(tmp_path / "rows.csv")
    _, err = predict("--from", tmp_path, "--input", tmp_path / "rows.csv", code=2)
    assert "no saved model" in err
    copy = shutil.copytree(saved[0], tmp_path / "copy")
    (copy / "encoding" / "3.parquet").write_bytes((copy / "encoding" / "4.parquet").read_bytes())
    _, err = predict("--from", copy, "--input", tmp_path / "rows.csv", code=1)
    assert "3.parquet was altered" in err
