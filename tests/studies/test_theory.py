import numpy as np
import pytest

from benchmark.studies import theory
from benchmark.utils.paths import RESULTS

DRAWS = 60


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, int], theory.Outcome]:
    return theory.run(DRAWS, seed=0)


def test_mixing_stays_within_its_bounds_at_every_input_rank(rows):
    for rank in theory.INPUT_RANKS:
        outcome = rows["mixing", rank]
        assert outcome.holds == 1
        assert outcome.means["lower"] < outcome.means["srank(X+Y)"] < outcome.means["upper"]
        assert outcome.means["inner product"] < 0.1


@pytest.mark.parametrize(
    ("rank", "ratio", "share"),
    [(1, 1.51, 0.0), (2, 1.24, 0.13), (3, 1.10, 0.36), (5, 0.91, 0.7), (20, 0.59, 1.0)],
)
def test_theorem_2_2_fails_at_the_low_ranks_that_it_is_about(rows, rank, ratio, share):
    """Expected are the ratios and shares of an independent simulation at 26 x 30."""
    outcome = rows["contraction", rank]
    assert outcome.means["srank(F(X))/srank(X)"] == pytest.approx(ratio, abs=0.08)
    assert outcome.holds == pytest.approx(share, abs=0.12)


def test_a_relu_ffn_gives_rank_two_at_most_for_rank_one_and_gelu_does_not(rows):
    outcome = rows["rank one", 1]
    assert outcome.holds == 1
    assert outcome.means["rank(gelu(XA))"] > 2


def test_a_gated_unit_adds_to_the_stable_rank_in_the_mean(rows):
    for rank in theory.INPUT_RANKS:
        assert rows["glu", rank].means["delta"] > 0.2
    assert rows["glu", 1].holds == 1 and 0.5 < rows["glu", 26].holds < 0.85


def test_the_control_separates_the_gate_from_its_activation_at_high_rank_alone(rows):
    low, high = rows["glu", 1].means, rows["glu", 20].means
    assert low["GLU less GELU"] < 0 and low["delta of gelu(XA)"] > low["delta"]
    assert high["GLU less GELU"] > 2 and high["delta of gelu(XA)"] < 0
    assert high["share of GLU above GELU"] > 0.9


def test_full_maps_lie_apart_from_grouped_ones_which_do_not(rows):
    outcome = rows["kronecker", theory.TOKENS * theory.WIDTH]
    assert outcome.holds == 1
    assert outcome.means["relative distance"] > 0.9
    w = np.random.default_rng(0).standard_normal((3, 3))
    grouped = np.kron(np.eye(4), w)
    assert theory.distance_to_groups(grouped, 4) == pytest.approx(0, abs=1e-7)
    assert theory.distance_to_groups(grouped, 2) == pytest.approx(0, abs=1e-7)
    assert theory.distance_to_groups(np.kron(np.eye(2), np.arange(36.0).reshape(6, 6)), 4) > 0.1
    assert theory.distance_to_groups(np.array([[1.0, 0.0], [0.0, -1.0]]), 2) == 1


def test_the_distance_to_groups_by_hand():
    """Diagonal blocks 1 and 3 have the mean 2: what is left of [[1, 2], [2, 3]] is [[-1, 2], [2,
    1]], 10 of 18."""
    assert theory.distance_to_groups(np.array([[1.0, 2.0], [2.0, 3.0]]), 2) == pytest.approx(
        (10 / 18) ** 0.5
    )


def test_block_transposition_by_hand():
    x = np.arange(8.0).reshape(1, 2, 4)
    np.testing.assert_array_equal(theory.transposed_blocks(x), [[[0, 1, 4, 5], [2, 3, 6, 7]]])


def test_draws_depend_on_the_seed_alone():
    one, again, other = (theory.run(3, seed) for seed in (1, 1, 2))
    assert one == again != other


def test_the_table_shows_every_statement_at_its_ranks():
    [table] = theory.report(3, 0).tables
    outcomes = theory.run(3, 0)
    assert [(name, int(rank)) for name, rank, *_ in table.rows] == list(outcomes)
    assert table.rows[0][2] == f"{outcomes['mixing', 1].holds:.1%}"
    assert len(table.remarks) == len(theory.STATEMENTS)


def test_the_committed_table_is_that_of_the_command():
    made = theory.report(500, 0)
    for document in made.documents(RESULTS / "theory", theory.COMMAND):
        assert document.fault == ""
