"""Prediction quality from logits, in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ECE_BINS = 15

Floats = NDArray[np.floating]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Metrics:
    """Quality of one split. `gauc` only where the data set names a group column."""

    auc: float
    logloss: float
    ne: float
    """LogLoss over the entropy of the base rate."""
    calibration: float
    """Mean predicted probability over mean label."""
    ece: float
    gauc: float | None = None


def evaluate(logit: Floats, label: Labels, group: NDArray[np.int32] | None = None) -> Metrics:
    """All metrics of logits [n] against labels [n] in {0, 1} of both classes."""
    z = logit.astype(np.float64)
    y = label.astype(np.float64)
    p = sigmoid(z)
    loss = logloss(z, label)
    base = y.mean()
    entropy = -(base * np.log(base) + (1 - base) * np.log1p(-base))
    return Metrics(
        auc=auc(z, label),
        logloss=loss,
        ne=float(loss / entropy),
        calibration=float(p.mean() / base),
        ece=expected_calibration_error(p, y),
        gauc=None if group is None else grouped_auc(z, label, group),
    )


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-z)), without overflow."""
    result: NDArray[np.float64] = np.exp(-np.logaddexp(0.0, -z))
    return result


def auc(score: Floats, label: Labels) -> float:
    """The share of (positive, negative) pairs in the right order, ties one half; integer counts until one division."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    positives_to = np.cumsum(label[order], dtype=np.int64)[ends]
    negatives_to = ends + 1 - positives_to
    positives, negatives = np.diff(positives_to, prepend=0), np.diff(negatives_to, prepend=0)
    twice_right = np.sum(positives * (2 * negatives_to - negatives))
    return float(twice_right / (2 * positives_to[-1] * negatives_to[-1]))


def logloss(logit: NDArray[np.float64], label: Labels) -> float:
    """Mean binary cross-entropy; max(z, 0) - y z + log1p(exp(-|z|)), no probability is clipped."""
    loss = np.maximum(logit, 0.0) - logit * label + np.log1p(np.exp(-np.abs(logit)))
    return float(loss.mean())


def expected_calibration_error(p: NDArray[np.float64], y: NDArray[np.float64], bins: int = ECE_BINS) -> float:
    """Mean over equal-mass bins of |mean p - mean y|, weighted by size; bins are runs of the sorted probabilities."""
    order = np.argsort(p, kind="stable")
    gaps = [abs(p[part].sum() - y[part].sum()) for part in np.array_split(order, bins)]
    return float(sum(gaps) / len(p))


def grouped_auc(score: Floats, label: Labels, group: NDArray[np.int32]) -> float | None:
    """AUC per group weighted by its rows; groups of one class are skipped, None where none is left."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=group[order[0]] - 1))
    total = rows = 0.0
    for part in np.split(order, starts[1:]):
        if 0 < label[part].sum() < len(part):
            total += auc(score[part], label[part]) * len(part)
            rows += len(part)
    return total / rows if rows else None
