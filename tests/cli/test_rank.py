"""`rank` on records, in this process: it trains nothing."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.errors import BenchmarkError, UsageError
from benchmark.records.archive import Archive, adhoc_place
from tests.factories import keep, make_ranked_record


@pytest.fixture
def results(tmp_path):
    runs = [
        make_ranked_record(),
        make_ranked_record(seed=1),
        make_ranked_record(name="other"),
        make_ranked_record(name="other", seed=2),
    ]
    for run in runs:
        keep(run, Archive(tmp_path).path(run.dataset, run.name, run.seed))
    return tmp_path


def rank(*words: str) -> str:
    return (
        CliRunner()
        .invoke(app, ["rank", *words], catch_exceptions=False, standalone_mode=False)
        .output
    )


def refused(error: type[Exception], *words: str) -> str:
    with pytest.raises(error) as caught:
        rank(*words)
    return str(caught.value)


def test_a_recipe_is_printed_and_drawn(results) -> None:
    where, folder = ("--results", str(results)), results.parent / "drawn"
    before = sorted(results.rglob("*"))
    said = rank("--recipe", "synthetic_tiny/dnn", *where)
    assert sorted(results.rglob("*")) == before and "figures" not in said
    assert said + f"figures in {folder}, " in rank(
        "--recipe", "synthetic_tiny/dnn", *where, "--figures", str(folder)
    )
    assert "synthetic_tiny/dnn, seeds 0, 1" in said
    assert "block1.mixing" in said and "retention" in said and "rows per seen id" in said
    names = {path.name for path in folder.iterdir()}
    parts = [
        *(f"dnn-{part}" for part in ("trajectory", "spectra", "training", "tables")),
        "trajectory-erank",
    ]
    assert names == {f"{part}.{form}" for part in parts for form in ("svg", "png")}


def test_a_data_set_is_printed_and_drawn(results) -> None:
    folder = results / "elsewhere"
    said = rank(
        "--dataset",
        "synthetic_tiny",
        "--results",
        str(results),
        "--figures",
        str(folder),
    )
    assert "rank ratio (noise = 1) of the last stage" in said
    assert "dnn" in said and "other" in said
    assert {path.stem for path in folder.iterdir()} == {"trajectory-erank"}


def test_a_study_has_variants_for_recipes(results) -> None:
    for seed in (0, 1):
        keep(
            make_ranked_record(blocks=2, name=None, seed=seed),
            results / f"studies/deep/tiny/dnn-2/seed-{seed}.json",
        )
    words = ("--dataset", "tiny", "--study", "deep", "--figures", str(results / "drawn"))
    said = rank(*words, "--results", str(results))
    assert "dnn-2" in said
    names = {path.stem for path in (results / "drawn").iterdir()}
    assert names == {"trajectory-erank", "amplitude-erank"}


def test_seeds_are_chosen(results) -> None:
    words = ("--recipe", "synthetic_tiny/other", "--results", str(results), "--seeds")
    assert "synthetic_tiny/other, seeds 2" in rank(*words, "1-3")
    assert "there are records of seeds 0, 1, 2" in refused(UsageError, *words, "7")


def test_misuse_is_one_message(results) -> None:
    where = ("--results", str(results))
    assert "either --recipe" in refused(UsageError)
    assert "either --recipe" in refused(UsageError, "--recipe", "a/b", "--dataset", "a")
    assert "did you mean synthetic_tiny?" in refused(
        UsageError, "--dataset", "synthetic_tinny", *where
    )
    assert "did you mean synthetic_tiny/other" in refused(
        UsageError, "--recipe", "synthetic_tiny/othr", *where
    )


def test_records_that_are_not_alike_are_refused(results) -> None:
    other = make_ranked_record(name="other", seed=3, numerics=99)
    keep(other, Archive(results).path(other.dataset, other.name, other.seed))
    assert "differ in numerics" in refused(
        BenchmarkError, "--dataset", "synthetic_tiny", "--results", str(results)
    )


def test_records_of_two_cards_of_one_id_are_shown_one_by_one(results) -> None:
    run = make_ranked_record(name=None, seed=0)
    other = run.model_copy(update={"data": replace(run.data, arrays="e" * 64)})
    for each in (run, other):
        digests = each.recipe_digest, each.data.arrays
        keep(each, results / adhoc_place(each.dataset, "dnn", *digests, None) / "seed-0.json")
    words = ("--study", "adhoc", "--results", str(results))
    message = refused(BenchmarkError, "--dataset", "synthetic_tiny", *words)
    names = "dnn-aaaaaaaa-dddddddd", "dnn-aaaaaaaa-eeeeeeee"
    assert " and ".join(names) in message and "--recipe synthetic_tiny/NAME" in message
    for name in names:
        said = rank("--recipe", f"synthetic_tiny/{name}", *words)
        assert f"synthetic_tiny/{name}, seeds 0" in said
