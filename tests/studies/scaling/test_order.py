"""The order of recipes at sizes that several ladders share."""

from pathlib import Path

import pytest

from benchmark.records.archive import Archive
from benchmark.reports.leaderboard.tracks import AUC, LOGLOSS
from benchmark.studies.scaling import ladders, order
from benchmark.studies.scaling import report as scaling_report
from tests.studies.scaling.test_ladders import keep, keep_trials

BAND = (4_000, 8_000)
NOISE = (-1e-4, 0, 1e-4)
SIZES = {1_300: 1, 1_600: 2, 5_500: 3, 20_000: 4}
"""Dense parameters with the head, by step; 1,300 is farther from 1,414 than 1,600 without it."""


def climb(results: Path, name: str, losses: dict[int, float]) -> None:
    """A ladder with a loss at each of some sizes."""
    for size, loss in losses.items():
        keep_trials(results, name, SIZES[size], size)
        for seed, noise in enumerate(NOISE):
            keep(results, name, SIZES[size], seed, loss + noise, size)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Ladders of which `small` is the best at a quarter of the band and the worst at four times."""
    results = tmp_path_factory.mktemp("order")
    climb(results, "small", {1_300: 0.3, 1_600: 0.44, 5_500: 0.44, 20_000: 0.44})
    climb(results, "large", {1_600: 0.46, 5_500: 0.44005, 20_000: 0.42})
    climb(results, "middle", {1_600: 0.45, 20_000: 0.43})
    keep(results, "rows", 3, 0, 0.1, 5_500, rows=500)
    keep(results, "rows", 3, 1, 0.1, 5_500, rows=500)
    keep(results, "once", 3, 0, 0.1, 50_000)
    return results


@pytest.fixture(scope="module")
def found(results):
    return order.orders(ladders.rungs(Archive(results), "synthetic_tiny"), BAND)


def test_rungs_of_a_size_are_ranked(found) -> None:
    quarter, band, four = found[LOGLOSS]
    assert [each.size for each in (quarter, band, four)] == list(order.SIZES)
    assert quarter.band == (1_000, 2_000) and quarter.seeds == (0, 1, 2)
    places = {name: (each.first, each.last) for name, each in quarter.standings.items()}
    assert places == {"small": (1, 1), "middle": (2, 2), "large": (3, 3)}
    assert set(band.rungs) == {"small", "large"} and band.better == frozenset()
    assert {each.last for each in band.standings.values()} == {2}
    assert min(four.standings, key=lambda name: four.standings[name].first) == "large"
    assert [each.size for each in found[AUC]] == list(order.SIZES)


def test_the_rung_nearest_to_the_middle_of_the_band_stands_for_it(found) -> None:
    assert found[LOGLOSS][0].rungs["small"].first.parameters.dense == 1_500


def test_reversed_orders_are_named(found) -> None:
    pairs = [("middle", "large"), ("small", "large"), ("small", "middle")]
    assert order.reversals(found[LOGLOSS]) == pairs
    assert order.reversals(found[LOGLOSS][:2]) == []
    assert order.reversals(found[AUC]) == []
    [last] = order.table(AUC, found[AUC]).remarks[-1:]
    assert last.endswith("reversed at a larger size: none.")


def test_the_table_is_from_the_best_on(found) -> None:
    table = order.table(LOGLOSS, found[LOGLOSS])
    assert table.rows[0] == (
        *("1/4 of the band", "small", "1,500", "0.001"),
        *("0.44000 ± 0.00010", "1 to 1"),
    )
    assert [row[1] for row in table.rows] == [
        *("small", "middle", "large"),
        *("small", "large"),
        *("large", "middle", "small"),
    ]
    assert (
        "1/4 of the band (1,000 to 2,000): seeds 0-2; a true difference of 0.000"
        in (table.remarks[1])
    )
    assert "small above large at the smaller size" in table.remarks[-1]


def test_one_ladder_or_one_seed_has_no_order(results) -> None:
    rungs = ladders.rungs(Archive(results), "synthetic_tiny")
    assert order.orders({"small": rungs["small"]}, BAND) == {}
    assert order.orders({name: rungs[name] for name in ("small", "once")}, (40_000, 60_000)) == {}


def test_the_report_has_the_orders_of_a_card_with_a_band(results, monkeypatch) -> None:
    archive = Archive(results)
    without = scaling_report.report(archive, "synthetic_tiny")
    assert "Order of recipes" not in without.markdown()
    monkeypatch.setattr(scaling_report, "_band", lambda dataset: BAND)
    report = scaling_report.report(archive, "synthetic_tiny")
    assert "## Order of recipes by size, test LogLoss" in report.markdown()
    first = next(each for each in report.numbers["orders"] if each["measure"] == "logloss")
    assert first["size"] == "1/4 of the band" and first["seeds"] == [0, 1, 2]
    assert {each["recipe"]: each["first"] for each in first["recipes"]} == {
        **{"small": 1, "middle": 2, "large": 3},
    }


def test_the_band_is_the_card_s() -> None:
    assert scaling_report._band("kuairand_14d") == (110_000, 300_000)
    assert scaling_report._band("no_card") is None
