"""The notebook in docs/ runs as it is written, and what `benchmark` gives to Python."""

import json

import polars as pl
import pytest

import benchmark
from benchmark.errors import UsageError
from benchmark.utils.paths import ROOT
from tests.factories import make_record

NOTEBOOK = ROOT / "docs" / "python.ipynb"


@pytest.fixture(scope="module")
def names() -> dict[str, object]:
    """What the cells of the notebook leave, run one after the other as a kernel does."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    found: dict[str, object] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), found)
    return found


def test_the_notebook_runs(names) -> None:
    assert [run.seed for run in names["lr"]] == [0, 1]
    assert names["dnn"].train_rows == 4096 and names["dnn"].name is None
    assert names["runs"].height == 3


def test_frames(names) -> None:
    here = names["here"]
    board = benchmark.leaderboard("synthetic_tiny", here / "results")
    assert board["recipe"].to_list() == ["lr"] and board["seeds"].to_list() == ["0 1"]
    with pytest.raises(UsageError, match="unknown data set with records 'x'; known: synthetic_t"):
        benchmark.leaderboard("x", here / "results")
    scores = benchmark.predict(names["model"], names["new"])
    assert scores.columns == ["logit", "probability"] and scores.height == 2
    assert scores["probability"].is_between(0, 1).all()
    assert "dcnv2" in benchmark.models()["model"].to_list()
    rows = benchmark.datasets().filter(pl.col("dataset") == "synthetic_tiny")
    assert rows.select("rows", "here").row(0) == (56000, "prepared")


def test_a_record_is_short_in_text_and_escaped_in_html() -> None:
    record = make_record(caveat="a<b", warnings=("too <i>short</i>",))
    assert str(record) == repr(record)
    assert repr(record).endswith(
        "seed 0: test AUC 0.75000, LogLoss 0.50000, NE 0.90000, "
        f"parameters {record.parameters.total:,}>"
    )
    html = record._repr_html_()
    assert "a&lt;b" in html and "too &lt;i&gt;short&lt;/i&gt;" in html and "<i>" not in html
