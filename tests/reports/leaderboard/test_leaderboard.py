"""Ranks, tracks and files, from hand-made records whose scores lie beside them."""

import csv
import io
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark import __version__
from benchmark.measure import significance
from benchmark.records import scores
from benchmark.records.archive import Archive
from benchmark.records.record import save, scores_path
from benchmark.reports.document import check, write
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.reports.leaderboard import tracks as leaderboard_tracks
from benchmark.reports.leaderboard.boards import Board, boards
from benchmark.reports.leaderboard.columns import PARTS
from benchmark.reports.leaderboard.published import Published
from benchmark.reports.leaderboard.tracks import BOOTSTRAP_SEED, RESAMPLES, entries
from tests.factories import TEST, make_record


def make_run(name: str, seed: int, auc: float, **changes):
    """A run of `synthetic_tiny/NAME`, whose card has embedding size 8."""
    quality = make_record().metrics.model_copy(update={"test": replace(TEST, auc=auc)})
    return make_record(
        name=name, recipe_digest=f"{ord(name[0]):064x}", seed=seed, metrics=quality, **changes
    )


def make_runs(name: str, auc: float, seeds=range(5), sd: float = 0.001, **changes):
    """Seeds spread evenly about `auc`."""
    return [make_run(name, seed, auc + sd * (seed % 5 - 2), **changes) for seed in seeds]


def with_model(runs, **model):
    return [
        run.model_copy(update={"recipe": run.recipe | {"model": {"name": "dnn", **model}}})
        for run in runs
    ]


def by_study(runs, reference: str):
    provenance = {"provenance": {"kind": "study", "tries": 30, "study": reference}}
    return [run.model_copy(update={"recipe": run.recipe | provenance}) for run in runs]


def board_of(records, results) -> Board:
    [board] = boards(entries(records, Archive(results)), Published())
    return board


def files_of(records, results) -> dict[Path, str | None]:
    found = boards(entries(records, Archive(results)), Published())
    documents = leaderboard_text.documents_of(found, Archive(results))
    return {document.path: document.text for document in documents}


def standings(records, results):
    """(recipe, rank, why not) of the only track."""
    [track] = board_of(records, results).tracks
    return track.table.select("recipe", "rank", "apart").rows()


def keep_scores(runs, results, shift: float, rows: int = 200) -> list[significance.ClassScores]:
    """Logits of one set of test rows for every run, the classes `shift` apart."""
    shared = np.random.default_rng(0).normal(size=rows)
    kept = []
    for run in runs:
        logit = shared + np.random.default_rng([run.seed, ord(run.name[0])]).normal(size=rows)
        logit[: rows // 4] += shift
        arrays = {
            "positive": logit[: rows // 4].astype("f4"),
            "negative": logit[rows // 4 :].astype("f4"),
        }
        path = scores_path(Archive(results).path(run.dataset, run.name, run.seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        scores.save(arrays, path)
        kept.append((arrays["positive"], arrays["negative"]))
    return kept


def test_a_row_is_the_mean_over_its_seeds(tmp_path) -> None:
    [track] = board_of(
        [make_run("aa", 1, 0.72), make_run("aa", 0, 0.70), make_run("bb", 0, 0.8)], tmp_path
    ).tracks
    best, second = track.table.to_dicts()
    assert [best[name] for name in ("recipe", "seeds", "auc", "auc_sd")] == ["bb", [0], 0.8, None]
    assert (second["recipe"], second["seeds"]) == ("aa", [0, 1])
    assert second["auc"] == (0.70 + 0.72) / 2
    assert second["auc_sd"] == pytest.approx(0.02 / 2**0.5)
    assert second["erank"] == pytest.approx(2.5 / 6)  # the last stage's mean over its limit
    assert second["collapse"] == pytest.approx(2.5 / 3.5)
    assert sum(second[part] for part in PARTS) == 385
    assert (second["embedding_dim"], second["trials"]) == (8, None)


def test_ranks_are_those_of_the_rule(tmp_path) -> None:
    levels = {"aa": 0.70, "bb": 0.7501, "cc": 0.75, "dd": 0.80}
    records = [run for name, auc in levels.items() for run in make_runs(name, auc)]
    assert standings(records, tmp_path) == [
        ("dd", 1, ""),
        ("bb", 2, ""),
        ("cc", 2, ""),
        ("aa", 4, ""),
    ]
    samples = [
        [run.metrics.test.auc for run in make_runs(name, auc)] for name, auc in levels.items()
    ]
    assert significance.ranks(samples) == [4, 2, 2, 1]


def test_the_detectable_difference_stands_above_the_table(tmp_path) -> None:
    records = [
        run
        for name, auc in (("aa", 0.7), ("bb", 0.75), ("cc", 0.8))
        for run in make_runs(name, auc)
    ]
    board = board_of(records, tmp_path)
    [track] = board.tracks
    sd = 0.001 * np.sqrt(2.5)
    assert track.detectable == pytest.approx(significance.detectable([sd], 5, 3), rel=1e-5)
    text = leaderboard_text.markdown([board])
    assert (
        "3 pairs of 3 rows. Between two rows of the table's root mean square sd, a true AUC"
        " difference of " in text
    )
    assert f"{track.detectable:.5f} is found with a power of 80 %" in text


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (make_runs("zz", 0.9, seeds=range(4)), "fewer than 5 seeds"),
        (make_runs("zz", 0.9, seeds=range(1, 6)), "other seeds"),
        (make_runs("zz", 0.9, numerics=1), f"numerics 1, not {make_record().numerics}"),
        (
            make_runs("zz", 0.9, data=replace(make_record().data, arrays="b" * 64)),
            "other data (bbbbbbbb)",
        ),
    ],
)
def test_rows_that_are_not_alike_are_listed_apart(tmp_path, other, why) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), *other]
    assert standings(records, tmp_path) == [("bb", 1, ""), ("aa", 2, ""), ("zz", None, why)]
    text = leaderboard_text.markdown([board_of(records, tmp_path)])
    ranked, apart = text.split("\nNot ranked:\n")
    assert "| zz |" not in ranked
    assert "| zz |" in apart and f"| {why} |" in apart


def test_a_row_of_more_seeds_is_ranked_over_those_of_the_others(tmp_path) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), *make_runs("cc", 0.9, seeds=range(10))]
    [track] = board_of(records, tmp_path).tracks
    assert track.table.select("recipe", "rank", "seeds").rows() == [
        (name, rank, [0, 1, 2, 3, 4]) for name, rank in (("cc", 1), ("bb", 2), ("aa", 3))
    ]


def test_the_newest_then_the_first_of_equally_many_is_the_table(tmp_path) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8, numerics=1)]
    assert [one[:2] for one in standings(records, tmp_path)] == [("aa", 1), ("bb", None)]
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8, seeds=range(5, 10))]
    assert [one[:2] for one in standings(records, tmp_path)] == [("aa", 1), ("bb", None)]


def test_other_embedding_sizes_compete_in_the_free_track(tmp_path) -> None:
    records = [
        *make_runs("aa", 0.7),
        *with_model(make_runs("lr", 0.6)),
        *with_model(make_runs("wide", 0.9), embedding_dim=64),
    ]
    fixed, free = board_of(records, tmp_path).tracks
    assert (fixed.kind, fixed.embedding_dim) == ("fixed", 8)
    assert fixed.table["recipe"].to_list() == ["aa", "lr"]
    assert (free.kind, free.table.select("recipe", "rank").rows()) == ("free", [("wide", 1)])


def test_a_data_set_without_a_built_in_card_has_a_free_track_only(tmp_path) -> None:
    [track] = board_of(make_runs("aa", 0.7, dataset="my_table"), tmp_path).tracks
    assert track.kind == "free"


def test_the_bootstrap_stands_beside_the_ranks(tmp_path) -> None:
    runs = {name: make_runs(name, auc) for name, auc in (("aa", 0.7), ("bb", 0.75), ("cc", 0.8))}
    kept = {
        name: keep_scores(runs[name], tmp_path, shift)
        for name, shift in (("aa", 0.5), ("bb", 1), ("cc", 1.5))
    }
    board = board_of([run for name in runs for run in runs[name]], tmp_path)
    [track] = board.tracks
    best, *others = track.table.to_dicts()
    assert best["from_best"] is None and len(others) == 2
    for line in others:
        expected = significance.bootstrap_difference(
            kept["cc"], kept[line["recipe"]], RESAMPLES, BOOTSTRAP_SEED
        )
        value, low, high = (line["from_best"][part] for part in ("value", "low", "high"))
        assert (value, low, high) == pytest.approx(
            (-expected.value, -expected.high, -expected.low), rel=1e-6
        )
        assert low < value < high < 0
        assert f"| {value:+.5f} [{low:+.5f}, {high:+.5f}] |" in leaderboard_text.markdown([board])


@pytest.mark.parametrize("fault", ["missing", "bins", "damaged", "other rows"])
def test_without_each_rows_logit_the_table_says_so(tmp_path, fault) -> None:
    runs = [make_runs("aa", 0.7), make_runs("bb", 0.8)]
    for one in runs:
        keep_scores(one, tmp_path, 1.0)
    path = scores_path(Archive(tmp_path).path("synthetic_tiny", "bb", 3))
    if fault == "missing":
        path.unlink()
    elif fault == "damaged":
        path.write_bytes(b"no")
    elif fault == "other rows":
        keep_scores(runs[1][3:4], tmp_path, 1.0, rows=204)
    else:
        scores.save({name: np.ones(3) for name in scores.BIN_ARRAYS}, path)
    board = board_of([*runs[0], *runs[1]], tmp_path)
    assert board.tracks[0].table.select("rank", "from_best").rows() == [(1, None), (2, None)]
    assert "No differences from the best row" in leaderboard_text.markdown([board])


def test_tuning_is_told_and_another_budget_marked(tmp_path, monkeypatch) -> None:
    costs = {"studies/tuning/d/a.json": (30, 1.25), "studies/tuning/d/b.json": (8, 0.5)}
    monkeypatch.setattr(
        leaderboard_tracks, "tuning_cost", lambda results, reference: costs[reference]
    )
    first, second = costs
    same = [run for name in ("aa", "bb") for run in by_study(make_runs(name, 0.7), first)]
    assert "†" not in leaderboard_text.markdown([board_of(same, tmp_path)])
    text = leaderboard_text.markdown(
        [board_of([*same, *by_study(make_runs("cc", 0.9), second)], tmp_path)]
    )
    assert "| 8† | 0.5 |" in text and text.count("| 30 | 1.2 |") == 2
    text = leaderboard_text.markdown([board_of([*same, *make_runs("cc", 0.9)], tmp_path)])
    assert "| none† |" in text


def test_a_tuning_study_that_cannot_be_read_is_an_unknown_budget(tmp_path) -> None:
    text = leaderboard_text.markdown(
        [board_of(by_study(make_runs("aa", 0.7), "studies/tuning/d/none.json"), tmp_path)]
    )
    assert "| unknown |" in text


def test_the_same_bytes_whatever_the_order_of_the_records(tmp_path) -> None:
    records = [
        *make_runs("aa", 0.7),
        *make_runs("bb", 0.8),
        *make_runs("cc", 0.75, seeds=range(3), numerics=1),
        *make_runs("dd", 0.7, dataset="my_table"),
    ]
    for runs in (records[:5], records[5:10]):
        keep_scores(runs, tmp_path, 1.0)
    contents = set()
    for shuffle in range(6):
        random.Random(shuffle).shuffle(records)
        contents.add(tuple(sorted(files_of(records, tmp_path).items())))
    assert len(contents) == 1


def test_markdown_shows_oracle_caveat_protocol_and_version(tmp_path) -> None:
    board = board_of(make_runs("aa", 0.7, caveat="not the official rows"), tmp_path)
    text = leaderboard_text.markdown([board])
    for part in (
        f"Benchmark {__version__}.",
        "**not the official rows**",
        "rows: train 1,000, valid 200, test 300.",
        "Batch 100.",
        "multiply-add = 2, elementwise work counts 0",
        "|  | *oracle* | 0.80000 | 0.45000 |",
        "| 1 | aa | 0.70000 ± 0.00158 |",
    ):
        assert part in text


def test_rows_of_one_recipe_are_told_apart(tmp_path) -> None:
    text = leaderboard_text.markdown(
        [board_of([*make_runs("aa", 0.7), *make_runs("aa", 0.8, numerics=1)], tmp_path)]
    )
    assert "| aa (numerics 1, recipe 00000000, data dddddddd) |" in text


def test_csv_and_json_keep_values_as_measured(tmp_path) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), make_run("cc", 0, 0.9)]
    found = files_of(records, tmp_path)
    lines = list(csv.DictReader(io.StringIO(found[tmp_path / "leaderboard.csv"])))
    assert [(line["recipe"], line["rank"], line["track"]) for line in lines] == [
        ("bb", "1", "fixed"),
        ("aa", "2", "fixed"),
        ("cc", "", "fixed"),
    ]
    assert float(lines[2]["auc"]) == 0.9 and lines[2]["apart"] == "fewer than 5 seeds"
    assert lines[0]["seeds"] == "0 1 2 3 4" and lines[0]["benchmark"] == __version__
    whole = json.loads(found[tmp_path / "leaderboard.json"])
    assert whole["benchmark"] == __version__
    [board] = whole["boards"]
    assert board["oracle"] == {"auc": 0.8, "logloss": 0.45}
    assert board["tracks"][0]["standings"][2]["row"]["auc"] == 0.9


def test_the_readme_beside_the_results_gets_its_part_and_nothing_else(tmp_path) -> None:
    results, readme = tmp_path / "results", tmp_path / "README.md"
    readme.write_text("before\n<!-- leaderboard -->\nSTALE\n<!-- /leaderboard -->\nafter\n")
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8)]
    for run in records:
        save(run, Archive(results).path(run.dataset, run.name, run.seed))
    documents = leaderboard_text.documents(Archive(results))
    assert all(document.fault for document in documents) and len(documents) == 4
    text = documents[-1].text
    assert documents[-1].path == readme
    assert text.startswith("before\n<!-- leaderboard -->\n") and text.endswith(
        "<!-- /leaderboard -->\nafter\n"
    )
    assert "STALE" not in text and "| 1 | bb | 0.80000 ± 0.00158 |" in text
    write(documents)
    check(leaderboard_text.documents(Archive(results)))
    assert readme.read_text() == text
    readme.write_text("before\nafter\n")
    assert readme not in [each.path for each in leaderboard_text.documents(Archive(results))]
