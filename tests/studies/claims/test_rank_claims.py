"""Claims about rank, judged on hand-made records whose ratios are known."""

from math import atanh, sqrt, tanh
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from tests.studies.claims.made import AUC, effects, judged, keep, stages

T2, T4 = 4.302652729911275, 2.7764451051977987
"""The 97.5 % quantiles of Student's t with 2 and 4 degrees of freedom."""
RISE = 'test = "rank_path"\nrecords = ["damping/mixer"]\npart = "rise"'


def path_runs(results: Path, *courses: tuple[float, ...]) -> None:
    for seed, ratios in enumerate(courses):
        keep(results, "damping/mixer", seed, spectra=stages(*ratios))


def test_a_rise_is_judged_block_by_block(tmp_path) -> None:
    """Rises of 0.3, 0.2, 0.1 in the first block by seed, of nothing in the second; the intervals of
    both hold together."""
    path_runs(tmp_path, *((0.4, 0.4 + rise, 0.4, 0.4, 0.4) for rise in (0.3, 0.2, 0.1)))
    verdict = judged(tmp_path, RISE)
    first, second = effects(verdict)
    assert (first.value, second.value) == pytest.approx((0.2, 0))
    assert first.interval() == pytest.approx((0.2 - T2 / 10 / sqrt(3), 0.2 + T2 / 10 / sqrt(3)))
    assert verdict.verdict == "smaller than claimed"
    low, high = first.interval(of=2)
    shown = f"block 1 +0.2 ({low:+.3g} to +{high:.3g}), block 2 +0 (+0 to +0)"
    assert verdict.row[3:5] == (shown, "3")
    assert verdict.outcome.beside == "token form block 1 +0 (+0 to +0), block 2 +0 (+0 to +0)"


@pytest.mark.parametrize(
    ("course", "verdict"),
    [
        ((0.3, 0.4, 0.3, 0.4, 0.3), "holds here"),
        ((0.3, 0.4, 0.3, 0.2, 0.3), "does not hold here"),
        ((0.3, 0.2, 0.3, 0.2, 0.3), "does not hold here"),
        ((0.3, 0.9, 0.3, 0.3, 0.3), "smaller than claimed"),
    ],
)
def test_every_block_decides(tmp_path, course: tuple[float, ...], verdict: str) -> None:
    """The claim on the FFN has the same verdict where the falls are what the rises were."""
    path_runs(tmp_path, *[course] * 3)
    assert judged(tmp_path, RISE).verdict == verdict
    rises = [course[place + 1] - course[place] for place in (0, 2)]
    path_runs(tmp_path, *[(0.5, 0.5, 0.5 - rises[0], 0.5, 0.5 - rises[1])] * 3)
    assert judged(tmp_path, RISE.replace("rise", "fall"), -0.02).verdict == verdict


def test_untrained_networks_are_not_judged(tmp_path) -> None:
    """They rise by 0.5 in every block."""
    path_runs(tmp_path, *[(0.3, 0.3, 0.3)] * 3)
    assert judged(tmp_path, RISE).verdict == "smaller than claimed"
    with pytest.raises(UsageError, match="unknown key"):
        judged(tmp_path, RISE + '\nwhen = "initial"')


def test_a_model_without_blocks_has_no_rank_path(tmp_path) -> None:
    path_runs(tmp_path, *[(0.5,)] * 3)
    said = "blocks: damping/mixer has 0 of mixing and FFN with a rank ratio, it takes 1"
    assert judged(tmp_path, RISE).missing == said


DAMPING = RISE.replace("rise", "damping")


def stack(*amplitudes: float) -> tuple[float, ...]:
    """Ratios that rise by each amplitude and fall by it again."""
    return (0.4, *(ratio for each in amplitudes for ratio in (0.4 + each, 0.4)))


@pytest.mark.parametrize(
    ("amplitudes", "verdict"),
    [
        ((0.3, 0.2, 0.1), "holds here"),
        ((0.3, 0.0, 0.0), "holds here"),
        ((0.1, 0.2, 0.3), "does not hold here"),
        ((-0.1, 0.0, 0.0), "does not hold here"),
        ((0.2, 0.2, 0.2), "smaller than claimed"),
        ((0.0, 0.0, 0.0), "smaller than claimed"),
    ],
)
def test_damping_takes_an_oscillation_that_grows_less(tmp_path, amplitudes, verdict: str) -> None:
    path_runs(tmp_path, *[stack(*amplitudes)] * 3)
    assert judged(tmp_path, DAMPING).verdict == verdict


def test_damping_is_a_contrast_over_seeds(tmp_path) -> None:
    """a_1 of 0.3, 0.2, 0.1 and nothing later: both effects are 0.2, sd 0.1."""
    path_runs(tmp_path, stack(0.3, 0, 0), stack(0.2, 0, 0), stack(0.1, 0, 0))
    verdict = judged(tmp_path, DAMPING)
    assert [effect.value for effect in effects(verdict)] == pytest.approx([0.2, 0.2])
    assert verdict.row[-1].startswith("undecided, power ")
    assert verdict.outcome.beside.startswith("decay constant 10.00 ± 0.00 a block; token form a_1")


def test_damping_takes_three_blocks(tmp_path) -> None:
    path_runs(tmp_path, *[stack(0.3, 0.1)] * 3)
    said = "blocks: damping/mixer has 2 of mixing and FFN with a rank ratio, it takes 3"
    assert judged(tmp_path, DAMPING).missing == said


def test_retention_is_over_the_highest_earlier_stage(tmp_path) -> None:
    """0.5 +- 0.01 of the highest against 0.8 +- 0.01: standard error 0.01 sqrt(2 / 3). A low start
    does not count."""
    for seed, shift in enumerate((-0.01, 0, 0.01)):
        keep(tmp_path, "damping/a-2", seed, spectra=stages(0.1, 0.8, 0.8 * (0.5 + shift)))
        keep(tmp_path, "damping/b-2", seed, spectra=stages(0.8, 0.5, 0.8 * (0.8 + shift)))
    test = AUC.replace('"auc"', '"retention"').replace("good", "damping/a-2")
    verdict = judged(tmp_path, test.replace("bad", "damping/b-2"))
    [effect] = effects(verdict)
    assert (effect.value, verdict.verdict) == (pytest.approx(-0.3), "does not hold here")
    half = T4 * 0.01 * sqrt(2 / 3)
    assert effect.interval() == pytest.approx((-0.3 - half, -0.3 + half))


CORRELATION = 'test = "correlation"\nquality = "logloss"'


def units(results: Path, *places: int, spread: float = 0.001) -> None:
    """Recipes of ratio 0.1, 0.2 ... and LogLoss 0.41 for place 1, 0.42 for place 2 ..."""
    for rank, place in enumerate(places, start=1):
        for seed in range(5):
            shift = (seed - 2) * spread
            spectra = stages(0.5, 0.5, rank / 10 + shift)
            keep(results, f"recipe{rank}", seed, logloss=0.4 + place / 100, spectra=spectra)


def test_a_correlation_is_spearmans_over_recipes(tmp_path) -> None:
    """Ranks 1 to 5 against 5, 4, 3, 1, 2: 1 - 6 * 38 / 120; Fisher's z with error sqrt((1 + r^2 /
    2) / 2)."""
    units(tmp_path, 5, 4, 3, 1, 2)
    keep(tmp_path, "young", 0)
    keep(tmp_path, "recipe1", 5, logloss=0.451)
    verdict = judged(tmp_path, CORRELATION, -0.5)
    [effect] = effects(verdict)
    half = 1.959963984540054 * sqrt((1 + 0.405) / 2)
    assert (effect.value, effect.n) == (pytest.approx(-0.9), 5)
    assert effect.interval() == pytest.approx((tanh(atanh(-0.9) - half), tanh(atanh(-0.9) + half)))
    assert verdict.outcome.beside == "left out: young"


@pytest.mark.parametrize(
    ("places", "claimed", "verdict"),
    [
        ((7, 6, 5, 4, 3, 1, 2), -0.5, "holds here"),
        ((7, 6, 5, 4, 3, 1, 2), 0.5, "does not hold here"),
        ((2, 1, 3, 4, 5, 6, 7), -0.5, "does not hold here"),
        ((5, 1, 3, 4, 2, 6, 7), -0.9, "smaller than claimed"),
        ((3, 4, 1, 5, 2, 7, 6), -0.1, "undecided"),
    ],
)
def test_a_correlation_comes_out_either_way(tmp_path, places, claimed, verdict: str) -> None:
    units(tmp_path, *places)
    keep(tmp_path, "recipe1", 5, logloss=0.4001 + places[0] / 100, spectra=stages(0.5, 0.5, 0.1))
    assert judged(tmp_path, CORRELATION, claimed).verdict == verdict


def test_a_correlation_is_refused_where_a_quantity_does_not_vary(tmp_path) -> None:
    said = "0 of 0 have 5 seeds and a rank ratio: too few, it takes 4"
    assert judged(tmp_path, CORRELATION, -0.5).missing == said
    units(tmp_path, 5, 4, 3, 1, 2, spread=0.3)
    keep(tmp_path, "recipe1", 5, logloss=0.451, spectra=stages(0.5, 0.5, 0.1))
    said = "5 of 5 have 5 seeds and a rank ratio: their rank does not vary beyond its seeds"
    assert judged(tmp_path, CORRELATION, -0.5).missing.startswith(said)
