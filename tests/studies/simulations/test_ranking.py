"""What is kept of the simulation is what it gives, and holds what the leaderboard promises."""

import json

import numpy as np
import pytest

from benchmark.measure.standings import better, from_best
from benchmark.studies.simulations.ranking import (
    EQUAL,
    ONE_BETTER,
    STEPS,
    TRUTHS,
    RankingDesign,
    RankingOutcome,
    documents,
    outcomes,
    report,
    simulate,
)
from benchmark.utils.paths import RESULTS

KEPT = json.loads((RESULTS / "significance.json").read_text())
OUTCOMES = [
    RankingOutcome(
        **(kept | {"design": RankingDesign(**kept["design"]), "found": tuple(kept["found"])})
    )
    for kept in KEPT["outcomes"]
]
COUNTS = "false_better", "missed", "ended", "any_ended"


def test_the_spread_of_a_design_is_about_a_root_mean_square_of_one() -> None:
    sds = RankingDesign(8, 5, 10.0).sds
    assert np.mean(sds**2) == pytest.approx(1)
    assert sds[-1] / sds[2] == pytest.approx(10)
    assert list(sds[:2]) == [1, 1]


def test_the_true_means_fall_from_the_first_row() -> None:
    design = RankingDesign(4, 5, 1.0)
    assert list(design.means(EQUAL)) == [0, 0, 0, 0]
    assert list(design.means(ONE_BETTER)) == [0, *[-design.detectable] * 3]
    assert list(design.means(STEPS)) == [0, -0.5, -1, -1.5]


def test_the_kept_tables_are_those_of_the_kept_numbers() -> None:
    for document in documents(report(OUTCOMES, KEPT["seed"]), RESULTS):
        assert not document.fault


def test_the_kept_simulation_is_large_and_holds_what_the_leaderboard_promises() -> None:
    designs = {(one.design.rows, one.design.seeds, one.truth) for one in OUTCOMES}
    assert designs >= {
        (rows, seeds, truth) for rows in (8, 15) for seeds in (5, 10) for truth in TRUTHS
    }
    for one in OUTCOMES:
        assert one.tables >= 10_000
        noise = 3 * np.sqrt(0.05 * 0.95 / one.tables)
        assert max(one.false_better, one.missed) / one.tables <= 0.05 + noise
        assert one.ended / one.tables <= 0.07
        if one.truth == ONE_BETTER:
            assert one.found[0] / one.tables >= 0.8 - 2 * noise


@pytest.mark.parametrize("kept", OUTCOMES[:9], ids=str)
def test_a_smaller_simulation_agrees_with_the_kept_one(kept: RankingOutcome) -> None:
    again = simulate(kept.design, kept.truth, 1500, np.random.default_rng(1))
    pairs = [(getattr(again, name), getattr(kept, name)) for name in COUNTS]
    for ours, theirs in (*pairs, (again.found[0], kept.found[0])):
        share = theirs / kept.tables
        assert ours / again.tables == pytest.approx(
            share, abs=5 * np.sqrt(max(share * (1 - share), 1e-3) / 1500)
        )


def test_the_counts_are_those_of_each_table() -> None:
    design, tables = RankingDesign(8, 5, 3.0), 30
    found = simulate(design, STEPS, tables, np.random.default_rng(0))
    noise = np.random.default_rng(0).standard_normal((tables, 8, 5)) * design.sds[:, None]
    means, called, missed = design.means(STEPS), 0, 0
    for table in noise + means[:, None]:
        called += int(better(table)[0, 1])
        low, high = from_best(table)
        true = [0.5, *means[1:]]
        missed += any(not a <= x <= b for a, x, b in zip(low, true, high, strict=True))
    assert (found.found[0], found.missed, found.false_better) == (called, missed, 0)
    assert found.found[-1] > found.found[0]


def test_the_same_seed_gives_the_same_counts() -> None:
    assert list(outcomes(20, 3)) == list(outcomes(20, 3)) != list(outcomes(20, 4))
