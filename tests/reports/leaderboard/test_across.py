"""Rows that several boards rank."""

import json

import pytest

from benchmark.reports.leaderboard import across, text
from benchmark.reports.leaderboard.boards import boards
from benchmark.reports.leaderboard.published import Published
from benchmark.reports.leaderboard.tracks import AUC, LOGLOSS, entries
from tests.factories import make_record
from tests.reports.leaderboard.test_leaderboard import make_runs

STUDY = {"kind": "study", "tries": 16, "study": "studies/tuning/a/b.json"}
LEVELS = {"a_tuned": 0.70, "b_tuned": 0.72, "bb_tuned": 0.73, "c_tuned": 0.74, "d_tuned": 0.76}


def tuned(dataset: str, levels=LEVELS, seeds=range(5), **provenance):
    """Tuned rows of the embedding size of the data set's card."""
    size = {"frappe_x1r": 10, "kuairand_14d": 8, "movielens_1m": 16, "synthetic": 8}[dataset]
    base = make_record().recipe
    recipe = base | {
        "model": {"name": "dnn", "embedding_dim": size},
        "provenance": STUDY | provenance,
    }
    return [
        run
        for name, auc in levels.items()
        for run in make_runs(name, auc, seeds, 1e-4, loss=1 - auc, dataset=dataset, recipe=recipe)
    ]


def boards_of(*groups):
    return boards(entries(run for group in groups for run in group), Published())


@pytest.fixture(scope="module")
def found():
    """Three boards that agree but for one row, which one of them has alone, and a synthetic one."""
    swapped = LEVELS | {"c_tuned": 0.76, "d_tuned": 0.74, "e_tuned": 0.5}
    return boards_of(
        *(tuned("frappe_x1r"), tuned("kuairand_14d", swapped)),
        *(tuned("movielens_1m", dict(list(LEVELS.items())[1:])), tuned("synthetic")),
    )


def test_every_two_or_more_real_boards_are_compared(found) -> None:
    compared = {each.datasets: each for each in across.across(found, AUC)}
    names = "frappe_x1r", "kuairand_14d", "movielens_1m"
    assert list(compared) == [names, names[:2], names[::2], names[1:]]
    assert list(compared[names].standings) == ["b_tuned", "bb_tuned", "c_tuned", "d_tuned"]
    assert list(compared[names[:2]].standings) == list(LEVELS)
    assert compared[names[::2]].concordance.w == 1
    places = compared[names].standings["d_tuned"]
    assert [(place.first, place.last) for place in places] == [(1, 1), (2, 2), (1, 1)]


def test_the_tables_are_in_the_leaderboard(found) -> None:
    shown = text.markdown(found)
    assert "\n## Across data sets\n" in shown and "**Agreement by test LogLoss.**" in shown
    [row] = [line for line in shown.splitlines() if line.startswith("| d_tuned | 1 to 1 | 2 to 2")][
        :1
    ]
    assert row == "| d_tuned | 1 to 1 | 2 to 2 | 1 to 1 | 1.3 to 1.3 |"
    assert "| frappe_x1r, movielens_1m | 4 | 1.00 (1.00 to 1.00) | 0." in shown
    numbers = json.loads(text.as_json(found))["across"]
    assert {each["measure"] for each in numbers} == {AUC.name, LOGLOSS.name}
    assert numbers[0]["rank_intervals"]["d_tuned"] == [[1, 1], [2, 2], [1, 1]]


def test_untuned_rows_and_boards_without_rows_in_common_are_left_out() -> None:
    other = tuned("kuairand_14d", {f"x{name}": auc for name, auc in LEVELS.items()})
    untuned = tuned("movielens_1m", kind="hand", study=None)
    apart = boards_of(tuned("frappe_x1r"), other, untuned)
    assert across.across(apart, AUC) == [] and "Across" not in text.markdown(apart)
