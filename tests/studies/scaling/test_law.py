"""Fits of laws that are known, sums by hand, brute force, and small simulations."""

from dataclasses import replace
from math import exp, inf, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import huber

from benchmark.studies.scaling import fit as solver
from benchmark.studies.scaling import verdict
from benchmark.studies.scaling.law import TAU, Law, LawFit, best_law, fit
from benchmark.studies.scaling.points import Ladder, NotFitted, Point

SIZES = tuple(1e5 * 2.0**step for step in range(6))
X0 = 1e5 * 2**2.5
LAW = Law(0.46, 0.005, 0.5, X0)


def even(law: Law, sizes=SIZES, spread: float = 1e-3) -> list[Point]:
    """Three seeds a size whose log losses lie evenly about the law: its pooled sd is the spread,
    its best fit exact."""
    return [
        Point(size, seed, float(law.at(size)) * exp(spread * (seed - 1)))
        for size in sizes
        for seed in range(3)
    ]


def noisy(law: Law, spread: float, seed: int, seeds: int = 3) -> list[Point]:
    random = np.random.default_rng(seed)
    noise = spread * random.standard_normal((len(SIZES), seeds))
    return [
        Point(size, at, float(law.at(size)) * exp(noise[row, at]))
        for row, size in enumerate(SIZES)
        for at in range(seeds)
    ]


def flat(value: LawFit) -> tuple[float, ...]:
    ends = [
        end for interval in (value.E, value.A, value.alpha) for end in (interval.low, interval.high)
    ]
    numbers = (
        value.law.E,
        value.law.A,
        value.law.alpha,
        value.noise,
        value.r2,
        value.held_out,
        value.misfit,
        *ends,
    )
    return tuple(inf if number is None else number for number in numbers)


@pytest.mark.parametrize(
    "law", [LAW, Law(0.1, 10, 1, X0), Law(0.3, 0.2, 3, X0), Law(0.2, 0.3, 0.05, X0)]
)
def test_exact_data(law) -> None:
    found = fit(Ladder.of(even(law)))
    assert (found.law.E, found.law.A, found.law.alpha) == pytest.approx(
        (law.E, law.A, law.alpha), rel=1e-6
    )
    assert found.law.x0 == pytest.approx(X0, rel=1e-12)
    assert found.noise == pytest.approx(1e-3, rel=1e-9)
    assert found.freedom == 12
    assert found.held_out == pytest.approx(0, abs=1e-5)
    assert found.misfit == pytest.approx(1)
    assert law.alpha in found.alpha and law.E in found.E and law.A in found.A


@given(
    st.floats(0, 0.6), st.floats(0.01, 1), st.floats(0.05, 3), st.floats(0.2, 2), st.integers(4, 8)
)
@settings(max_examples=25, deadline=None)
def test_noise_free_losses_are_met(E, A, alpha, step, count) -> None:
    log_ratio = step * (np.arange(count) - (count - 1) / 2)
    log_loss = np.log(E + A * np.exp(-alpha * log_ratio))
    fitted = solver.fit(log_loss[:, None], log_ratio, np.array([1e-3]), zooms=14)
    E, A, alpha, lowest = (float(value[0]) for value in fitted)
    assert np.log(E + A * np.exp(-alpha * log_ratio)) == pytest.approx(log_loss, abs=1e-6)
    assert lowest < 1e-10


def test_pure_power_has_no_floor() -> None:
    found = fit(Ladder.of(even(Law(0, 0.5, 0.2, X0))))
    assert found.law.E < 1e-5
    assert found.E.low == 0


def test_a_floor_is_identified_where_it_is_known_closer_than_the_loss_falls() -> None:
    """The falls: 0.1 (2^1.25 - 2^-1.25) = 0.19580, and 0.012 ln 2 5/2 = 0.0208 of seeds 0.004
    apart."""
    far = fit(Ladder.of(even(Law(0.4, 0.1, 0.5, X0))))
    assert far.fall == pytest.approx(0.19580, abs=1e-4) and far.identified and far.bounded
    near = fit(Ladder.of(even(Law(0.4, 0.06, 0.1, X0), spread=4e-3)))
    assert near.E.low == 0 and near.E.high - near.E.low > near.fall and not near.identified


def test_the_objective_is_hubers_sum_by_hand() -> None:
    """Of 0, 0 and 10 at delta 1, Huber's location is 0.5: residuals 0.5 twice and 9.5, so a sum of
    0.125 + 0.125 + 9."""
    location, lowest = solver.fit_constant(np.array([[0.0], [0.0], [10.0]]), np.array([1 / 1.345]))
    assert (location[0], lowest[0]) == pytest.approx((0.5, 9.25))


def test_the_tau_constant_is_that_of_draws() -> None:
    draws = np.random.default_rng(0).standard_normal(400_000)
    clipped = np.clip(draws, -1.345, 1.345)
    assert pytest.approx(np.mean(clipped**2) / np.mean(np.abs(draws) < 1.345), rel=0.01) == TAU


@pytest.mark.parametrize("seed", range(2))
def test_no_better_law_is_found_by_brute_force(seed) -> None:
    ladder = Ladder.of(noisy(LAW, 2e-3, seed))
    _, objective = best_law(ladder, ladder.noise)

    def loss(values) -> float:
        fitted = exp(values[0]) + np.exp(values[1] - exp(values[2]) * ladder.log_ratio)
        return float(huber(1.345 * ladder.noise, np.log(fitted) - ladder.log_loss).sum()) * 1e6

    starts = [
        (log(E), log(A), log(alpha))
        for E in (0.4, 0.46)
        for A in (0.005, 0.05)
        for alpha in (0.1, 0.5, 1)
    ]
    options = {"maxiter": 4000, "maxfev": 4000, "xatol": 1e-9, "fatol": 1e-9}
    best = min(minimize(loss, start, method="Nelder-Mead", options=options).fun for start in starts)
    assert objective * 1e6 <= best * (1 + 1e-6)


def test_interval_ends_have_the_deviance_of_the_quantile() -> None:
    """4.747225 is the 95 % quantile of F(1, 12); E's lower end is where no law with that E comes
    closer."""
    ladder = Ladder.of(noisy(LAW, 6e-4, 1))
    found = fit(ladder)
    _, lowest = best_law(ladder, ladder.noise)
    delta, border = np.array(1.345 * ladder.noise), lowest + TAU * 4.747225 * ladder.noise**2 / 2
    for end in (found.alpha.low, found.alpha.high):
        _, _, reached = solver.fit_at(
            ladder.log_loss[:, None], ladder.log_ratio, np.array([ladder.noise]), np.array([end])
        )
        assert reached[0] == pytest.approx(border, rel=1e-5)

    def nearest(E: float) -> float:
        def loss(values) -> float:
            fitted = E + np.exp(values[0] - exp(values[1]) * ladder.log_ratio)
            return float(huber(delta, np.log(fitted) - ladder.log_loss).sum()) * 1e6

        start = (log(found.law.at(X0) - E), log(found.law.alpha))
        options = {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-9}
        return float(minimize(loss, start, method="Nelder-Mead", options=options).fun) / 1e6

    width = found.E.high - found.E.low
    for end, outward in ((found.E.low, -width), (found.E.high, width)):
        assert nearest(end - 0.01 * outward) < border < nearest(end + 0.01 * outward)


def test_bands_hold_the_law_and_widen_beyond_the_sizes() -> None:
    found = fit(Ladder.of(noisy(LAW, 6e-4, 2)))
    sizes = np.array([*SIZES, 1e8])
    low, high = found.band(sizes)
    assert (low < found.law.at(sizes)).all() and (found.law.at(sizes) < high).all()
    assert (high - low)[-1] > 2 * (high - low)[3]


@given(st.floats(1e-3, 1e6), st.permutations(range(18)), st.integers(0, 5))
@settings(max_examples=4, deadline=None)
def test_units_of_size_and_order_of_points_do_not_matter(unit, order, seed) -> None:
    points = noisy(LAW, 6e-4, seed)
    base = flat(fit(Ladder.of(points)))
    assert flat(fit(Ladder.of([points[at] for at in order]))) == base
    scaled = [replace(point, size=point.size * unit) for point in points]
    assert flat(fit(Ladder.of(scaled))) == pytest.approx(base, rel=1e-4, abs=1e-7)


def test_seeds_may_be_more_at_some_sizes() -> None:
    """Pooled variance by hand: five sizes of variance h^2 on 2, one of 2.5 h^2 on 4 degrees of
    freedom."""
    points = even(LAW)
    points = [point for point in points if point.size != SIZES[0]]
    points += [
        Point(SIZES[0], seed, float(LAW.at(SIZES[0])) * exp(1e-3 * (seed - 2))) for seed in range(5)
    ]
    found = fit(Ladder.of(points))
    assert found.noise == pytest.approx(1e-3 * sqrt((5 * 2 + 4 * 2.5) / 14), rel=1e-9)
    assert (found.law.E, found.law.alpha) == pytest.approx((0.46, 0.5), rel=1e-6)


def test_held_out_error_has_its_sign() -> None:
    """The law of the first five sizes, the sixth 1 % below it: predicted 1 / 0.99 - 1 too high."""
    points = [replace(p, loss=p.loss * 0.99) if p.size == SIZES[-1] else p for p in even(LAW)]
    found = fit(Ladder.of(points))
    assert found.held_out == pytest.approx(1 / 0.99 - 1, rel=1e-3)
    fifth, sixth = (float(LAW.at(size)) for size in SIZES[-2:])
    assert found.missed == pytest.approx(0.01 * sixth, rel=1e-2)
    assert found.last_fall == pytest.approx(fifth - 0.99 * sixth, rel=1e-2)
    assert found.misfit < 1e-4 and found.rejected


@pytest.mark.parametrize(
    "means",
    [(0.480, 0.474, 0.470, 0.469, 0.471, 0.475), (0.475, 0.470, 0.474, 0.469, 0.473, 0.470)],
)
def test_a_valley_and_a_zigzag_are_no_law(means) -> None:
    points = [
        Point(size, seed, mean + 1e-3 * (seed - 1))
        for size, mean in zip(SIZES, means, strict=True)
        for seed in range(3)
    ]
    assert fit(Ladder.of(points)).rejected


def test_a_step_after_the_first_size_bounds_the_exponent_from_one_side() -> None:
    points = [
        Point(size, seed, (0.48 if size == SIZES[0] else 0.47) + 5e-4 * (seed - 1))
        for size in SIZES
        for seed in range(3)
    ]
    found = fit(Ladder.of(points))
    assert not found.rejected and not found.bounded
    assert found.law.alpha > 4.9 and found.alpha.high is None and found.alpha.low > 1


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "0 sizes"),
        (even(LAW, SIZES[:4]), "4 sizes that are 5% apart: a law is fitted to at least 5"),
        ([replace(p, size=1e5, seed=at) for at, p in enumerate(even(LAW))], "1 sizes"),
        (even(LAW, [*SIZES[:4], SIZES[3] * 1.04, SIZES[3] * 1.045]), "4 sizes that are 5% apart"),
        ([p for p in even(LAW) if p.seed == 0], "1 seeds at size 100000"),
        ([p for p in even(LAW) if p.seed < 2 or p.size > 1e5], "2 seeds at size 100000"),
        (even(LAW, [1e5 * 1.5**step for step in range(6)]), "span 0.88 decades"),
        (even(LAW, spread=0), "without seed noise"),
    ],
)
def test_designs_that_carry_no_fit(points, message) -> None:
    with pytest.raises(NotFitted, match=message):
        Ladder.of(points)


@pytest.mark.parametrize(
    "change", [{"loss": value} for value in (nan, inf, 0.0, -1.0)] + [{"size": 0}, {"size": nan}]
)
def test_points_that_are_no_measurements(change) -> None:
    points = even(LAW)
    points[4] = replace(points[4], **change)
    with pytest.raises(ValueError, match="must be above 0") as error:
        Ladder.of(points)
    assert not isinstance(error.value, NotFitted)


def test_a_seed_that_stands_twice() -> None:
    with pytest.raises(NotFitted, match="size 100000, seed 0 stands twice"):
        Ladder.of([*even(LAW), even(LAW)[0]])


def test_the_same_words_give_the_same_bits() -> None:
    ladder = Ladder.of(noisy(Law(0.46, 0, 0.5, X0), 1e-3, 4))
    assert verdict.constant_p(ladder, 99) == verdict.constant_p(ladder, 99)
    assert verdict.constant_p(ladder, 99, seed=1) != verdict.constant_p(ladder, 99)
    assert fit(ladder) == fit(ladder)


def test_small_simulation() -> None:
    """400 draws: with 95 % truly, fewer than 92 % or more than 98 % come up in less than 1 % of
    seeds."""
    ladder = Ladder.of(even(LAW))
    random = np.random.default_rng(3)
    noise = 6e-4 * random.standard_normal((18, 400))
    drawn = np.log(LAW.at(ladder.size))[:, None] + noise
    pooled = ladder.noise_of(drawn)
    *_, lowest = solver.fit(drawn, ladder.log_ratio, pooled, 4)
    _, _, at_truth = solver.fit_at(drawn, ladder.log_ratio, pooled, np.full(400, LAW.alpha))
    holds = 2 * (at_truth - lowest) / pooled**2 / TAU <= 4.747225
    assert 0.92 <= holds.mean() <= 0.98
    fits = [fit(replace(ladder, log_loss=drawn[:, at])) for at in range(8)]
    assert [LAW.alpha in one.alpha for one in fits] == list(holds[:8])
    null = verdict.null_statistics(ladder, log(0.47), 4e-3, 400, seed=5)
    flat_draws = verdict.statistics(ladder, log(0.47) + noise)[0]
    assert (flat_draws <= np.quantile(null, 0.95)).mean() >= 0.92
