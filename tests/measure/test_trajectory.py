import math

import numpy as np
import pytest

from benchmark.measure.spectrum import StageCollector
from benchmark.measure.trajectory import (
    DENSITY_BINS,
    Band,
    densities,
    normalised,
    over_seeds,
    summarise,
)


def path(*values: float | None, tokens: float | None = 0.5) -> dict[str, float | None]:
    """Values of block1.mixing, block1.ffn, block2.mixing ... behind the embedding and the
    tokens."""
    names = [
        f"block{position // 2 + 1}.{('mixing', 'ffn')[position % 2]}"
        for position in range(len(values))
    ]
    return {"embedding": 0.25, "tokens": tokens, **dict(zip(names, values, strict=True))}


def test_by_hand() -> None:
    result = summarise(path(0.9, 0.5, 0.7, 0.6))
    assert result.rise == pytest.approx((0.4, 0.2))
    assert result.fall == pytest.approx((-0.4, -0.1))
    assert result.amplitude == pytest.approx((0.4, 0.15))
    assert result.damping == pytest.approx(math.log(0.15 / 0.4))
    assert result.damping_error is None
    assert result.collapse == pytest.approx(1.2)
    assert list(result.values) == [
        "embedding",
        "tokens",
        "block1.mixing",
        "block1.ffn",
        "block2.mixing",
        "block2.ffn",
    ]


def test_damping_is_a_least_squares_slope_with_its_error() -> None:
    """ln amplitude = ln 0.4 + (0, -1, -1): slope -1/2, residuals (1, -2, 1) / 6, error sqrt(1/6 / 1
    / 2)."""
    heights = (0.4, 0.4 / math.e, 0.4 / math.e)
    values = [value for height in heights for value in (0.5 + height, 0.5)]
    result = summarise(path(*values))
    assert result.amplitude == pytest.approx(heights)
    assert result.damping == pytest.approx(-0.5)
    assert result.damping_error == pytest.approx(math.sqrt(1 / 12))


def test_a_steady_climb_has_no_amplitude_and_no_damping() -> None:
    result = summarise(path(0.625, 0.75, 0.875, 1.0))
    assert result.amplitude == (0.0, 0.0)
    assert (result.damping, result.damping_error) == (None, None)


def test_one_block_has_an_amplitude_and_no_damping() -> None:
    result = summarise(path(0.75, 0.25))
    assert result.amplitude == (0.375,)
    assert result.damping is None


def test_an_ffn_that_raises_has_a_negative_amplitude() -> None:
    result = summarise(path(0.4, 0.6, 0.5, 0.7))
    assert result.amplitude == pytest.approx((-0.15, -0.15))
    assert result.damping is None


def test_a_model_without_blocks_has_a_collapse_ratio_alone() -> None:
    result = summarise({"embedding": 0.8, "cross1": 0.6, "cross2": 0.4})
    assert (result.rise, result.fall, result.amplitude, result.damping) == ((), (), (), None)
    assert result.collapse == pytest.approx(0.5)


def test_a_stage_without_a_value_leaves_out_what_needs_it() -> None:
    gap = summarise(path(0.9, None, 0.7, 0.6))
    assert (gap.rise, gap.damping) == ((), None)
    assert gap.collapse == pytest.approx(1.2)
    assert summarise(path(0.9, 0.6, tokens=None)).collapse is None
    assert summarise(path(0.9, None)).collapse is None


def test_normalised_means_and_densities_come_from_a_collector() -> None:
    collector = StageCollector()
    full, half, zero = np.eye(2), np.diag([1.0, 0.0]), np.zeros((2, 2))
    collector.add("embedding", np.stack([half, full, zero, full]))
    collector.add("tokens", np.stack([full, half, full, full]))
    assert normalised(collector.spectra(), "srank") == pytest.approx(
        {"embedding": 5 / 6, "tokens": 7 / 8}
    )
    first, second = densities(collector.samples("srank"))
    assert first.shift == ()
    assert {i: n for i, n in enumerate(first.rank) if n} == {
        DENSITY_BINS // 2: 1,
        DENSITY_BINS - 1: 2,
    }
    assert {i: n for i, n in enumerate(second.rank) if n} == {
        DENSITY_BINS // 2: 1,
        DENSITY_BINS - 1: 3,
    }
    moved = {DENSITY_BINS // 2: 1, DENSITY_BINS: 1, DENSITY_BINS * 3 // 2: 1}
    assert {i: n for i, n in enumerate(second.shift) if n} == moved
    assert (len(second.rank), len(second.shift)) == (DENSITY_BINS, 2 * DENSITY_BINS)


def test_normalised_is_none_where_every_matrix_is_zero() -> None:
    collector = StageCollector()
    collector.add("embedding", np.zeros((3, 2, 2)))
    assert normalised(collector.spectra(), "erank") == {"embedding": None}


def test_bands_are_over_the_seeds_that_have_a_value() -> None:
    assert over_seeds([-0.5, None, -1.5]) == Band(-1.0, pytest.approx(math.sqrt(0.5)), 2)
    assert over_seeds([None, -0.5]) == Band(-0.5, None, 1)
    assert over_seeds([None]) is None
