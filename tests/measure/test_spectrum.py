import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.measure.spectrum import StageCollector, rank_metrics, singular_values

matrices = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-10, 10))


def metrics_of(matrix) -> dict[str, float]:
    return {name: float(value) for name, value in rank_metrics(singular_values(np.asarray(matrix, float))).items()}


def test_by_hand() -> None:
    found = metrics_of([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    p = np.array([0.75, 0.25])
    assert found["erank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-14)
    assert found["srank"] == pytest.approx(10 / 9, rel=1e-14)
    assert found["ia"] == pytest.approx(4 / 3, rel=1e-14)
    assert found["pr"] == pytest.approx(100 / 82, rel=1e-14)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_an_orthogonal_matrix_has_full_rank_by_every_metric(n: int) -> None:
    assert metrics_of(np.eye(n)) == pytest.approx(dict.fromkeys(("erank", "srank", "ia", "pr"), n), rel=1e-12)


def test_rank_one_is_one_by_every_metric() -> None:
    assert metrics_of(np.outer([1.0, 2, 3], [4.0, 5])) == pytest.approx(
        dict.fromkeys(("erank", "srank", "ia", "pr"), 1.0), abs=1e-6
    )


@given(matrices)
def test_what_always_holds(matrix) -> None:
    sigma = singular_values(matrix)
    if sigma[0] < 1e-12:
        return
    found = metrics_of(matrix)
    slack = 1e-9
    assert found["erank"] >= found["pr"] - slack >= found["srank"] - 2 * slack
    assert found["erank"] >= found["ia"] - slack >= found["srank"] - 2 * slack
    assert 1 - slack <= found["srank"] and found["erank"] <= min(matrix.shape) + slack


@given(matrices, st.sampled_from([1e-3, 7.0, 1e4]))
def test_scale_does_not_matter(matrix, scale: float) -> None:
    if singular_values(matrix)[0] > 1e-3:
        assert metrics_of(matrix * scale) == pytest.approx(metrics_of(matrix), rel=1e-6)


def test_collector_skips_and_counts_zero_matrices() -> None:
    collector = StageCollector()
    collector.add("embedding", np.stack([np.eye(3), np.zeros((3, 3))]).astype(np.float32))
    collector.add("embedding", np.diag([1.0, 1.0, 0.0])[None])
    collector.add("block1.ffn", np.zeros((3, 2, 5)))
    found = collector.spectra()
    assert list(found) == ["embedding", "block1.ffn"]
    assert found["block1.ffn"] is None
    spectrum = found["embedding"]
    assert spectrum is not None
    assert (spectrum.matrices, spectrum.skipped, spectrum.limit) == (3, 1, 3)
    assert spectrum.erank.mean == pytest.approx(2.5)
    assert spectrum.erank.sd == pytest.approx(0.5)
