"""The manifest of a results folder: what is written is listed, and what differs later is told."""

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records import manifest
from benchmark.records.archive import Archive
from tests.factories import keep, make_record

FIGURE = "figures/controls/synthetic/widths.svg"
LISTED = (
    FIGURE,
    "scaling/simulation.md",
    "significance.json",
    "speed/train-criteo_x1-dnn-model.hidden_units=[64,32].json",
    "studies/tuning/synthetic/dnn.json",
    "theory.md",
)
OTHERS = (
    "claims.toml",
    "leaderboard.csv",
    "published.toml",
    "speed/train.md",
    "studies/controls/synthetic.json",
    ".significance.md.killed",
    "studies/tuning/synthetic/dnn.locks/trial-0",
)


@pytest.fixture
def results(tmp_path) -> Path:
    """A folder with a file of each kind, and a record of a study from which a figure is drawn."""
    keep(
        make_record(name=None, dataset="synthetic"),
        Archive(tmp_path).path("synthetic", "width-1", 0, "controls"),
    )
    for name in (*LISTED, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    manifest.keep([tmp_path / name for name in (*LISTED, *OTHERS)])
    return tmp_path


def told(results: Path) -> dict[str, str]:
    return {path.relative_to(results).as_posix(): why for path, why in manifest.faults(results)}


def test_what_is_written_is_listed_and_right_until_it_changes(results) -> None:
    assert tuple(manifest.load(results).files) == LISTED
    assert told(results) == {}


def test_deleted_altered_stale_and_strange_files_are_told(results) -> None:
    (results / "theory.md").unlink()
    (results / "significance.json").write_text("other")
    record = Archive(results).path("synthetic", "width-1", 0, "controls")
    record.write_text(record.read_text() + " ")
    (results / "figures/controls/synthetic/more.png").touch()
    (results / "studies/controls/synthetic/width-1/seed-7.npz").touch()
    (results / "notes.txt").touch()
    found = told(results)
    assert {name: why.split(";")[0] for name, why in found.items()} == {
        "theory.md": "is missing",
        "significance.json": "is not as it was written (SHA-256)",
        FIGURE: "is stale: studies/controls/synthetic has changed since",
        "figures/controls/synthetic/more.png": "is not in manifest.json",
        "studies/controls/synthetic/width-1/seed-7.npz": (
            "is neither a record, its scores nor a generated file"
        ),
        "notes.txt": "is neither a record, its scores nor a generated file",
    }
    assert found["theory.md"].endswith("run `python -m benchmark theory --write`")
    assert found[FIGURE].endswith("run `python -m benchmark study tables controls`")


def test_to_list_all_files_takes_no_stale_figure_for_a_fresh_one(results) -> None:
    record = Archive(results).path("synthetic", "width-1", 0, "controls")
    record.write_text(record.read_text() + " ")
    (results / "theory.md").unlink()
    (results / "theory.json").write_text("new")
    (results / "significance.json").write_text("other")
    assert manifest.keep_all(results) == ["significance.json", "theory.json", "theory.md"]
    assert list(told(results)) == [FIGURE]
    manifest.keep([results / FIGURE])
    assert told(results) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no valid JSON"),
        ('{"format": 1, "files": {"theory.md": {"sha256": "x", "inputs": {}}}}', "theory.md.sha"),
        ('{"format": 1, "files": {}, "files": {}}', "key 'files' occurs twice"),
    ],
)
def test_a_damaged_manifest_is_one_line(results, text, why) -> None:
    (results / manifest.FILE).write_text(text)
    for command in (manifest.load, manifest.keep_all):
        with pytest.raises(BenchmarkError, match=why) as caught:
            command(results)
        assert "manifest.json: " in str(caught.value) and "\n" not in str(caught.value)


def test_a_listed_path_is_of_a_file_that_commands_make(results) -> None:
    other = manifest.Entry(sha256="0" * 64, inputs={})
    files = manifest.load(results).files | {"../../secret": other}
    manifest._save(results, files)
    assert told(results)["../../secret"].startswith("is listed in manifest.json, and no command")
