import numpy as np
import pytest

from benchmark.studies import theory
from tests.factories import make_record

DRAWS = 60


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, int], theory.StatementOutcome]:
    return theory.run(DRAWS, seed=0)


def test_mixing_stays_within_its_bounds_at_every_input_rank(rows):
    for rank in theory.INPUT_RANKS:
        outcome = rows["mixing", rank]
        assert outcome.holds == 1
        assert outcome.means["lower"] < outcome.means["srank(X+Y)"] < outcome.means["upper"]
        assert outcome.means["|<X,Y>|/|X||Y|"] < 0.1


@pytest.mark.parametrize(("rank", "expected"), [(1, 1.51), (3, 1.10), (5, 0.91), (20, 0.59)])
def test_a_relu_ffn_contracts_inputs_of_high_rank_alone(rows, rank, expected):
    """The expected ratios are those of the literature for 26 x 30."""
    outcome = rows["contraction", rank]
    assert outcome.means["srank(F(X))/srank(X)"] == pytest.approx(expected, abs=0.08)
    assert (outcome.holds > 0.5) == (expected < 1)


def test_a_relu_ffn_gives_rank_two_at_most_for_rank_one_and_gelu_does_not(rows):
    outcome = rows["rank one", 1]
    assert outcome.holds == 1
    assert outcome.means["rank(gelu(XA))"] > 2


def test_a_gated_unit_expands(rows):
    for rank in theory.INPUT_RANKS:
        assert rows["glu", rank].holds == 1


def test_full_maps_lie_apart_from_grouped_ones_which_do_not(rows):
    [(_, outcome)] = [(key, outcome) for key, outcome in rows.items() if key[0] == "kronecker"]
    assert outcome.holds == 1
    assert outcome.means["distance/|M|"] > 0.9
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


def test_the_steps_of_trained_networks_are_ratios_of_stages():
    record = make_record()
    steps = theory.trained([record])
    spectra = {stage.stage: stage for stage in record.spectra}
    names = list(spectra)
    assert [step.stage for step in steps] == [
        name for name in names[1:] if name.startswith("block")
    ]
    for step in steps:
        before, after = spectra[names[names.index(step.stage) - 1]], spectra[step.stage]
        assert step.best == after.best.srank.mean / before.best.srank.mean
