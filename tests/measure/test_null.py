"""The effective rank of noise, against direct draws and the shapes of the specification."""

import numpy as np
import pytest

from benchmark.measure import null
from benchmark.measure.spectrum import rank_metrics, singular_values

SHAPES = [(2, 3), (4, 8), (12, 12), (26, 20), (64, 9), (512, 40)]


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_the_mean_is_that_of_direct_draws(rows: int, columns: int) -> None:
    draws = np.random.default_rng(7).standard_normal((400, rows, columns))
    erank = rank_metrics(singular_values(draws))["erank"]
    noise = null.null_erank(rows, columns)
    assert abs(noise.mean - erank.mean()) < 4 * erank.std() / np.sqrt(len(erank))
    assert noise.sd == pytest.approx(erank.std(), rel=0.2)


@pytest.mark.parametrize(
    ("rows", "columns", "share"), [(4, 8, 0.915), (12, 12, 0.79), (8, 32, 0.963)]
)
def test_shapes_of_the_specification(rows: int, columns: int, share: float) -> None:
    assert null.null_erank(rows, columns).mean / min(rows, columns) == pytest.approx(
        share, abs=3e-3
    )


def test_a_matrix_and_its_transpose_have_one_null() -> None:
    assert null.null_erank(5, 17) == null.null_erank(17, 5)


def test_another_seed_agrees_to_four_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    first = null.null_erank(12, 12)
    monkeypatch.setattr(null, "NUMBERS_AT_A_TIME", 2**17)  # other draws
    second = null._simulated.__wrapped__(12, 12)
    assert second.mean != first.mean
    assert second.mean == pytest.approx(first.mean, rel=4 * 2**0.5 * null.PRECISION)


def test_last_bits_of_another_processor_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = null.null_erank(12, 12)

    def elsewhere(matrices):
        sigma = singular_values(matrices)
        sigma[:, 0] *= 1 + 1e-13
        return sigma

    monkeypatch.setattr(null, "singular_values", elsewhere)
    assert null._simulated.__wrapped__(12, 12) == first


def test_ratio() -> None:
    assert null.rank_ratio(4.0, 12, 12) == pytest.approx(4 / 9.503, abs=1e-3)
    assert null.rank_ratio(1.0, 1, 64) is None
    assert null.rank_ratio(1.0, 4096, 1) is None
