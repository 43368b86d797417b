"""AUC and LogLoss of many rows beside scikit-learn's on the same probabilities, and the spectra of
a probe."""

import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from benchmark.measure import metrics
from benchmark.measure.spectrum import BatchCollector, StageCollector
from benchmark.speed.measurements import Figures, new_figures
from benchmark.utils.types import Notify

T = TypeVar("T")


def measure(rows: int, repeats: int, notify: Notify) -> Figures:
    """Interleaved repeats in this process."""
    generator = np.random.default_rng(0)
    logit = np.clip(generator.normal(-1.2, 1.6, rows), -10, 10).astype(np.float32)
    probability = metrics.sigmoid(logit)
    label = (generator.random(rows) < probability).astype(np.uint8)
    stage = generator.normal(size=(4096, 26, 30)).astype(np.float32)
    ours, whole, theirs, token, batch = [], [], [], [], []
    for repeat in range(1, repeats + 1):
        notify(f"measuring, {repeat} of {repeats}")
        seconds, expected = _timed(
            lambda: (roc_auc_score(label, probability), log_loss(label, probability))
        )
        theirs.append(seconds)
        seconds, values = _timed(lambda: (metrics.auc(logit, label), metrics.logloss(logit, label)))
        ours.append(seconds)
        whole.append(_timed(lambda: metrics.evaluate(logit, label))[0])
        token.append(_timed(lambda: _spectra(StageCollector(), stage))[0])
        batch.append(_timed(lambda: _spectra(BatchCollector(), stage))[0])
    figures = {
        "auc_logloss_ms": 1000 * median(ours),
        "sklearn_ms": 1000 * median(theirs),
        "auc_logloss_over_sklearn": median(a / b for a, b in zip(ours, theirs, strict=True)),
        "evaluate_over_sklearn": median(a / b for a, b in zip(whole, theirs, strict=True)),
        "auc_difference": abs(values[0] - expected[0]),
        "logloss_difference": abs(values[1] - expected[1]),
        "token_spectra_4096x26x30_ms": 1000 * median(token),
        "batch_spectra_4096x26x30_ms": 1000 * median(batch),
    }
    return new_figures("metrics", f"{rows:,} rows", figures, threads=1, repeats=repeats)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _spectra(collector: StageCollector | BatchCollector, x: NDArray[np.float32]) -> object:
    collector.add("tokens", x)
    return collector.spectra()
