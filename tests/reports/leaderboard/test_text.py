"""The files of the leaderboard: the same bytes for the same records, and all that they show."""

import csv
import io
import json
import random
from dataclasses import replace
from pathlib import Path

from benchmark import __version__
from benchmark.data import catalog
from benchmark.data.card import Naive
from benchmark.records.archive import Archive
from benchmark.reports.document import Document, check, write
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.reports.leaderboard.boards import Board, boards, load
from benchmark.reports.leaderboard.published import Published
from benchmark.reports.leaderboard.tracks import entries
from tests.factories import keep
from tests.reports.leaderboard.test_leaderboard import board_of, make_run, make_runs


def anew(results: Path) -> list[Document]:
    archive = Archive(results)
    return leaderboard_text.documents(load(archive), archive)


def files_of(records, results) -> dict[Path, str | None]:
    found = boards(entries(records), Published())
    documents = leaderboard_text.documents(found, Archive(results))
    return {document.path: document.text for document in documents}


def test_the_same_bytes_whatever_the_order_of_the_records(tmp_path) -> None:
    records = [
        *make_runs("aa", 0.7),
        *make_runs("bb", 0.8),
        *make_runs("cc", 0.75, seeds=range(3), numerics=1),
        *make_runs("dd", 0.7, dataset="my_table"),
    ]
    contents = set()
    for shuffle in range(6):
        random.Random(shuffle).shuffle(records)
        contents.add(tuple(sorted(files_of(records, tmp_path).items())))
    assert len(contents) == 1


def test_markdown_shows_oracle_caveat_protocol_and_version() -> None:
    board = board_of(make_runs("aa", 0.7, caveat="not the official rows"))
    text = leaderboard_text.markdown([board])
    for part in (
        f"Benchmark {__version__}.",
        "**not the official rows**",
        "rows: train 1,000, valid 200, test 300.",
        "Batch 100.",
        "multiply-add = 2, elementwise work counts 0",
        "|  |  | *oracle* | 0.80000 |  |",
        "|  |  | *oracle* | 0.45000 |  |",
        "| 1 | 1 to 1 | aa | 0.70000 ± 0.00158 |",
    ):
        assert part in text


def with_naive_rates(board: Board) -> Board:
    """The board of a card with naive rates, and of no oracle."""
    naive = Naive(fields=("user", "item"), auc=0.69, logloss=0.5, gauc=0.61)
    return replace(board, naive=naive, oracle=None)


def test_the_naive_rates_are_a_row_that_is_not_ranked() -> None:
    grouped = [make_run("aa", seed, 0.7, gauc=0.6) for seed in range(5)]
    board = with_naive_rates(board_of(grouped))
    lines = leaderboard_text.markdown([board]).splitlines()
    [by_auc, by_logloss] = [line for line in lines if "*naive rates of" in line]
    assert by_auc.startswith("|  |  | *naive rates of user, item* | 0.69000 |  | 0.61000 |  |")
    assert by_logloss.startswith("|  |  | *naive rates of user, item* | 0.50000 |  |")
    assert lines[lines.index(by_auc) + 1].startswith("| 1 | 1 to 1 | aa | 0.70000")
    assert "*oracle* |" not in "".join(lines)
    [line] = csv.DictReader(io.StringIO(leaderboard_text.as_csv([board])))
    numbers = [line[f"naive_{name}"] for name in ("auc", "gauc", "logloss")]
    assert numbers == ["0.69", "0.61", "0.5"] and line["recipe"] == "aa"
    [plain] = json.loads(leaderboard_text.as_json([board]))["boards"]
    assert plain["naive"]["fields"] == ["user", "item"] and plain["naive"]["gauc"] == 0.61


def test_a_board_takes_the_naive_rates_of_its_card() -> None:
    card = catalog.find_card("movielens_1m").card
    board = board_of(make_runs("aa", 0.9, dataset="movielens_1m"))
    assert board.naive == card.naive and board.naive is not None
    assert board_of(make_runs("aa", 0.7)).naive is None


def test_rows_of_one_recipe_are_told_apart() -> None:
    text = leaderboard_text.markdown(
        [board_of([*make_runs("aa", 0.7), *make_runs("aa", 0.8, numerics=1)])]
    )
    assert "| aa (numerics 1, recipe 00000000, data dddddddd) |" in text


def test_csv_and_json_keep_values_as_measured(tmp_path) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), make_run("cc", 0, 0.9)]
    found = files_of(records, tmp_path)
    lines = list(csv.DictReader(io.StringIO(found[tmp_path / "leaderboard.csv"])))
    assert [(line["recipe"], line["auc_rank"], line["track"]) for line in lines] == [
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
    assert board["tracks"][0]["rows"][2]["auc"] == 0.9


def test_the_readme_names_three_rows_of_rank_1_and_counts_the_others() -> None:
    tied = [run for name in ("aa", "bb", "cc", "dd", "ee") for run in make_runs(name, 0.7)]
    value = "0.70000 ± 0.00158"
    shown = f"| 5 | aa {value}; bb {value}; cc {value}; 2 more; *oracle* 0.80000 |"
    assert shown in leaderboard_text.readme_part([board_of(tied)])
    unranked = board_of([make_run("aa", 0, 0.7)])
    assert "| 0 | none; *oracle* 0.80000 |" in leaderboard_text.readme_part([unranked])


def test_the_readme_beside_the_results_gets_its_part_and_nothing_else(tmp_path) -> None:
    results, readme = tmp_path / "results", tmp_path / "README.md"
    readme.write_text("before\n<!-- leaderboard -->\nSTALE\n<!-- /leaderboard -->\nafter\n")
    own = {"dataset": "my_table"}
    records = [
        *make_runs("aa", 0.7, **own),
        *make_runs("bb", 0.8, **own),
        make_run("tried", 0, 0.9),
    ]
    for run in records:
        keep(run, Archive(results).path(run.dataset, run.name, run.seed))
    documents = anew(results)
    assert all(document.fault for document in documents) and len(documents) == 4
    text = documents[-1].text
    assert documents[-1].path == readme
    assert text.startswith("before\n<!-- leaderboard -->\n") and text.endswith(
        "<!-- /leaderboard -->\nafter\n"
    )
    assert "STALE" not in text and "tried" not in text
    assert "| 2 | bb 0.80000 ± 0.00158; *oracle* 0.80000 |" in text
    write(documents)
    check(anew(results))
    assert readme.read_text() == text
    readme.write_text("before\nafter\n")
    assert readme not in [each.path for each in anew(results)]
