import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from benchmark.measure import metrics

rows = st.lists(
    st.tuples(st.sampled_from([-9.0, -1.5, -0.25, 0.0, 0.5, 0.5000001, 2.0, 8.0]), st.integers(0, 1)), min_size=2
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
    assert metrics.auc(*arrays(shuffled)) == metrics.auc(*arrays(pairs))


def test_ties_count_one_half() -> None:
    assert metrics.auc(np.array([1.0, 1.0, 0.0, 2.0]), np.array([1, 0, 0, 0], dtype=np.uint8)) == 0.5


def test_logloss_does_not_overflow() -> None:
    logit = np.array([1000.0, -1000.0])
    assert metrics.logloss(logit, np.array([0, 1], dtype=np.uint8)) == 1000.0
    assert metrics.logloss(logit, np.array([1, 0], dtype=np.uint8)) == 0.0


def test_all_metrics_by_hand() -> None:
    logit = np.log(np.array([0.2, 0.6, 0.5]) / np.array([0.8, 0.4, 0.5]))
    found = metrics.evaluate(logit, np.array([0, 1, 0], dtype=np.uint8))
    loss = -(math.log(0.8) + math.log(0.6) + math.log(0.5)) / 3
    entropy = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
    assert found.auc == 1.0
    assert found.logloss == pytest.approx(loss, rel=1e-14)
    assert found.ne == pytest.approx(loss / entropy, rel=1e-14)
    assert found.calibration == pytest.approx(1.3, rel=1e-14)
    assert found.ece == pytest.approx((0.2 + 0.4 + 0.5) / 3, rel=1e-14)
    assert found.gauc is None


def test_grouped_auc_weights_by_rows_and_skips_single_classes() -> None:
    score = np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.4, 0.7])
    label = np.array([0, 1, 0, 1, 1, 1, 0], dtype=np.uint8)
    group = np.array([5, 5, 2, 2, 2, 9, 9], dtype=np.int32)
    expected = (2 * 1.0 + 3 * 0.0 + 2 * 0.0) / 7
    assert metrics.grouped_auc(score, label, group) == pytest.approx(expected)
    assert metrics.grouped_auc(score[5:6], label[5:6], group[5:6]) is None
