"""Law or constant, noise that differs between sizes, and where laws cross: by hand and by small
simulations."""

from dataclasses import replace
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.stats import chi2

from benchmark.studies.scaling import bootstrap
from benchmark.studies.scaling.bootstrap import crossings, law_or_constant
from benchmark.studies.scaling.law import Interval, Law, fit
from benchmark.studies.scaling.points import Ladder
from tests.studies.scaling.test_law import LAW, SIZES, X0, even, noisy


def test_a_law_is_found_and_a_rise_is_none() -> None:
    assert law_or_constant(Ladder.of(even(LAW)), resamples=199).p == 1 / 200
    rising = Law(0.46, -0.005, 0.5, X0)
    found = law_or_constant(Ladder.of(even(rising)), resamples=199)
    assert found.statistic == pytest.approx(0, abs=1e-6) and found.p == 1 and not found.found
    fitted = fit(Ladder.of(even(rising)))
    assert fitted.law.A == 0 and fitted.alpha == Interval(None, None) and fitted.A.low == 0


def test_noise_that_differs_between_sizes() -> None:
    """Bartlett's statistic by hand, of six variances on 2 degrees of freedom, one of them 100 h^2,
    the others h^2:
    (12 ln 17.5 - 2 ln 100) / (1 + (6 / 2 - 1 / 12) / 15) = 21.04, of chi^2 with 5 degrees of
    freedom."""
    even_noise = Ladder.of(even(LAW))
    assert even_noise.noise_p == pytest.approx(1) and not bootstrap.unequal(even_noise)
    points = [
        replace(p, loss=float(LAW.at(p.size)) * exp(1e-2 * (p.seed - 1)))
        if p.size == SIZES[0]
        else p
        for p in even(LAW)
    ]
    ladder = Ladder.of(points)
    assert ladder.noises == pytest.approx([1e-2, *[1e-3] * 5])
    assert ladder.noise_p == pytest.approx(
        chi2.sf((12 * log(17.5) - 2 * log(100)) / (1 + (3 - 1 / 12) / 15), 5)
    )
    assert bootstrap.unequal(ladder)
    assert bootstrap.null_noise(ladder)[:, 0] == pytest.approx([1e-2] * 3 + [1e-3] * 15)


def test_one_noisy_size_makes_a_law_more_often_only_of_a_pooled_null() -> None:
    """Of flat draws whose first size has ten times the sd, those above the 5 % point of either
    null."""
    ladder = Ladder.of(even(LAW))
    sds = np.repeat([1e-2, *[1e-3] * 5], 3)[:, None]
    drawn = bootstrap.statistics(
        ladder, log(0.47) + sds * np.random.default_rng(0).standard_normal((18, 400))
    )
    pooled, by_size = (
        np.quantile(bootstrap.null_statistics(ladder, log(0.47), noise, 400), 0.95)
        for noise in (4e-3, sds)
    )
    assert (drawn > pooled).mean() > 0.12 and (drawn > by_size).mean() < 0.09


def test_the_null_depends_on_the_design_alone() -> None:
    ladder = Ladder.of(even(LAW))
    quiet = bootstrap.null_statistics(ladder, log(0.47), 5e-4, 200)
    noisier = bootstrap.null_statistics(ladder, log(0.6), 5e-3, 200)
    assert np.quantile(noisier, 0.95) == pytest.approx(np.quantile(quiet, 0.95), rel=0.02)


def test_crossing_by_hand() -> None:
    """0.4 + 0.1 z^-1 and 0.45 + 0.05 z^-1 cross at z = 1, with the second better below."""
    a, b = (Ladder.of(even(Law(E, A, 1, X0), spread=1e-4)) for E, A in ((0.4, 0.1), (0.45, 0.05)))
    (found,) = crossings(a, b, resamples=99)
    assert found.size == pytest.approx(X0, rel=1e-4)
    assert (
        found.size in found.interval
        and found.interval.low > 0.98 * X0
        and found.interval.high < 1.02 * X0
    )
    assert found.first_better_above and found.measured
    (turned,) = crossings(b, a, resamples=99)
    assert turned.size == pytest.approx(found.size) and not turned.first_better_above


def test_two_crossings() -> None:
    """With z = x / x0, 0.4 + 0.1 / z and 0.37 + 0.14 / sqrt(z) meet where 0.1 y^2 - 0.14 y + 0.03 =
    0, y = z^-1/2."""
    high, low = ((0.14 + side * sqrt(0.0196 - 0.012)) / 0.2 for side in (1, -1))
    a, b = (
        Ladder.of(even(Law(0.4, 0.1, 1, X0), spread=1e-4)),
        Ladder.of(even(Law(0.37, 0.14, 0.5, X0), spread=1e-4)),
    )
    found = crossings(a, b, resamples=99)
    assert [one.size for one in found] == pytest.approx([X0 / high**2, X0 / low**2], rel=1e-3)
    assert [one.first_better_above for one in found] == [True, False]
    assert [one.measured for one in found] == [True, X0 / low**2 <= SIZES[-1]]
    assert all(one.size in one.interval for one in found)


def test_laws_that_do_not_cross_nearby() -> None:
    """0.4 + 0.1 / z and 0.4001 + 0.09 / z cross at z = 100, farther than half a decade beyond the
    sizes."""
    a = Ladder.of(even(Law(0.4, 0.1, 1, X0)))
    assert crossings(a, Ladder.of(even(Law(0.4001, 0.09, 1, X0))), resamples=9) == ()
    assert crossings(a, a, resamples=9) == ()


def test_a_vague_crossing_has_open_ends() -> None:
    a, b = Ladder.of(noisy(LAW, 4e-3, 0)), Ladder.of(noisy(replace(LAW, alpha=0.45), 4e-3, 1))
    found = crossings(a, b, resamples=99)
    assert found
    assert all(one.interval.low is None or one.interval.high is None for one in found)
