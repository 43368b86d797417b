import pytest

from benchmark.measure.metrics import Metrics
from benchmark.recipes.recipe import Train
from benchmark.training.monitor import Plateau


def valid(auc: float, logloss: float) -> Metrics:
    return Metrics(auc=auc, logloss=logloss, ne=1.0, calibration=1.0, ece=0.0)


def test_plateau_follows_the_published_protocol() -> None:
    plateau = Plateau(
        Train(monitor="logloss", patience=2, plateau_factor=0.1, min_learning_rate=5e-5)
    )
    rates = [1e-3]
    seen = []
    for value in (0.5, 0.4, 0.4, 0.3, 0.31, 0.3 - 1e-7):
        seen.append((plateau.improved(valid(0.5, value)), plateau.exhausted))
        rates.append(plateau.next_rate(rates[-1]))
    assert seen == [
        (("logloss",), False),
        (("logloss",), False),
        ((), False),
        (("logloss",), False),
        ((), False),
        ((), True),
    ]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 5e-5, 5e-5])


def test_both_monitors_must_be_exhausted() -> None:
    plateau = Plateau(Train(monitor="both", patience=2))
    quality = [(0.5, 0.5), (0.6, 0.6), (0.6, 0.4), (0.7, 0.5), (0.6, 0.5), (0.6, 0.5)]
    improved = [plateau.improved(valid(*each)) for each in quality]
    assert improved == [("auc", "logloss"), ("auc",), ("logloss",), ("auc",), (), ()]
    assert plateau.exhausted


def test_the_difference_is_a_monitor() -> None:
    plateau = Plateau(Train(monitor="auc-logloss"))
    assert plateau.improved(valid(0.6, 0.5)) == ("auc-logloss",)
    assert plateau.improved(valid(0.7, 0.65)) == ()
    assert plateau.improved(valid(0.55, 0.4)) == ("auc-logloss",)
