"""The layout of a results folder, and what lists and loads the records in it."""

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.archive import (
    ADHOC,
    RANKED,
    Archive,
    Place,
    adhoc_place,
    ranked_place,
    record_file,
    record_key,
    records_in,
    study_place,
)
from tests.factories import keep, make_record


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two recipes, one of them with ten seeds and more, a study and an ad hoc run."""
    archive = Archive(tmp_path / "results")
    for seed in (0, 2, 10):
        keep(make_record(name="dnn", seed=seed), archive.path("synthetic_tiny", "dnn", seed))
    keep(make_record(name="lr"), archive.path("synthetic_tiny", "lr", 0))
    keep(make_record(name=None), archive.path("synthetic_tiny", "full-glu", 0, "ablation"))
    place = adhoc_place("my_table", "dnn", "0123456789", "abcdef0123", 500)
    keep(make_record(name=None, dataset="my_table"), archive.results / place / record_file(0))
    return archive


def test_places_are_folders_below_the_results() -> None:
    assert ranked_place("d", "r").as_posix() == "records/d/r"
    assert study_place("s", "d", "v").as_posix() == "studies/s/d/v"
    digests = "0123456789", "abcdef0123"
    place = adhoc_place("d", "m", *digests, None)
    assert place.as_posix() == "studies/adhoc/d/m-01234567-abcdef01"
    assert adhoc_place("d", "m", *digests, 5).name == "m-01234567-abcdef01-rows5"
    assert record_key(Path("a/records/d/r/seed-3.json")) == "d/r/seed-3"


def test_the_path_of_a_record_tells_its_place(archive) -> None:
    for study, dataset, name in (
        (RANKED, "synthetic_tiny", "dnn"),
        ("ablation", "synthetic_tiny", "full-glu"),
        (ADHOC, "my_table", "dnn-01234567-abcdef01-rows500"),
    ):
        [path, *_] = archive.paths(dataset, name, study)
        assert Place.of(path) == Place(archive.results, study, dataset, name)
        assert path == archive.path(dataset, name, 0, study)
    assert Place.of(Path("elsewhere/d/r/seed-0.json")) is None
    assert Place.of(Path("seed-0.json")) is None


def test_records_are_listed_by_data_set_and_name_and_loaded_by_seed(archive) -> None:
    assert archive.datasets() == ["synthetic_tiny"] and archive.datasets(ADHOC) == ["my_table"]
    assert [run.seed for run in archive.runs("synthetic_tiny", "dnn")] == [0, 2, 10]
    assert list(archive.by_name("synthetic_tiny")) == ["dnn", "lr"]
    assert list(archive.by_name("synthetic_tiny", "ablation")) == ["full-glu"]
    assert len(archive.paths()) == 4
    assert len(archive.all_paths()) == len(list(archive.readable())) == 6
    assert archive.runs("synthetic_tiny", "none") == [] == archive.paths("none")
    assert Archive(archive.results / "none").all_paths() == []


def test_a_name_is_never_a_pattern(archive) -> None:
    assert archive.paths("*") == archive.paths("synthetic_tiny", "*") == []


def test_a_record_that_cannot_be_read_is_an_error_or_left_out(archive) -> None:
    archive.path("synthetic_tiny", "dnn", 2).write_text("{}")
    with pytest.raises(BenchmarkError, match=r"seed-2\.json"):
        archive.by_name("synthetic_tiny")
    assert len(list(archive.readable())) == 5


def test_a_study_is_reported_where_it_has_records_or_a_report(archive) -> None:
    archive.study_report("ablation", "gone").with_suffix(".md").touch()
    assert archive.reported("ablation") == ["gone", "synthetic_tiny"]


def test_records_of_a_folder(archive) -> None:
    path = archive.path("synthetic_tiny", "dnn", 2)
    assert len(records_in(path.parent)) == 3 and records_in(archive.results) == []


def test_an_archive_reads_a_record_once(archive) -> None:
    [before] = archive.runs("synthetic_tiny", "lr")
    [path] = archive.paths("synthetic_tiny", "lr")
    keep(make_record(name="lr", threads=7), path)
    assert archive.runs("synthetic_tiny", "lr") == [before] == [archive.load(path)]
    [after] = Archive(archive.results).runs("synthetic_tiny", "lr")
    assert after.threads == 7 != before.threads
