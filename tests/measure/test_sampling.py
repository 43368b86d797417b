"""What the choice of test rows leaves open: against DeLong's test, and by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.measure.sampling import mean_placements, row_errors, sampled
from benchmark.measure.significance import Placements, delong, placements

ROWS = 400


def scores(strengths, rows: int = ROWS, seed: int = 0):
    """Runs on the same rows, of which each knows a signal as well as its strength says."""
    random = np.random.default_rng(seed)
    signal = np.concatenate([np.ones(rows), np.zeros(rows)])
    shared = random.standard_normal(2 * rows)
    made = (
        strength * signal + shared + 0.3 * random.standard_normal(2 * rows)
        for strength in strengths
    )
    return [(each[:rows], each[rows:]) for each in made]


def test_errors_of_two_runs_are_those_of_delong() -> None:
    runs = scores((1.0, 1.2, 0.8))
    errors = row_errors([placements(run) for run in runs])
    assert np.diag(errors).tolist() == [0, 0, 0]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        found = delong(runs[one], runs[other])
        expected = (found.high - found.low) / 2 / norm.isf(0.025)
        assert errors[one, other] == errors[other, one] == pytest.approx(expected, rel=1e-6)


def test_the_mean_of_runs_by_hand() -> None:
    one = Placements(0.6, np.array([0.1, -0.1]), np.array([0.0, 0.2]))
    other = Placements(0.8, np.array([0.3, 0.1]), np.array([0.2, 0.0]))
    mean = mean_placements([one, other])
    assert mean.auc == pytest.approx(0.7)
    assert mean.positive.tolist() == pytest.approx([0.2, 0])
    assert mean.negative.tolist() == pytest.approx([0.1, 0.1])


def table(strengths, spread: float, seed: int = 0):
    """The AUCs over five seeds about those of the runs, and the runs' placements."""
    placed = [placements(run) for run in scores(strengths, seed=seed)]
    noise = np.random.default_rng(seed + 1).standard_normal((len(placed), 5))
    return np.array([each.auc for each in placed])[:, None] + spread * noise, placed


def test_few_rows_tell_less_than_seeds() -> None:
    auc, placed = table((1.0, 1.02, 3.0), 1e-4)
    found = sampled(auc, placed)
    assert (found.found, found.kept) == (3, 2)
    assert found.error == pytest.approx(np.median(row_errors(placed)[np.triu_indices(3, 1)]))


def test_rows_that_seeds_cannot_tell_are_not_told() -> None:
    auc, placed = table((1.0, 1.0, 1.0), 0.05)
    assert (sampled(auc, placed).found, sampled(auc, placed).kept) == (0, 0)


def test_equal_models_are_told_apart_in_few_draws_of_rows() -> None:
    """Seeds tell any two apart here, as each run is one model; over draws of rows and Holm, a pair
    of equal ones is kept in at most about 5 % of tables."""
    kept = [sampled(*table((1.0, 1.0, 1.0), 1e-6, seed)).kept > 0 for seed in range(200)]
    assert np.mean(kept) <= 0.09


def test_runs_that_are_alike_leave_nothing_open() -> None:
    auc = np.full((2, 5), 0.7)
    placed = [placements(scores((1.0,))[0])] * 2
    assert sampled(auc, placed).error < 1e-8 and sampled(auc, placed).kept == 0
