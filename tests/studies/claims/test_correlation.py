import numpy as np
import pytest

from benchmark.studies.claims.correlation import spearman

STEPS = [[mean - 0.1, mean, mean + 0.1] for mean in (1.0, 2.0, 3.0, 4.0, 5.0)]
SHUFFLED = [STEPS[place] for place in (1, 0, 3, 2, 4)]
NOISE = [[mean - 9, mean, mean + 9] for mean in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_the_coefficient_is_of_the_means_of_the_units() -> None:
    """Ranks 1 to 5 against 2, 1, 4, 3, 5: 1 - 6 * 4 / 120."""
    found = spearman(STEPS, SHUFFLED)
    assert (found.value, found.n) == (pytest.approx(0.8), 5)
    half = 1.959963984540054 * np.sqrt(1.32 / 2)
    assert (np.arctanh(found.low), np.arctanh(found.high)) == pytest.approx(
        (np.arctanh(0.8) - half, np.arctanh(0.8) + half)
    )


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (STEPS[:3], STEPS[:3], "too few, it takes 4"),
        (NOISE, SHUFFLED, "their rank does not vary beyond its seeds"),
        (SHUFFLED, NOISE, "their quality does not vary beyond its seeds"),
        (STEPS, [[1.0] * 3] * 5, "their quality does not vary beyond its seeds"),
        (STEPS, STEPS, "all are in line"),
        (STEPS, STEPS[::-1], "all are in line"),
    ],
)
def test_where_there_is_none_the_reason_is_said(x, y, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        spearman(x, y)


def test_units_whose_means_are_noise_are_mostly_refused() -> None:
    """By the F test, 5 % of them are not; both must pass it."""
    random = np.random.default_rng(0)
    judged = 0
    for _ in range(400):
        x, y = random.standard_normal((2, 6, 3)).tolist()
        try:
            spearman(x, y)
        except ValueError:
            continue
        judged += 1
    assert judged <= 4
