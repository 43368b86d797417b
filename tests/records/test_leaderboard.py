import csv
import io
import itertools

import pytest

from benchmark.records import leaderboard
from tests.factories import TEST, make_record


def with_auc(name: str, seed: int, auc: float):
    quality = make_record().metrics.model_copy(update={"test": TEST.__class__(**{**vars(TEST), "auc": auc})})
    return make_record(name=name, recipe_digest=name[0] * 64, seed=seed, metrics=quality)


RECORDS = [with_auc("aa", 0, 0.70), with_auc("aa", 1, 0.72), with_auc("bb", 0, 0.80)]


def test_rows_are_means_over_seeds_sorted_by_auc() -> None:
    best, second = leaderboard.rows(RECORDS)
    assert (best.recipe, best.seeds, best.auc, best.auc_sd) == ("bb", (0,), 0.80, None)
    assert (second.recipe, second.seeds) == ("aa", (0, 1))
    assert second.auc == pytest.approx(0.71)
    assert second.auc_sd == pytest.approx(0.02 / 2**0.5)


def test_the_same_bytes_whatever_the_order_of_the_records(tmp_path) -> None:
    contents = {tuple(sorted(leaderboard.files(order, tmp_path).items())) for order in itertools.permutations(RECORDS)}
    assert len(contents) == 1


def test_markdown_shows_oracle_caveat_and_incomplete_rows() -> None:
    text = leaderboard.markdown(
        leaderboard.rows([r.model_copy(update={"caveat": "not the official rows"}) for r in RECORDS])
    )
    assert "**not the official rows**" in text
    assert "| *oracle: the true click probability* | 0.80000 | 0.45000 |" in text
    assert "| aa | 0.71000 ± 0.01414 |" in text
    assert "2 (incomplete)" in text


def test_five_seeds_are_complete() -> None:
    text = leaderboard.markdown(leaderboard.rows([with_auc("aa", seed, 0.7 + seed / 100) for seed in range(5)]))
    assert "incomplete" not in text


def test_csv_keeps_values_as_measured() -> None:
    lines = list(csv.DictReader(io.StringIO(leaderboard.as_csv(leaderboard.rows(RECORDS)))))
    assert [line["recipe"] for line in lines] == ["bb", "aa"]
    assert float(lines[0]["auc"]) == 0.80
    assert lines[1]["seeds"] == "0 1"
    assert float(lines[1]["auc"]) == (0.70 + 0.72) / 2


def test_other_recipes_data_or_numerics_are_rows_of_their_own() -> None:
    base = make_record()
    older = make_record(seed=1, numerics=base.numerics + 1)
    assert len(leaderboard.rows([base, older])) == 2
