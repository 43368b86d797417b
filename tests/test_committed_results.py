"""The committed records and tables climb the whole ladder, whatever runs a person has added to the
working tree."""

import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from benchmark.recipes.files import UNLISTED
from benchmark.records.archive import Archive
from benchmark.records.record import arrays_path
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.utils.paths import ROOT
from tests.data.tables import real_data


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """The committed results, and the README beside them."""
    folder = tmp_path_factory.mktemp("committed")
    archive = folder / "results.tar"
    command = ["git", "archive", "-o", str(archive), "HEAD", "results", "README.md"]
    if subprocess.run(command, cwd=ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout, so what is committed cannot be told")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / "results"


def test_committed_results_verify(command, results) -> None:
    """Records, and the tables that are made of them; without data that are not made here."""
    out, _ = command("verify", "--results", str(results), BENCHMARK_DATA_ROOT="")
    records = Archive(results).all_paths()
    assert f"{len(records)} records: all checks passed" in out
    assert (
        f"<!-- {leaderboard_text.README_PART} -->" in (results.parent / "README.md").read_text()
    )  # so its tables are among the checked


def test_a_record_of_every_row_on_real_exposures_verifies(command, results) -> None:
    """Its first seed, with the data; `python -m benchmark verify` takes all."""
    data_root = real_data("kuairand_14d").parent
    first: dict[Path, str] = {}
    for path in Archive(results).all_paths():
        if path.parent.parent.name == "kuairand_14d":
            first.setdefault(path.parent, str(path))
    assert first
    out, _ = command("verify", *first.values(), BENCHMARK_DATA_ROOT=str(data_root))
    assert f"{len(first)} records: all checks passed" in out and "unverified" not in out


def test_records_are_lean(results) -> None:
    for path in Archive(results).all_paths():
        text = path.read_text()
        assert len(text) <= 10_000 and text.count("\n") <= 150, path
        assert len(text) + arrays_path(path).stat().st_size < 120_000, path


def test_data_sets_for_trying_out_have_no_board(results) -> None:
    assert Archive(results).datasets()
    assert not set(Archive(results).datasets()) & set(UNLISTED)


def test_the_findings_quote_the_tables(results) -> None:
    found = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    tables = "\n".join(path.read_text() for path in sorted(results.rglob("*.md")))
    numbers = set(re.findall(r"[-+]?\d+\.\d+(?:e-\d+)?", found))
    assert len(numbers) > 5
    assert not [number for number in sorted(numbers) if number not in tables]
