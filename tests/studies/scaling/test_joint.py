"""The joint fit of a law that is known."""

from dataclasses import replace
from math import exp, nan

import pytest

from benchmark.studies.scaling.joint import fit_joint
from benchmark.studies.scaling.points import JointPoint, NotFitted


def grid_points(spread: float) -> list[JointPoint]:
    parameters, rows = [1e4 * 2**step for step in range(6)], [5e4 * 2**step for step in range(5)]
    return [
        JointPoint(
            n,
            r,
            seed,
            (0.45 + 0.005 * (n / 5e4) ** -0.5 + 0.02 * (r / 2e5) ** -0.4)
            * exp(spread * (seed - 1)),
        )
        for n in parameters
        for r in rows
        for seed in range(3)
        if n == parameters[3] or r == rows[-1]
    ]


def test_joint_fit_of_exact_data() -> None:
    found = fit_joint(grid_points(1e-4)[::-1])
    law = found.law
    assert (law.E, law.alpha, law.beta) == pytest.approx((0.45, 0.5, 0.4), rel=1e-6)
    expected = 0.45 + 0.005 * (1e6 / 5e4) ** -0.5 + 0.02 * (1e7 / 2e5) ** -0.4
    assert float(law.at(1e6, 1e7)) == pytest.approx(expected, rel=1e-6)
    assert found.E.low < 0.45 < found.E.high and found.identified and not found.rejected
    assert found.fall_of_parameters == pytest.approx(
        0.005 * ((1e4 / 5e4) ** -0.5 - (3.2e5 / 5e4) ** -0.5)
    )
    assert found.fall_of_rows == pytest.approx(0.02 * ((5e4 / 2e5) ** -0.4 - (8e5 / 2e5) ** -0.4))
    assert (
        found.noise == pytest.approx(1e-4, rel=1e-6)
        and found.freedom == 20
        and found.misfit == pytest.approx(1)
    )


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda p: p.rows > 1e5, "3 sizes of rows that are 5% apart"),
        (lambda p: p.parameters > 5e4, "3 sizes of parameters"),
        (lambda p: p.seed > 0, "2 seeds of a pair"),
        (lambda p: p.rows < 8e5 or p.parameters > 5e4, "3 sizes of parameters"),
        (lambda p: p.rows > 5e4, "rows span 0.90 decades"),
    ],
)
def test_joint_designs_that_carry_no_fit(keep, message) -> None:
    with pytest.raises(NotFitted, match=message):
        fit_joint([point for point in grid_points(1e-3) if keep(point)])


def test_joint_points_that_are_no_measurements() -> None:
    points = grid_points(1e-3)
    with pytest.raises(ValueError, match="above 0"):
        fit_joint([replace(points[0], loss=nan), *points[1:]])
    with pytest.raises(NotFitted, match="twice"):
        fit_joint([points[0], *points])


def test_a_joint_law_that_the_data_reject() -> None:
    """Half the rows double the loss's fall."""
    points = [replace(p, loss=p.loss + 0.01) if p.rows == 1e5 else p for p in grid_points(1e-3)]
    assert fit_joint(points).rejected


def test_a_constant_has_no_floor_of_its_own() -> None:
    """Exponents near 0 make a constant of any part, so E may be anything up to the loss."""
    law = {
        (p.parameters, p.rows, p.seed): 0.46 * exp(5e-3 * (p.seed - 1)) for p in grid_points(1e-3)
    }
    found = fit_joint([JointPoint(*key, loss) for key, loss in law.items()])
    assert found.E.low == 0 and not found.identified
    assert 0.455 < found.E.high < 0.465
