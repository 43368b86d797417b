import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from benchmark.measure import metrics

rows = st.lists(
    st.tuples(
        st.sampled_from([-9.0, -1.5, -0.25, 0.0, 0.5, 0.5000001, 2.0, 8.0]), st.integers(0, 1)
    ),
    min_size=2,
).filter(lambda pairs: 0 < sum(y for _, y in pairs) < len(pairs))


def arrays(pairs):
    logit, label = zip(*pairs, strict=True)
    return np.array(logit), np.array(label, dtype=np.uint8)


@given(rows)
def test_auc_is_that_of_scikit_learn(pairs) -> None:
    logit, label = arrays(pairs)
    assert metrics.auc(logit, label) == pytest.approx(roc_auc_score(label, logit), abs=1e-12)


@given(rows)
def test_logloss_is_that_of_scikit_learn(pairs) -> None:
    logit, label = arrays(pairs)
    expected = log_loss(label, 1 / (1 + np.exp(-logit)))
    assert metrics.logloss(logit, label) == pytest.approx(expected, abs=1e-12)


@given(rows, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(pairs, random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    result, expected = metrics.evaluate(*arrays(shuffled)), metrics.evaluate(*arrays(pairs))
    assert (result.auc, result.ece, result.calibration) == (
        expected.auc,
        expected.ece,
        expected.calibration,
    )
    assert result.logloss == pytest.approx(expected.logloss, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_rows_are_those_of_scikit_learn(dtype) -> None:
    rows = metrics.CHUNK + 70_000
    generator = np.random.default_rng(5)
    logit = np.clip(generator.normal(-1, 3, rows), -10, 10).astype(dtype)
    logit[::7] = logit[0]
    probability = 1 / (1 + np.exp(-logit.astype(np.float64)))
    label = (generator.random(rows) < probability).astype(np.uint8)
    assert metrics.auc(logit, label) == pytest.approx(roc_auc_score(label, logit), abs=1e-12)
    assert metrics.logloss(logit, label) == pytest.approx(log_loss(label, probability), abs=1e-12)


@pytest.mark.parametrize("size", [10.5, 20.0, 36.5, 40.0, 300.0, 700.0])
def test_logloss_of_a_large_logit_is_that_of_500_digits(size: float) -> None:
    for logit, label in [(size, 0), (size, 1), (-size, 0), (-size, 1)]:
        with mpmath.workdps(500):
            expected = float(mpmath.log(1 + mpmath.exp(-logit if label else logit)))
        result = metrics.logloss(np.array([logit]), np.array([label], dtype=np.uint8))
        assert result == pytest.approx(expected, rel=1e-12, abs=0)


def test_the_error_of_an_auc_of_chance_is_that_of_the_rank_sum() -> None:
    for positives, negatives in ((2, 2), (30, 500)):
        variance = (positives + negatives + 1) / (12 * positives * negatives)
        assert metrics.auc_error(0.5, positives, positives + negatives) == pytest.approx(
            math.sqrt(variance)
        )


def test_the_error_of_an_auc_is_near_its_spread() -> None:
    """Exponential scores, for which Hanley & McNeil's formula is exact."""
    random, found = np.random.default_rng(0), []
    label = np.repeat(np.array([1, 0], np.uint8), [40, 160])
    for _ in range(2000):
        score = np.concatenate([random.exponential(3.0, 40), random.exponential(1.0, 160)])
        found.append(metrics.auc(score, label))
    assert metrics.auc_error(0.75, 40, 200) == pytest.approx(np.std(found), rel=0.05)


def test_ties_count_one_half() -> None:
    assert (
        metrics.auc(np.array([1.0, 1.0, 0.0, 2.0]), np.array([1, 0, 0, 0], dtype=np.uint8)) == 0.5
    )


def test_logloss_does_not_overflow() -> None:
    logit = np.array([1000.0, -1000.0])
    assert metrics.logloss(logit, np.array([0, 1], dtype=np.uint8)) == 1000.0
    assert metrics.logloss(logit, np.array([1, 0], dtype=np.uint8)) == 0.0


def test_all_metrics_by_hand() -> None:
    logit = np.log(np.array([0.2, 0.6, 0.5]) / np.array([0.8, 0.4, 0.5]))
    result = metrics.evaluate(logit, np.array([0, 1, 0], dtype=np.uint8))
    loss = -(math.log(0.8) + math.log(0.6) + math.log(0.5)) / 3
    entropy = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
    assert result.auc == 1.0
    assert result.logloss == pytest.approx(loss, rel=1e-14)
    assert result.ne == pytest.approx(loss / entropy, rel=1e-14)
    assert result.calibration == pytest.approx(1.3, rel=1e-14)
    assert result.ece == pytest.approx((0.2 + 0.4 + 0.5) / 3, rel=1e-14)
    assert result.gauc is None


def test_bins_of_the_calibration_error_by_hand() -> None:
    logit = np.log(np.arange(1.0, 31.0))  # two rows a bin
    label = np.array([1, 0] * 15, dtype=np.uint8)
    expected = sum(abs(k / (k + 1) + (k + 1) / (k + 2) - 1) for k in range(1, 30, 2)) / 30
    assert metrics.evaluate(logit, label).ece == pytest.approx(expected, rel=1e-13)
    assert metrics.evaluate(logit[::-1], label[::-1]).ece == pytest.approx(expected, rel=1e-13)


def test_rows_of_one_score_share_their_positives_among_bins() -> None:
    label = np.array([1] * 12 + [0] * 28, dtype=np.uint8)
    result = metrics.evaluate(np.zeros(40, dtype=np.float32), label)
    assert result.ece == pytest.approx(abs(0.5 - 0.3), rel=1e-13)


@given(rows, st.integers(1, 4))
def test_grouped_auc_is_the_weighted_mean_of_the_groups(pairs, groups: int) -> None:
    score, label = arrays(pairs)
    group = np.arange(len(score), dtype=np.int32) ** 2 % (groups + 1)
    parts = [(score[group == g], label[group == g]) for g in np.unique(group)]
    both = [(z, y) for z, y in parts if 0 < y.sum() < len(y)]
    result = metrics.grouped_auc(score, label, group)
    if not both:
        assert result is None
        return
    weights = [len(y) for _, y in both]
    assert result == pytest.approx(
        np.average([roc_auc_score(y, z) for z, y in both], weights=weights), abs=1e-12
    )


def test_grouped_auc_weights_by_rows_and_skips_single_classes() -> None:
    score = np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.4, 0.7])
    label = np.array([0, 1, 0, 1, 1, 1, 0], dtype=np.uint8)
    group = np.array([5, 5, 2, 2, 2, 9, 9], dtype=np.int32)
    expected = (2 * 1.0 + 3 * 0.0 + 2 * 0.0) / 7
    assert metrics.grouped_auc(score, label, group) == pytest.approx(expected)
    assert metrics.grouped_auc(score[5:6], label[5:6], group[5:6]) is None
