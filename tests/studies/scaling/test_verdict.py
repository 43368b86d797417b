"""Law or constant, and noise that differs between sizes: by hand and by small simulations."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from scipy.stats import chi2

from benchmark.measure.significance import Interval
from benchmark.studies.scaling import verdict
from benchmark.studies.scaling.law import Law, fit
from benchmark.studies.scaling.points import Ladder
from tests.studies.scaling.test_law import LAW, SIZES, X0, even


def test_a_law_is_found_and_a_rise_is_none() -> None:
    assert verdict.constant_p(Ladder.of(even(LAW)), resamples=199) == 1 / 200
    rising = Ladder.of(even(Law(0.46, -0.005, 0.5, X0)))
    statistic, _ = verdict.statistics(rising, rising.log_loss[:, None])
    assert statistic == pytest.approx(0, abs=1e-6)
    assert verdict.constant_p(rising, resamples=199) == 1
    fitted = fit(rising)
    assert fitted.law.A == 0 and fitted.alpha == Interval(None, None) and fitted.A.low == 0


def test_noise_that_differs_between_sizes() -> None:
    """Bartlett's statistic by hand, of six variances on 2 degrees of freedom, one of them 100 h^2,
    the others h^2:
    (12 ln 17.5 - 2 ln 100) / (1 + (6 / 2 - 1 / 12) / 15) = 21.04, of chi^2 with 5 degrees of
    freedom."""
    even_noise = Ladder.of(even(LAW))
    assert even_noise.noise_p == pytest.approx(1) and not even_noise.uneven
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
    assert ladder.uneven
    assert verdict.null_noise(ladder)[:, 0] == pytest.approx([1e-2] * 3 + [1e-3] * 15)


def test_one_noisy_size_makes_a_law_more_often_only_of_a_pooled_null() -> None:
    """Of flat draws whose first size has ten times the sd, those above the 5 % point of either
    null."""
    ladder = Ladder.of(even(LAW))
    sds = np.repeat([1e-2, *[1e-3] * 5], 3)[:, None]
    drawn = verdict.statistics(
        ladder, log(0.47) + sds * np.random.default_rng(0).standard_normal((18, 400))
    )[0]
    pooled, by_size = (
        np.quantile(verdict.null_statistics(ladder, log(0.47), noise, 400), 0.95)
        for noise in (4e-3, sds)
    )
    assert (drawn > pooled).mean() > 0.12 and (drawn > by_size).mean() < 0.09


def test_the_null_depends_on_the_design_alone() -> None:
    ladder = Ladder.of(even(LAW))
    quiet = verdict.null_statistics(ladder, log(0.47), 5e-4, 200)
    noisier = verdict.null_statistics(ladder, log(0.6), 5e-3, 200)
    assert np.quantile(noisier, 0.95) == pytest.approx(np.quantile(quiet, 0.95), rel=0.02)
