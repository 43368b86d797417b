"""Ranks, tracks and files, from hand-made records."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.measure.null import null_erank
from benchmark.measure.standings import detectable, from_best
from benchmark.reports.leaderboard import text as leaderboard_text
from benchmark.reports.leaderboard import tracks as leaderboard_tracks
from benchmark.reports.leaderboard.boards import Board, boards
from benchmark.reports.leaderboard.columns import PARTS
from benchmark.reports.leaderboard.published import Published
from benchmark.reports.leaderboard.tracks import entries
from tests.factories import TEST, make_ranked_record, make_record


def make_run(
    name: str, seed: int, auc: float, loss: float = 0.5, gauc: float | None = None, **changes
):
    """A run of `synthetic_tiny/NAME`, whose card has embedding size 8."""
    test = replace(TEST, auc=auc, logloss=loss, gauc=gauc)
    quality = make_record().metrics.model_copy(update={"test": test})
    return make_record(
        name=name, recipe_digest=f"{ord(name[0]):064x}", seed=seed, metrics=quality, **changes
    )


def make_runs(name: str, auc: float, seeds=range(5), sd: float = 0.001, **changes):
    """Seeds spread evenly about `auc`."""
    return [make_run(name, seed, auc + sd * (seed % 5 - 2), **changes) for seed in seeds]


def auc_of(runs) -> list[float]:
    return [run.metrics.test.auc for run in runs]


def in_bf16(name: str, auc: float):
    recipe = make_record().recipe
    train = recipe["train"] | {"precision": "bf16"}
    return make_runs(name, auc, recipe=recipe | {"train": train})


def with_model(runs, **model):
    return [
        run.model_copy(update={"recipe": run.recipe | {"model": {"name": "dnn", **model}}})
        for run in runs
    ]


def board_of(records) -> Board:
    [board] = boards(entries(records), Published())
    return board


def standings(records):
    """(recipe, rank by AUC, why not) of the only track."""
    [track] = board_of(records).tracks
    return track.table.select("recipe", "auc_rank", "apart").rows()


def test_a_row_is_the_mean_over_its_seeds() -> None:
    [track] = board_of(
        [make_run("aa", 1, 0.72), make_run("aa", 0, 0.70), make_run("bb", 0, 0.8)]
    ).tracks
    best, second = track.table.to_dicts()
    assert [best[name] for name in ("recipe", "seeds", "auc", "auc_sd")] == ["bb", [0], 0.8, None]
    assert (second["recipe"], second["seeds"]) == ("aa", [0, 1])
    assert second["auc"] == (0.70 + 0.72) / 2
    assert second["auc_sd"] == pytest.approx(0.02 / 2**0.5)
    assert second["rank_ratio"] == pytest.approx(2.5 / null_erank(6, 8).mean)
    assert second["gauc"] is None
    assert sum(second[part] for part in PARTS) == 385
    assert second["embedding_dim"] == 8


def test_the_rank_of_a_row_is_that_of_its_last_stage_over_all_rows_against_noise() -> None:
    runs = [make_ranked_record(seed=seed) for seed in range(2)]
    [track] = board_of(runs).tracks
    last = [run.spectra("best").batch["block1.ffn"] for run in runs]
    mean = (last[0].erank.mean + last[1].erank.mean) / 2
    assert track.table["rank_ratio"].to_list() == [pytest.approx(mean / null_erank(100, 8).mean)]


def test_ranks_are_those_of_the_rule() -> None:
    levels = {"aa": 0.70, "bb": 0.7501, "cc": 0.75, "dd": 0.80}
    records = [run for name, auc in levels.items() for run in make_runs(name, auc)]
    assert standings(records) == [
        ("dd", 1, ""),
        ("bb", 2, ""),
        ("cc", 2, ""),
        ("aa", 4, ""),
    ]


def test_the_detectable_difference_stands_above_the_table() -> None:
    records = [
        run
        for name, auc in (("aa", 0.7), ("bb", 0.75), ("cc", 0.8))
        for run in make_runs(name, auc)
    ]
    board = board_of(records)
    [track] = board.tracks
    sd = 0.001 * np.sqrt(2.5)
    found = track.detectable["auc"]
    assert found == {
        seeds: pytest.approx(detectable([sd], seeds, 3), rel=1e-5) for seeds in (5, 10)
    }
    assert (
        "3 rows, pairs: 3. Between two rows of the table's root mean square sd, the smallest true"
        " difference that is found with a power of 80 % is"
        f" {found[5]:.5f} with 5, {found[10]:.5f} with 10 seeds"
        in leaderboard_text.markdown([board])
    )


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
        (in_bf16("zz", 0.9), "another precision (bf16)"),
    ],
)
def test_rows_that_are_not_alike_are_listed_apart(other, why) -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), *other]
    assert standings(records) == [("bb", 1, ""), ("aa", 2, ""), ("zz", None, why)]
    text = leaderboard_text.markdown([board_of(records)])
    ranked, apart = text.split("\n**Not ranked.**\n")
    assert "| zz |" not in ranked
    assert "| zz |" in apart and f"| {why} |" in apart


def test_rows_of_another_precision_are_ranked_among_themselves_where_none_is_in_float32() -> None:
    lowered = [*in_bf16("xx", 0.7), *in_bf16("yy", 0.8), *in_bf16("zz", 0.9)]
    assert [rank for _, rank, _ in standings(lowered)] == [1, 2, 3]
    beside = {name: rank for name, rank, _ in standings([*make_runs("aa", 0.6), *lowered])}
    assert beside == {"aa": 1, "xx": None, "yy": None, "zz": None}


def test_a_row_of_more_seeds_is_ranked_over_those_of_the_others() -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8), *make_runs("cc", 0.9, seeds=range(10))]
    [track] = board_of(records).tracks
    assert track.table.select("recipe", "auc_rank", "seeds").rows() == [
        (name, rank, [0, 1, 2, 3, 4]) for name, rank in (("cc", 1), ("bb", 2), ("aa", 3))
    ]


def test_rows_of_five_more_seeds_are_ranked_again_over_those_alone() -> None:
    records = [
        *make_runs("aa", 0.7, seeds=range(10)),
        *make_runs("bb", 0.8),
        *make_runs("cc", 0.9, seeds=range(10)),
        *make_runs("dd", 0.6, seeds=range(9)),
    ]
    [track] = (board := board_of(records)).tracks
    assert track.seeds == (0, 1, 2, 3, 4) and track.table.height == 4
    further = track.further
    assert further is not None and further.seeds == (5, 6, 7, 8, 9) and further.further is None
    place = "recipe", "auc_rank", "auc_last"
    assert further.table.select(place).rows() == [("cc", 1, 1), ("aa", 2, 2)]
    text = leaderboard_text.markdown([board])
    first, again = text.split("#### The rows that have more seeds")
    assert "| bb |" in first and "| bb |" not in again and "Ranked over seeds 5, 6, 7" in again
    [plain] = json.loads(leaderboard_text.as_json([board]))["boards"][0]["tracks"]
    assert [row["recipe"] for row in plain["further"]["rows"]] == ["cc", "aa"]


def test_the_newest_then_the_first_of_equally_many_is_the_table() -> None:
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8, numerics=1)]
    assert [one[:2] for one in standings(records)] == [("aa", 1), ("bb", None)]
    records = [*make_runs("aa", 0.7), *make_runs("bb", 0.8, seeds=range(5, 10))]
    assert [one[:2] for one in standings(records)] == [("aa", 1), ("bb", None)]


def test_other_embedding_sizes_compete_in_the_free_track() -> None:
    records = [
        *make_runs("aa", 0.7),
        *with_model(make_runs("lr", 0.6)),
        *with_model(make_runs("wide", 0.9), embedding_dim=64),
    ]
    fixed, free = board_of(records).tracks
    assert (fixed.kind, fixed.embedding_dim) == ("fixed", 8)
    assert fixed.table["recipe"].to_list() == ["aa", "lr"]
    assert (free.kind, free.table.select("recipe", "auc_rank").rows()) == ("free", [("wide", 1)])


def test_a_data_set_without_a_built_in_card_has_a_free_track_only() -> None:
    [track] = board_of(make_runs("aa", 0.7, dataset="my_table")).tracks
    assert track.kind == "free"


def test_intervals_stand_beside_the_ranks() -> None:
    levels = {"aa": 0.70, "bb": 0.7501, "cc": 0.75}
    board = board_of([run for name, auc in levels.items() for run in make_runs(name, auc)])
    [track] = board.tracks
    place = "recipe", "auc_rank", "auc_first", "auc_last"
    assert track.table.select(place).rows() == [("bb", 1, 1, 2), ("cc", 1, 1, 2), ("aa", 3, 3, 3)]
    low, high = from_best(np.array([auc_of(make_runs(name, levels[name])) for name in levels]))
    lines = {line["recipe"]: line for line in track.table.to_dicts()}
    for name, *ends in zip(levels, low, high, strict=True):
        line = lines[name]
        assert [line["auc_low"], line["auc_high"]] == pytest.approx(ends, rel=1e-5)
    shown = f"[{low[1]:+.5f}, {high[1]:+.5f}]"
    assert low[1] < 0.0001 < high[1] and high[0] == 0
    text = leaderboard_text.markdown([board])
    assert f"| 1 | 1 to 2 | bb | 0.75010 ± 0.00158 | {shown} |" in text
    assert f"| 3 | 3 to 3 | aa | 0.70000 ± 0.00158 | [{low[0]:+.5f}, 0] |" in text


def test_logloss_has_ranks_of_its_own_of_which_smaller_ones_are_better() -> None:
    records = [*make_runs("aa", 0.7, loss=0.4), *make_runs("bb", 0.8, loss=0.5)]
    [track] = (board := board_of(records)).tracks
    place = "recipe", "auc_rank", "logloss_rank", "logloss_first", "logloss_last"
    assert track.table.select(place).rows() == [("bb", 1, 2, 2, 2), ("aa", 2, 1, 1, 1)]
    best = track.table.to_dicts()[1]
    assert (best["logloss_low"], best["logloss_high"]) == (-0.1, 0)  # no row varies
    by_auc, by_logloss = leaderboard_text.markdown([board]).split("**By test LogLoss.**")
    assert by_auc.index("| bb |") < by_auc.index("| aa |")
    assert by_logloss.index("| aa |") < by_logloss.index("| bb |")


def test_logloss_comes_from_its_own_epoch_and_is_marked_where_there_is_none() -> None:
    own = replace(TEST, logloss=0.3, ne=0.6, calibration=0.99, ece=0.01)
    both = [
        run.model_copy(update={"metrics": run.metrics.model_copy(update={"test_logloss": own})})
        for run in make_runs("aa", 0.7)
    ]
    board = board_of([*both, *make_runs("bb", 0.8)])
    lines = {line["recipe"]: line for line in board.tracks[0].table.to_dicts()}
    quality = [lines["aa"][name] for name in ("logloss", "ne", "calibration", "ece", "auc")]
    assert quality == pytest.approx([0.3, 0.6, 0.99, 0.01, 0.7])
    assert (lines["bb"]["logloss"], lines["bb"]["one_monitor"]) == (0.5, True)
    text = leaderboard_text.markdown([board])
    assert "| aa | 0.30000 ± 0.00000 |" in text and "| bb | 0.50000 ± 0.00000‡ |" in text
    assert "‡ of the epoch that the recipe's only monitor chose" in text


def test_gauc_is_shown_where_there_is_a_group() -> None:
    without = board_of(make_runs("aa", 0.7))
    assert "| gAUC |" not in leaderboard_text.markdown([without])
    grouped = board_of([*make_runs("aa", 0.7), *make_runs("bb", 0.8, gauc=0.6)])
    text = leaderboard_text.markdown([grouped])
    assert "| gAUC |" in text and "| 0.60000 |" in text


def test_only_rows_of_one_provenance_are_ranked_against_each_other(monkeypatch) -> None:
    monkeypatch.setattr(
        leaderboard_tracks, "provenance", lambda run: "hand" if run.name == "cc" else "study"
    )
    levels = {"aa": 0.7, "bb": 0.8, "cc": 0.9}
    board = board_of([run for name, auc in levels.items() for run in make_runs(name, auc)])
    blocks = [(one.provenance, one.table["recipe"].to_list()) for one in board.tracks]
    assert blocks == [("study", ["bb", "aa"]), ("hand", ["cc"])]
    assert [one.table["auc_rank"].to_list() for one in board.tracks] == [[1, 2], [1]]
    text = leaderboard_text.markdown([board])
    first, second = (f"### Fixed track: embedding size 8; {name}\n" for name in ("study", "hand"))
    assert text.index(first) < text.index("| bb |") < text.index(second) < text.index("| cc |")


def test_the_provenance_is_that_of_the_records() -> None:
    ad_hoc = make_record()
    assert leaderboard_tracks.provenance(ad_hoc) == "provenance not stated"
    stated = {"provenance": {"kind": "published grid", "tries": 12}}
    grid = ad_hoc.model_copy(update={"recipe": ad_hoc.recipe | stated})
    assert leaderboard_tracks.provenance(grid) == "published grid, 12 tries"
