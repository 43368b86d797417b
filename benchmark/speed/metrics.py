"""AUC and LogLoss of many rows beside scikit-learn's, and the spectra of a probe."""

from collections.abc import Callable
from statistics import median

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from benchmark.measure import metrics
from benchmark.measure.spectrum import BatchCollector, StageCollector
from benchmark.speed.timing import milliseconds, ratio
from benchmark.utils.types import Notify


def measure(rows: int, repeats: int, notify: Notify) -> dict[str, float]:
    """Time the tasks in turn in this process."""
    generator = np.random.default_rng(0)
    logit = np.clip(generator.normal(-1.2, 1.6, rows), -10, 10).astype(np.float32)
    probability = metrics.sigmoid(logit)
    label = (generator.random(rows) < probability).astype(np.uint8)
    stage = generator.normal(size=(4096, 26, 30)).astype(np.float32)

    def ours() -> tuple[float, float]:
        return metrics.auc(logit, label), metrics.logloss(logit, label)

    def theirs() -> tuple[float, float]:
        return roc_auc_score(label, probability), log_loss(label, probability)

    def spectra(collector: StageCollector | BatchCollector) -> None:
        collector.add("tokens", stage)
        collector.spectra()

    tasks: dict[str, Callable[[], object]] = {
        "sklearn": theirs,
        "auc_logloss": ours,
        "evaluate": lambda: metrics.evaluate(logit, label),
        "token_spectra": lambda: spectra(StageCollector()),
        "batch_spectra": lambda: spectra(BatchCollector()),
    }
    notify(f"measuring {', '.join(tasks)} in turn")
    times = milliseconds(tasks, repeats)
    auc_difference, logloss_difference = np.abs(np.subtract(ours(), theirs())).tolist()
    return {
        "auc_logloss_ms": median(times["auc_logloss"]),
        "sklearn_ms": median(times["sklearn"]),
        "auc_logloss_over_sklearn": ratio(times["auc_logloss"], times["sklearn"]),
        "evaluate_over_sklearn": ratio(times["evaluate"], times["sklearn"]),
        "auc_difference": auc_difference,
        "logloss_difference": logloss_difference,
        "token_spectra_4096x26x30_ms": median(times["token_spectra"]),
        "batch_spectra_4096x26x30_ms": median(times["batch_spectra"]),
    }
