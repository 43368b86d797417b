import math

import numpy as np
import pytest

from benchmark.measure.null import null_erank
from benchmark.measure.spectrum import BatchCollector, StageCollector
from benchmark.measure.trajectory import Band, over_seeds, ratios, summarise


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
    assert result.damping == pytest.approx(0.25)
    assert result.decay is None
    assert result.retention == pytest.approx(0.6 / 0.9)
    assert list(result.values) == [
        "embedding",
        "tokens",
        "block1.mixing",
        "block1.ffn",
        "block2.mixing",
        "block2.ffn",
    ]


def of_amplitudes(*heights: float):
    return summarise(path(*(value for height in heights for value in (0.5 + height, 0.5))))


def test_an_exponential_decay_is_found() -> None:
    result = of_amplitudes(0.4, 0.4 / math.e, 0.4 / math.e**2)
    assert result.decay == pytest.approx(1.0, abs=1e-4)
    assert result.damping == pytest.approx(0.4 - 0.2 * (1 / math.e + 1 / math.e**2))


def test_decay_is_that_of_the_raw_amplitudes() -> None:
    """Of 0.4, 0.1 and -0.02 the best c exp(-k l), by a search over both on a fine grid."""
    heights = np.array([0.4, 0.1, -0.02])
    k = np.linspace(0.5, 4, 3501)
    shapes = np.exp(-k[:, None] * np.arange(3))
    c = (shapes @ heights) / (shapes**2).sum(1)
    rest = ((heights - c[:, None] * shapes) ** 2).sum(1)
    assert of_amplitudes(*heights).decay == pytest.approx(k[rest.argmin()], abs=2e-3)


def test_one_jump_and_then_nothing_is_damped() -> None:
    result = of_amplitudes(0.4, 0.0, 0.0)
    assert result.damping == pytest.approx(0.4)
    assert result.decay is not None and result.decay > 5


def test_a_growing_one_is_not_damped() -> None:
    result = of_amplitudes(0.1, 0.2, 0.4)
    assert result.damping == pytest.approx(-0.2)
    assert result.decay == pytest.approx(-math.log(2), abs=1e-4)


def test_a_steady_climb_has_no_amplitude() -> None:
    result = summarise(path(0.625, 0.75, 0.875, 1.0))
    assert result.amplitude == (0.0, 0.0)
    assert result.damping == 0


def test_one_block_has_an_amplitude_and_no_damping() -> None:
    result = summarise(path(0.75, 0.25))
    assert result.amplitude == (0.375,)
    assert (result.damping, result.decay) == (None, None)


def test_an_ffn_that_raises_has_a_negative_amplitude() -> None:
    result = summarise(path(0.4, 0.6, 0.5, 0.7))
    assert result.amplitude == pytest.approx((-0.15, -0.15))
    assert result.damping == pytest.approx(0.0)


def test_a_model_without_blocks_has_a_retention_alone() -> None:
    result = summarise({"embedding": 0.6, "cross1": 0.8, "cross2": 0.4})
    assert (result.rise, result.fall, result.amplitude, result.damping) == ((), (), (), None)
    assert result.retention == pytest.approx(0.5)


def test_starting_low_is_not_rewarded() -> None:
    low, high = summarise({"a": 0.1, "b": 0.9, "c": 0.3}), summarise({"a": 0.9, "b": 0.9, "c": 0.3})
    assert low.retention == high.retention


def test_a_stage_without_a_value_leaves_out_what_needs_it() -> None:
    gap = summarise(path(0.9, None, 0.7, 0.6))
    assert (gap.rise, gap.damping) == ((), None)
    assert gap.retention == pytest.approx(0.6 / 0.9)
    assert summarise(path(0.9, None)).retention is None
    assert summarise({"embedding": 0.5}).retention is None


def test_noise_has_the_ratio_one_in_both_forms() -> None:
    x = np.random.default_rng(1).standard_normal((2000, 6, 8))
    for collector in (StageCollector(), BatchCollector()):
        collector.add("tokens", x)
        assert ratios(collector.spectra()) == {"tokens": pytest.approx(1.0, abs=5e-3)}


def test_a_ratio_is_over_the_noise_of_the_same_shape() -> None:
    collector = StageCollector()
    collector.add("tokens", np.tile(np.eye(3, 5), (4, 1, 1)))
    assert ratios(collector.spectra())["tokens"] == pytest.approx(3 / null_erank(3, 5).mean)


def test_there_is_no_ratio_for_zeros_and_for_one_row() -> None:
    collector = StageCollector()
    collector.add("zeros", np.zeros((3, 2, 2)))
    collector.add("row", np.ones((3, 1, 4)))
    assert ratios(collector.spectra()) == {"zeros": None, "row": None}


def test_bands_are_over_the_seeds_that_have_a_value() -> None:
    assert over_seeds([-0.5, None, -1.5]) == Band(-1.0, pytest.approx(math.sqrt(0.5)), 2)
    assert over_seeds([None, -0.5]) == Band(-0.5, None, 1)
    assert over_seeds([None]) is None
