import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.measure.spectrum import (
    METRICS,
    BatchCollector,
    StageCollector,
    rank_metrics,
    singular_values,
    triangle,
)

matrices = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-10, 10)
)


def metrics_of(matrix) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in rank_metrics(singular_values(np.asarray(matrix, float))).items()
    }


def test_by_hand() -> None:
    result = metrics_of([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    p = np.array([0.75, 0.25])
    assert result["erank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-14)
    assert result["srank"] == pytest.approx(10 / 9, rel=1e-14)
    assert result["ia"] == pytest.approx(4 / 3, rel=1e-14)
    assert result["pr"] == pytest.approx(100 / 82, rel=1e-14)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_an_orthogonal_matrix_has_full_rank_by_every_metric(n: int) -> None:
    assert metrics_of(np.eye(n)) == pytest.approx(
        dict.fromkeys(("erank", "srank", "ia", "pr"), n), rel=1e-12
    )


def test_rank_one_is_one_by_every_metric() -> None:
    assert metrics_of(np.outer([1.0, 2, 3], [4.0, 5])) == pytest.approx(
        dict.fromkeys(("erank", "srank", "ia", "pr"), 1.0), abs=1e-6
    )


@given(matrices)
def test_what_always_holds(matrix) -> None:
    sigma = singular_values(matrix)
    if sigma[0] < 1e-12:
        return
    result = metrics_of(matrix)
    slack = 1e-9
    assert result["erank"] >= result["pr"] - slack >= result["srank"] - 2 * slack
    assert result["erank"] >= result["ia"] - slack >= result["srank"] - 2 * slack
    assert 1 - slack <= result["srank"] and result["erank"] <= min(matrix.shape) + slack


@given(matrices, st.sampled_from([1e-3, 7.0, 1e4]))
def test_scale_does_not_matter(matrix, scale: float) -> None:
    if singular_values(matrix)[0] > 1e-3:
        assert metrics_of(matrix * scale) == pytest.approx(metrics_of(matrix), rel=1e-6)


SIGMA = {
    "random": (26, 30, np.linspace(9.0, 0.5, 26)),
    "rank-deficient": (26, 30, np.r_[np.linspace(4.0, 1.0, 7), np.zeros(19)]),
    "repeated": (12, 12, np.repeat([3.0, 2.0, 0.25], 4)),
    "ill-conditioned": (10, 8, 10.0 ** -np.arange(8)),
    "tall": (300, 5, np.array([5.0, 4, 3, 2, 1])),
    "wide": (4, 200, np.array([1.0, 0.5, 0.5, 0.1])),
    "1 x n": (1, 9, np.array([2.5])),
    "n x 1": (9, 1, np.array([2.5])),
    "zero": (6, 4, np.zeros(4)),
}


def of_sigma(rows: int, columns: int, sigma, seed: int = 0):
    """A matrix [rows, columns] with just these singular values, in random directions."""
    generator = np.random.default_rng(seed)
    left, right = (np.linalg.qr(generator.normal(size=(n, len(sigma))))[0] for n in (rows, columns))
    return left * sigma @ right.T


@pytest.mark.parametrize("kind", SIGMA)
def test_singular_values_and_metrics_are_those_the_matrix_was_made_of(kind: str) -> None:
    rows, columns, sigma = SIGMA[kind]
    result = singular_values(np.stack([of_sigma(rows, columns, sigma, seed) for seed in range(3)]))
    np.testing.assert_allclose(result, np.stack([sigma] * 3), atol=1e-9)
    if sigma[0]:
        p = sigma[sigma > 0] / sigma.sum()
        expected = (
            np.exp(-(p * np.log(p)).sum()),
            (sigma**2).sum() / sigma[0] ** 2,
            sigma.sum() / sigma[0],
        )
        values = rank_metrics(result)
        for name, value in zip(("erank", "srank", "ia"), expected, strict=True):
            np.testing.assert_allclose(values[name], value, atol=1e-9)
        np.testing.assert_allclose(
            values["pr"], (sigma**2).sum() ** 2 / (sigma**4).sum(), atol=1e-9
        )


@pytest.mark.parametrize("kind", SIGMA)
def test_the_triangle_keeps_the_singular_values(kind: str) -> None:
    rows, columns, sigma = SIGMA[kind]
    r = None
    for part in np.array_split(of_sigma(rows, columns, sigma), 3):
        r = triangle(part, r)
    result = singular_values(r)
    assert result.shape == sigma.shape
    np.testing.assert_allclose(result, sigma, atol=1e-9)


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_batch_form_is_the_centred_svd_of_each_token(rows: int, offset: float) -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(rows, 4, 7)) * 10.0 ** -np.arange(7) + offset * generator.normal(
        size=(4, 7)
    )
    x[:, 1] = x[:1, 1]
    x[:, 2, 3] = x[:, 2, 5]
    collector = BatchCollector()
    for part in np.array_split(x, min(3, rows)):
        collector.add("tokens", part)
    result = collector.spectra()["tokens"]
    if rows == 1:
        assert result is None
        return
    tokens = [x[:, t] - x[:, t].mean(axis=0) for t in (0, 2, 3)]
    sigma = np.stack([np.linalg.svd(token, compute_uv=False) for token in tokens])
    assert result is not None
    assert (result.rows, result.columns, result.matrices, result.skipped) == (rows, 7, 4, 1)
    for name in METRICS:
        assert getattr(result, name).mean == pytest.approx(
            rank_metrics(sigma)[name].mean(), abs=1e-9
        )
    np.testing.assert_allclose(result.sigma, (sigma / sigma[:, :1]).mean(axis=0), atol=1e-9)


def test_collector_skips_and_counts_zero_matrices() -> None:
    collector = StageCollector()
    collector.add("embedding", np.stack([np.eye(3), np.zeros((3, 3))]).astype(np.float32))
    collector.add("embedding", np.diag([1.0, 1.0, 0.0])[None])
    collector.add("block1.ffn", np.zeros((3, 2, 5)))
    result = collector.spectra()
    assert list(result) == ["embedding", "block1.ffn"]
    assert result["block1.ffn"] is None
    spectrum = result["embedding"]
    assert spectrum is not None
    assert (spectrum.matrices, spectrum.skipped, spectrum.limit) == (3, 1, 3)
    assert spectrum.erank.mean == pytest.approx(2.5)
    assert spectrum.erank.sd == pytest.approx(0.5)
