"""`claims` and `compare` on records, in this process: they train nothing."""

import json

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records.archive import Archive
from tests.factories import keep, make_record

CLAIMS = """
[[claim]]
sentence = "The FFN lowers the rank"
source = "a paper"
claimed = { criteo_x1 = -0.02 }

[[claim.tests]]
test = "rank_path"
datasets = ["synthetic_tiny", "criteo_x1"]
records = ["dnn"]
part = "fall"
"""


@pytest.fixture
def results(tmp_path):
    (tmp_path / "claims.toml").write_text(CLAIMS)
    for name, seeds in (("dnn", range(5)), ("other", range(2))):
        for seed in seeds:
            keep(
                make_record(name=name, seed=seed),
                Archive(tmp_path).path("synthetic_tiny", name, seed),
            )
    return tmp_path


def said(*words: object) -> str:
    return (
        CliRunner()
        .invoke(app, [*map(str, words)], catch_exceptions=False, standalone_mode=False)
        .output
    )


def test_claims_are_printed_and_written(results) -> None:
    text = said("claims", "--results", results)
    assert "The FFN lowers the rank" in text
    assert "On the sources' data: 1 not testable here." in text
    assert "On other data than the sources': 1 holds here." in text
    verdicts = json.loads((results / "claims.json").read_text())["verdicts"]
    assert [verdict["dataset"] for verdict in verdicts] == ["synthetic_tiny", "criteo_x1"]
    markdown = (results / "claims.md").read_text()
    assert "| criteo_x1 | rank ratio added by the FFN" in markdown
    assert "not testable here: no records of dnn (it takes 5)" in markdown


def test_check_finds_what_the_records_do_not_give_and_writes_nothing(results) -> None:
    said("claims", "--results", results)
    assert "written" not in said("claims", "--check", "--results", results)
    keep(make_record(name="dnn", seed=5), Archive(results).path("synthetic_tiny", "dnn", 5))
    before = (results / "claims.md").read_text()
    with pytest.raises(
        BenchmarkError, match=r"claims\.md: is missing, or not what .*; run `python -m benchmark"
    ):
        said("claims", "--check", "--results", results)
    assert (results / "claims.md").read_text() == before
    (results / "claims.md").unlink()
    with pytest.raises(BenchmarkError, match=r"claims\.md"):
        said("claims", "--check", "--results", results)


def test_a_comparison_is_printed(results) -> None:
    text = said("compare", "synthetic_tiny/dnn", "synthetic_tiny/other", "--results", results)
    assert "not alike in seeds: 0, 1, 2, 3, 4 (dnn), 0, 1 (other)" in text
    assert "Welch, over seeds" in text and "train samples/s" in text


def test_misuse_is_one_message(results) -> None:
    with pytest.raises(UsageError, match="did you mean synthetic_tiny/other"):
        said("compare", "synthetic_tiny/dnn", "synthetic_tiny/othr", "--results", results)
    (results / "claims.toml").write_text("[[claim]]\n")
    with pytest.raises(UsageError, match=r"claims\.toml: key 'claim\.0\.source'"):
        said("claims", "--results", results)
