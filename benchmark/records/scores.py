"""The test scores of a run, kept so that every prediction metric can be computed again.

Up to 100,000 test rows every logit is kept as float32, in row order within its class: `positive`
and `negative`. So the file alone gives every metric, rows of two runs can be paired, and no row's
label is given away. Above that, 16,384 equal-mass bins of the sorted logits are kept: class counts,
class means and edges. They give bounds of AUC and LogLoss.
"""

import hashlib
import io
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.measure import metrics
from benchmark.utils.files import write_atomically
from benchmark.utils.paths import shown

MAX_ROWS = 100_000
BINS = 16_384

ROW_ARRAYS = {"positive", "negative"}
BIN_ARRAYS = {"positives", "negatives", "positive_mean", "negative_mean", "low", "high"}

ScoreArrays = dict[str, NDArray[np.generic]]


class Bounds(NamedTuple):
    low: float
    high: float

    def holds(self, value: float, tolerance: float = 1e-9) -> bool:
        return self.low - tolerance <= value <= self.high + tolerance


def pack(logit: NDArray[np.float32], label: NDArray[np.uint8]) -> ScoreArrays:
    """The arrays to keep for test logits [n] and labels [n]."""
    if len(logit) <= MAX_ROWS:
        return {"positive": logit[label == 1], "negative": logit[label == 0]}
    order = np.argsort(logit, kind="stable")
    parts = np.array_split(order, BINS)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    z, y = logit[order].astype(np.float64), label[order].astype(np.int64)
    positives, rows = np.add.reduceat(y, starts), np.array([len(part) for part in parts])
    total, of_positives = np.add.reduceat(z, starts), np.add.reduceat(z * y, starts)
    return {
        "positives": positives,
        "negatives": rows - positives,
        "positive_mean": of_positives / np.maximum(positives, 1),
        "negative_mean": (total - of_positives) / np.maximum(rows - positives, 1),
        "low": logit[order][starts],
        "high": logit[order][starts + rows - 1],
    }


def form(arrays: ScoreArrays) -> Literal["rows", "bins"]:
    return "rows" if set(arrays) == ROW_ARRAYS else "bins"


def digest(arrays: ScoreArrays) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    value = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        value.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
        value.update(np.ascontiguousarray(array).tobytes())
    return value.hexdigest()


def save(arrays: ScoreArrays, path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, lambda file: file.write(buffer.getvalue()))


def load(path: Path) -> ScoreArrays:
    """Raises BenchmarkError naming a missing, damaged or malformed file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in sorted(file.files)}
    except FileNotFoundError:
        raise BenchmarkError(f"{shown(path)}: the scores file is missing") from None
    except Exception as error:
        raise BenchmarkError(f"{shown(path)}: the scores file is damaged: {error}") from None
    whole = set(arrays) in (ROW_ARRAYS, BIN_ARRAYS) and all(
        array.ndim == 1 and array.dtype.kind in "fiu" and len(array) and np.isfinite(array).all()
        for array in arrays.values()
    )
    if not whole:
        fault = "does not hold the arrays of scores, finite and not empty"
        raise BenchmarkError(f"{shown(path)}: the scores file {fault}")
    return arrays


def by_class(arrays: ScoreArrays) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Logits of the positive and of the negative rows, in row order; None for the form `bins`."""
    if form(arrays) == "bins":
        return None
    return arrays["positive"].astype(np.float64), arrays["negative"].astype(np.float64)


def counts(arrays: ScoreArrays) -> tuple[int, int]:
    """Positive and negative rows."""
    if form(arrays) == "rows":
        return len(arrays["positive"]), len(arrays["negative"])
    return int(arrays["positives"].sum()), int(arrays["negatives"].sum())


def auc_bounds(arrays: ScoreArrays) -> Bounds:
    """Bounds of the AUC: pairs in bins that do not overlap are ordered for certain, those in two
    bins of the same single logit are ties for certain, and all others may go either way. Bins are
    runs of the sorted logits, so both edges are sorted too."""
    positives, negatives = (arrays[name].astype(np.int64) for name in ("positives", "negatives"))
    low, high = arrays["low"], arrays["high"]
    constant = low == high
    up_to = np.concatenate([[0], np.cumsum(negatives)])
    constant_up_to = np.concatenate([[0], np.cumsum(np.where(constant, negatives, 0))])
    below = up_to[np.searchsorted(high, low, "left")]
    not_above = up_to[np.searchsorted(low, high, "right")]
    first, last = np.searchsorted(low, low, "left"), np.searchsorted(high, low, "right")
    tied = np.where(constant, constant_up_to[last] - constant_up_to[first], 0)
    pairs = int(positives.sum()) * int(negatives.sum())
    halves = int((positives * tied).sum()) / 2
    return Bounds(
        (int((positives * below).sum()) + halves) / pairs,
        (int((positives * not_above).sum()) - halves) / pairs,
    )


def logloss_bounds(arrays: ScoreArrays) -> Bounds:
    """Bounds of the LogLoss, which is convex in the logit: at least its value at the class mean, at
    most the chord between the edges."""
    low, high = arrays["low"].astype(np.float64), arrays["high"].astype(np.float64)
    total = int(arrays["positives"].sum() + arrays["negatives"].sum())
    least = most = 0.0
    for count, mean, sign in (
        (arrays["positives"].astype(np.int64), arrays["positive_mean"].astype(np.float64), -1.0),
        (arrays["negatives"].astype(np.int64), arrays["negative_mean"].astype(np.float64), 1.0),
    ):
        width = np.where(high > low, high - low, 1.0)
        share = np.clip((mean - low) / width, 0.0, 1.0)
        at_low, at_high = np.logaddexp(0.0, sign * low), np.logaddexp(0.0, sign * high)
        least += float((count * np.logaddexp(0.0, sign * mean)).sum())
        most += float((count * (at_low + share * (at_high - at_low))).sum())
    return Bounds(least / total, most / total)


def recompute(arrays: ScoreArrays) -> metrics.Metrics:
    """Every metric of the form `rows`."""
    positive, negative = arrays["positive"], arrays["negative"]
    label = np.repeat(np.array([1, 0], np.uint8), [len(positive), len(negative)])
    return metrics.evaluate(np.concatenate([positive, negative]).astype(np.float32), label)
