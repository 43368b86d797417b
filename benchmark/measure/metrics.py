"""Prediction quality from logits, in float64.

AUC and ECE are computed from two sorted arrays, the scores of all rows and those of the positives:
sorting values is several times faster than sorting rows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.utils.arrays import Floats, Ids, Labels, Vector

ECE_BINS = 15
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
CHUNK = 2**17
"""Rows whose float64 losses are held and summed at a time."""


@dataclass(frozen=True)
class Metrics:
    """Quality of one split: NE is LogLoss over the entropy of the base rate, calibration the mean
    predicted probability over the mean label; `gauc` is None without group column."""

    auc: float
    logloss: float
    ne: float
    calibration: float
    ece: float
    gauc: float | None = None


def evaluate(logit: Floats, label: Labels, group: Ids | None = None) -> Metrics:
    """All metrics of finite logits [n] against labels [n] in {0, 1} of both classes.
    Example::

        logit = np.array([-1.0, 0.5, 2.0], np.float32)
        evaluate(logit, np.array([0, 1, 1], np.uint8)).auc       # 1.0
    """
    ranked, positive = np.sort(logit), np.sort(logit[label == 1])
    loss = logloss(logit, label)
    predicted, clicked = _bins(ranked, positive)
    return Metrics(
        auc=_auc(ranked, positive),
        logloss=loss,
        ne=loss / base_entropy(len(positive), len(ranked)),
        calibration=float(predicted.sum() / len(positive)),
        ece=float(np.abs(predicted - clicked).sum() / len(ranked)),
        gauc=None if group is None else grouped_auc(logit, label, group),
    )


def base_entropy(positives: int, rows: int) -> float:
    """The LogLoss of predicting the base rate, in nats: the divisor of NE."""
    base = positives / rows
    return float(-(base * np.log(base) + (1 - base) * np.log1p(-base)))


def sigmoid(z: Floats) -> Vector:
    """1 / (1 + exp(-z)), without overflow."""
    result: Vector = np.exp(-np.logaddexp(0.0, -z.astype(np.float64)))
    return result


def auc(score: Floats, label: Labels) -> float:
    """The share of (positive, negative) pairs in the right order, a tie counting one half. Counts
    are integers until one division."""
    return _auc(np.sort(score), np.sort(score[label == 1]))


def logloss(logit: Floats, label: Labels) -> float:
    """Mean binary cross-entropy, max(z, 0) - y z + log1p(exp(-|z|)); no probability is clipped."""
    total = 0.0
    for start in range(0, len(logit), CHUNK):
        z, y = logit[start : start + CHUNK].astype(np.float64), label[start : start + CHUNK]
        total += float(np.sum(np.maximum(z, 0.0) - z * y + np.log1p(np.exp(-np.abs(z)))))
    return total / len(logit)


def grouped_auc(score: Floats, label: Labels, group: Ids) -> float | None:
    """AUC per group weighted by its rows; groups of one class are skipped, None if all are."""
    order = np.lexsort((score, group))
    z, y, g = score[order], label[order].astype(np.int64), group[order]
    new_group = np.append(True, g[1:] != g[:-1])
    ties = np.flatnonzero(new_group | np.append(True, z[1:] != z[:-1]))
    positives = np.add.reduceat(y, ties)
    negatives = np.diff(ties, append=len(y)) - positives
    below = np.cumsum(negatives) - negatives
    groups = np.flatnonzero(new_group[ties])
    positive, negative = np.add.reduceat(positives, groups), np.add.reduceat(negatives, groups)
    twice_right = np.add.reduceat(positives * (2 * below + negatives), groups)
    twice_right -= 2 * positive * below[groups]
    pairs, rows = positive * negative, positive + negative
    mixed = pairs > 0
    if not mixed.any():
        return None
    return float(np.sum(twice_right[mixed] / (2 * pairs[mixed]) * rows[mixed]) / rows[mixed].sum())


def auc_error(auc: float, positives: int, rows: int) -> float:
    """Standard error of an AUC of independent rows (Hanley & McNeil 1982)."""
    negatives = rows - positives
    both_below, both_above = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (both_below - auc**2)
    variance += (negatives - 1) * (both_above - auc**2)
    return float(np.sqrt(variance / (positives * negatives)))


def _auc(ranked: Floats, positive: Floats) -> float:
    """Mann-Whitney: ranks of the positives among all rows, less those among themselves."""
    below = int(np.searchsorted(ranked, positive, "left").sum())
    not_above = int(np.searchsorted(ranked, positive, "right").sum())
    positives, negatives = len(positive), len(ranked) - len(positive)
    return (below + not_above - positives**2) / (2 * positives * negatives)


def _bins(ranked: Floats, positive: Floats) -> tuple[Vector, Vector]:
    """Sums of predicted probabilities and of labels [ECE_BINS] over bins of equal size. Rows of one
    score that a bin edge divides give both sides the same share of positives."""
    parts = np.array_split(ranked, ECE_BINS)
    predicted = np.array([sigmoid(part).sum() for part in parts])
    edge = np.cumsum([len(part) for part in parts])
    score = ranked[edge - 1]
    low, high = (np.searchsorted(ranked, score, side) for side in _SIDES)
    below, through = (np.searchsorted(positive, score, side) for side in _SIDES)
    clicked = below + (through - below) * (edge - low) / (high - low)
    return predicted, np.diff(clicked, prepend=0.0)
