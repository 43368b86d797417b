import re
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.records.archive import Archive
from benchmark.records.environment import Environment
from benchmark.speed import measurements
from benchmark.speed.measurements import Figures, file_part

MACHINE = Environment(
    benchmark="0",
    source="s",
    commit="0123456789abcdef",
    python="3.11",
    versions={},
    machine="Linux x86_64 CPU",
)


def make(subject: str, **values: float) -> Figures:
    return Figures(
        topic="data",
        subject=subject,
        threads=2,
        repeats=3,
        values=values,
        environment=MACHINE,
        created="2026-01-01T00:00:00+00:00",
    )


def stale(results) -> list[Path]:
    return [each.path for each in measurements.documents(Archive(results)) if each.fault]


def test_the_table_has_a_row_a_subject_and_a_column_a_figure():
    table = measurements.table([make("a", rate=123_456.7, open_ms=1.2345), make("b", rate=0.5)])
    assert table.markdown() == (
        "|  | rate | open_ms | threads | repeats | commit | machine |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| a | 123,457 | 1.23 | 2 | 3 | 0123456789ab | Linux x86_64 CPU |\n"
        "| b | 0.5 |  | 2 | 3 | 0123456789ab | Linux x86_64 CPU |\n"
    )


def test_the_table_of_steps_says_what_takes_most_beside_products():
    shares = {"share_of_products": 0.5, "share_of_copies": 0.125, "share_of_adam_and_norms": 0.3}
    values = {"ms_per_step": 12.0, "matmul_share": 0.2, "load_ms": 1.0, **shares}
    step = make("D/name", **values).model_copy(update={"topic": "train"})
    assert measurements.table([step], more={}).markdown() == (
        "|  | ms a step | of float32 matmul | where the rest goes |\n"
        "| --- | --- | --- | --- |\n"
        "| D/name | 12 | 0.2 | 30 % adam and norms, 12 % copies |\n"
    )


def test_names_of_files_stay_legible_short_and_distinct():
    assert file_part("D/name train.epochs=1") == "D-name-train.epochs=1"
    assert len(file_part("D/name against " + "x" * 1000)) < 120
    strange = [file_part(f"D/name against a{sign}b") for sign in "|'*[\n"]
    assert len({*strange, file_part("D/name against a-b")}) == 6
    assert all(re.fullmatch(r"[\w.,=-]+", name) for name in strange)


def test_what_is_kept_is_found_again_and_makes_its_table(tmp_path):
    kept = [make("1,000 rows", rate=2.0), make("D/name", rate=3.0)]
    for one in kept:
        measurements.keep(one, tmp_path)
    assert measurements.load_topic("data", Archive(tmp_path)) == kept
    assert {path.name for path in (tmp_path / "speed").iterdir()} == {
        "data-1,000-rows.json",
        "data-D-name.json",
        "data.md",
    }
    assert stale(tmp_path) == []


def test_a_table_that_its_files_do_not_give_is_told(tmp_path):
    _, table = measurements.keep(make("a", rate=2.0), tmp_path)
    table.write_text(table.read_text().replace("2", "3"))
    assert stale(tmp_path) == [table]
    table.unlink()
    assert stale(tmp_path) == [table]


def test_a_table_without_files_is_told(tmp_path):
    path, table = measurements.keep(make("a", rate=2.0), tmp_path)
    path.unlink()
    assert stale(tmp_path) == [table]


@pytest.mark.parametrize("text", ["", "{}", '{"topic": "data", "values": {"rate": "fast"}}'])
def test_a_file_that_holds_no_figures_is_named(tmp_path, text):
    path, _ = measurements.keep(make("a", rate=2.0), tmp_path)
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=r"data-a\.json: .*; delete it or measure again"):
        measurements.load_topic("data", Archive(tmp_path))
