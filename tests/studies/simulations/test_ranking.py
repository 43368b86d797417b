"""The simulation follows the rule of the tables, and what is kept of it is what it gives."""

import json

import numpy as np
import pytest

from benchmark.measure import significance
from benchmark.studies.simulations.ranking import (
    CASES,
    IntervalCoverage,
    RankingDesign,
    RankingOutcome,
    TwoRecipes,
    as_report,
    called,
    coverage,
    documents,
    report,
    simulate,
)
from benchmark.utils.paths import RESULTS

KEPT = json.loads((RESULTS / "significance.json").read_text())
OUTCOMES = [
    RankingOutcome(**(kept | {"design": RankingDesign(**kept["design"])}))
    for kept in KEPT["outcomes"]
]
COVERAGE = [
    IntervalCoverage(**(kept | {"case": TwoRecipes(**kept["case"])})) for kept in KEPT["coverage"]
]


def test_many_tables_at_once_are_judged_by_the_rule_of_ranks() -> None:
    values = np.random.default_rng(0).normal(size=(40, 4, 5)) + np.array([0, 2, 4, 4])[:, None]
    better, worse = called(values)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    seen = set()
    for table, up, down in zip(values, better, worse, strict=True):
        ranks = [1] * 4
        for (first, second), is_better, is_worse in zip(pairs, up, down, strict=True):
            ranks[second] += int(is_better)
            ranks[first] += int(is_worse)
        assert ranks == significance.ranks(list(table))
        seen.add(tuple(ranks))
    assert len(seen) > 4


def test_the_spread_of_a_design_is_about_a_root_mean_square_of_one() -> None:
    sds = RankingDesign(8, 5, 10.0).sds
    assert np.mean(sds**2) == pytest.approx(1)
    assert sds[-1] / sds[2] == pytest.approx(10)
    assert list(sds[:2]) == [1, 1]


def test_the_kept_tables_are_those_of_the_kept_numbers() -> None:
    for document in documents(as_report(OUTCOMES, COVERAGE, KEPT["seed"]), RESULTS):
        assert not document.fault


def test_the_kept_simulation_is_large_and_holds_what_the_leaderboard_promises() -> None:
    assert all(one.tables >= 10_000 for one in OUTCOMES)
    assert {(one.design.rows, one.design.seeds) for one in OUTCOMES} >= {(8, 5), (15, 5)}
    for one in OUTCOMES:
        noise = 3 * np.sqrt(0.05 * 0.95 / one.tables)
        assert one.false_better / one.tables <= 0.05 + noise
        if one.difference:
            assert one.found[0] / one.tables >= 0.8 - 2 * noise


@pytest.mark.parametrize("kept", OUTCOMES[:8], ids=str)
def test_a_smaller_simulation_agrees_with_the_kept_one(kept: RankingOutcome) -> None:
    again = simulate(kept.design, kept.difference, 1500, np.random.default_rng(1))
    for ours, theirs in ((again.false_better, kept.false_better), (again.found[0], kept.found[0])):
        share = theirs / kept.tables
        assert ours / again.tables == pytest.approx(
            share, abs=4 * np.sqrt(max(share * (1 - share), 1e-4) / 1500)
        )


def test_the_difference_is_the_one_a_table_states() -> None:
    for one in OUTCOMES:
        if one.difference:
            pairs = one.design.rows * (one.design.rows - 1) // 2
            assert one.difference == pytest.approx(
                significance.detectable([1.0], one.design.seeds, pairs), rel=1e-5
            )


def test_seeds_alone_do_not_see_that_recipes_differ_by_row() -> None:
    found = coverage(CASES[1], 30, np.random.default_rng(0))
    assert found.welch > 8 > found.outside


def test_the_same_seed_gives_the_same_report() -> None:
    assert report(20, 2, 3).numbers == report(20, 2, 3).numbers
