"""What makes a run doubtful although it ended: warnings that follow from its record."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.records import scores
from benchmark.records.record import Record
from benchmark.records.scores import KeptScores


def doubts(record: Record, kept: KeptScores) -> Iterator[str]:
    """Yield the warnings of a run, one line each."""
    quality, curve = record.metrics, record.curve
    if quality.calibrated.ne > 1:
        loss = f"test LogLoss {quality.calibrated.logloss:.5f} is above that of the base rate"
        yield f"{loss} (NE {quality.calibrated.ne:.3f}): its probabilities are worse than none"
    if len(curve) > 1 and record.stopped_by == "epochs" and curve[-1].improved:
        yield "it ended at train.epochs while still improving: raise train.epochs"
    if len(curve) > 1 and not any(point.improved for point in curve[1:]):
        yield "validation never improved after the first evaluation: lower train.learning_rate"
    logit, _ = scores.labelled(kept.best)
    if like_probabilities(logit):
        yield "every test score lies between 0 and 1: forward must return logits, not probabilities"


def like_probabilities(logit: NDArray[np.floating[Any]]) -> bool:
    """Whether outputs look like probabilities, a heuristic: all lie strictly between 0 and 1."""
    return bool(np.all((logit > 0) & (logit < 1)))
