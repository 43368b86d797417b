import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.metrics import Metrics
from benchmark.measure.trajectory import Band
from benchmark.records.record import Quality, StageSpectra
from benchmark.reports.rank.loss import Correlation, RankLossPoint, correlation, points, relations
from tests.factories import make_record, make_spectrum


def one(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def alike(count: int) -> np.ndarray:
    return np.zeros(count, dtype=np.int64)


def test_pearson_by_hand() -> None:
    """x = 1 2 3 4 5, y = 2 1 4 3 5: 8 / sqrt(10 * 10); z = ln(9) / 2 ± 1.96 / sqrt(2)."""
    found = correlation(one(1, 2, 3, 4, 5), one(2, 1, 4, 3, 5), alike(5), "Pearson")
    assert isinstance(found, Correlation) and found.interval is not None
    assert found.estimate == pytest.approx(0.8)
    z, half = math.log(9) / 2, 1.959963984540054 / math.sqrt(2)
    assert found.interval == pytest.approx((math.tanh(z - half), math.tanh(z + half)))


def test_spearman_by_hand() -> None:
    """Ranks as above, with the interval of Bonett & Wright: sqrt((1 + 0.64 / 2) / 2)."""
    found = correlation(one(1, 10, 11, 12, 99), one(2, 1, 4, 3, 500), alike(5), "Spearman")
    assert isinstance(found, Correlation) and found.interval is not None
    assert found.estimate == pytest.approx(0.8)
    half = 1.959963984540054 * math.sqrt(1.32 / 2)
    assert found.interval == pytest.approx(
        (math.tanh(math.atanh(0.8) - half), math.tanh(math.atanh(0.8) + half))
    )


def test_ties_share_their_rank() -> None:
    """Ranks 1.5 1.5 3 4 against 1 2 3 4: 4.5 / sqrt(4.5 * 5)."""
    found = correlation(one(1, 1, 2, 3), one(1, 2, 3, 4), alike(4), "Spearman")
    assert isinstance(found, Correlation)
    assert found.estimate == pytest.approx(4.5 / math.sqrt(22.5))


def test_pooled_within_takes_the_means_out_and_pays_for_them() -> None:
    """Within, x is -1 0 1 twice, y is -1 1 0 and -1 0 1: r = (1 + 2) / 4, its error 1 / sqrt(6 - 2
    - 2)."""
    x, y = one(1, 2, 3, 11, 12, 13), one(-1, 1, 0, 99, 100, 101)
    group = np.array([0, 0, 0, 1, 1, 1])
    found = correlation(x, y, group, "Pearson")
    assert isinstance(found, Correlation) and found.interval is not None
    assert found.estimate == pytest.approx(0.75)
    half = 1.959963984540054 / math.sqrt(2)
    assert found.interval == pytest.approx(
        (math.tanh(math.atanh(0.75) - half), math.tanh(math.atanh(0.75) + half))
    )
    across = correlation(x, y, alike(6), "Pearson")
    assert isinstance(across, Correlation) and across.estimate > 0.98


@pytest.mark.parametrize(("count", "families", "fewest"), [(3, 1, 4), (4, 2, 5), (6, 4, 7)])
def test_too_few_are_refused(count: int, families: int, fewest: int) -> None:
    group = np.arange(count) % families
    values = np.arange(count, dtype=np.float64)
    assert correlation(values, values**2, group, "Pearson") == f"too few, it takes {fewest}"


def test_what_does_not_vary_is_refused_and_a_line_has_no_interval() -> None:
    assert (
        correlation(one(0.1, 0.1, 0.1, 0.1), one(1, 2, 3, 4), alike(4), "Pearson")
        == "one of the two does not vary"
    )
    assert correlation(one(1, 2, 3, 4), one(8, 6, 4, 2), alike(4), "Pearson") == Correlation(
        -1, None
    )


@given(
    st.lists(
        st.tuples(*[st.floats(-9, 9, allow_subnormal=False)] * 2),
        min_size=5,
        max_size=9,
        unique=True,
    )
)
def test_an_interval_holds_its_estimate_and_turns_with_the_sign(pairs) -> None:
    x, y = (np.array(values) for values in zip(*pairs, strict=True))
    for kind in ("Pearson", "Spearman"):
        found, turned = (correlation(x, sign * y, alike(len(x)), kind) for sign in (1.0, -1.0))
        if isinstance(found, str):
            assert found == turned
        elif found.interval is not None:
            assert -1 <= found.interval[0] <= found.estimate <= found.interval[1] <= 1
            assert turned.estimate == pytest.approx(-found.estimate)


def run(rank: float, logloss: float, model: str = "dnn", seed: int = 0, rows: int = 6):
    test = Metrics(auc=1 - logloss, logloss=logloss, ne=0.9, calibration=1.0, ece=0.0)
    last = StageSpectra(
        stage="embedding", initial=None, best=make_spectrum(rank * min(rows, 8), rows=rows)
    )
    quality = Quality(valid=test, test=test)
    return make_record(
        spectra=(last,), metrics=quality, recipe={"model": {"name": model}, "train": {}}, seed=seed
    )


def test_a_point_is_a_recipe_whatever_its_seeds() -> None:
    recipes = {
        "b": [run(0.5, 0.4), run(0.7, 0.2, seed=1)],
        "a": [run(0.25, 0.5, "dcn")],
        "flat": [run(1.0, 0.5, "lr", rows=1)],
        "zero": [make_record(spectra=(StageSpectra(stage="embedding", initial=None, best=None),))],
    }
    found, left = points(recipes)
    assert [(point.recipe, point.family) for point in found] == [("a", "dcn"), ("b", "dnn")]
    assert found[1].rank == Band(pytest.approx(0.6), pytest.approx(0.02**0.5), 2)
    assert found[1].logloss.mean == pytest.approx(0.3)
    assert found[0].auc == Band(0.5, None, 1)
    assert left == {"flat": "its rank is 1 by its shape", "zero": "its last stage is all zero"}


def test_scopes_and_their_recipes() -> None:
    def point(family: str, number: int) -> RankLossPoint:
        value = Band((number * 7 % 5) / 10 + 0.1, None, 1)
        return RankLossPoint(f"{family}{number}", family, Band(0.1 * number, None, 1), value, value)

    found = relations(
        [
            point(family, n)
            for family, count in (("a", 4), ("b", 2), ("c", 1))
            for n in range(1, count + 1)
        ]
    )
    assert {(each.scope, each.recipes) for each in found} == {
        ("across all recipes", 7),
        ("within families, pooled", 6),
        ("within a", 4),
        ("within b", 2),
    }
    assert [(each.quality, each.kind) for each in found[:4]] == [
        ("logloss", "Pearson"),
        ("logloss", "Spearman"),
        ("auc", "Pearson"),
        ("auc", "Spearman"),
    ]
    refused = {each.scope for each in found if isinstance(each.found, str)}
    assert refused == {"within b"}


def test_no_points_no_relations_to_fail_on() -> None:
    assert all(each.found.startswith("too few") for each in relations([]))
