"""The test scores of a run, kept so that every prediction metric can be computed again.

Logits are rounded to float16 before anything is computed from them, which moves AUC by less than
1e-5, so that what is kept gives every metric to the bit. At the epoch that is ranked, up to 100,000
rows keep their order within their class: rows of two runs can be paired, and no row's label is
given away. More rows, and those of the best epoch by LogLoss, are kept as counts of each logit's
positives and negatives, which give the same metrics.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.measure import metrics
from benchmark.records import arrays as files
from benchmark.records.arrays import Arrays
from benchmark.utils.arrays import ClassScores, Floats, Labels

MAX_ROWS = 100_000
MOST_TEST_ROWS = 50_000_000
"""Their metrics take a gigabyte; counts of more are refused. The largest split has 4.6 million."""

Half = NDArray[np.float16]


@dataclass(frozen=True)
class RowScores:
    """Logits of the positive and of the negative rows, in row order."""

    positive: Half
    negative: Half

    def by_class(self) -> ClassScores:
        return self.positive.astype(np.float64), self.negative.astype(np.float64)


@dataclass(frozen=True)
class CountedScores:
    """Each logit that occurs, rising, and how many positive and negative rows have it."""

    logit: Half
    positives: NDArray[np.uint32]
    negatives: NDArray[np.uint32]

    def by_class(self) -> ClassScores:
        """Logits of the positive and of the negative rows, rising."""
        logit = self.logit.astype(np.float64)
        return np.repeat(logit, self.positives), np.repeat(logit, self.negatives)


@dataclass(frozen=True)
class KeptScores:
    """At the best epoch by the first monitor, and at that by LogLoss if both are watched."""

    best: RowScores | CountedScores
    best_logloss: CountedScores | None = None

    def rows(self) -> ClassScores | None:
        """Logits by class in row order; None if there are too many rows to keep it."""
        return self.best.by_class() if isinstance(self.best, RowScores) else None


def rounded(logit: Floats) -> NDArray[np.float32]:
    """Logits [n] as they are kept; those beyond the range of float16 become its ends."""
    largest = np.finfo(np.float16).max
    half = np.clip(logit, -largest, largest).astype(np.float16)
    return half.astype(np.float32)


def by_row(logit: Floats, label: Labels) -> RowScores | CountedScores:
    """The scores to keep of the epoch that is ranked; logits [n], labels [n]."""
    if len(logit) > MAX_ROWS:
        return counted(logit, label)
    half = rounded(logit).astype(np.float16)
    return RowScores(half[label == 1], half[label == 0])


def counted(logit: Floats, label: Labels) -> CountedScores:
    """The scores to keep of many rows, or where their order does not matter."""
    values, place = np.unique(rounded(logit).astype(np.float16), return_inverse=True)
    rows = np.bincount(place, minlength=len(values))
    positives = np.bincount(place[label == 1], minlength=len(values))
    return CountedScores(values, positives.astype(np.uint32), (rows - positives).astype(np.uint32))


def evaluate(scores: RowScores | CountedScores) -> metrics.Metrics:
    """Every metric but gAUC.

    Example::

        evaluate(load(Path("results/records/synthetic/dcnv2/seed-0.npz")).best).auc
    """
    return metrics.evaluate(*labelled(scores))


def labelled(scores: RowScores | CountedScores) -> tuple[Floats, Labels]:
    """Logits and labels, the positives first."""
    positive, negative = scores.by_class()
    label = np.repeat(np.array([1, 0], np.uint8), [len(positive), len(negative)])
    return np.concatenate([positive, negative]).astype(np.float32), label


def loss_sd(scores: RowScores | CountedScores) -> float:
    """Standard deviation of the rows' cross-entropies."""
    counts = scores if isinstance(scores, CountedScores) else counted(*labelled(scores))
    logit = counts.logit.astype(np.float64)
    loss = np.logaddexp(0, np.concatenate([-logit, logit]))
    rows = np.concatenate([counts.positives, counts.negatives])
    mean = np.average(loss, weights=rows)
    return float(np.sqrt(np.average((loss - mean) ** 2, weights=rows)))


def counts(scores: RowScores | CountedScores) -> tuple[int, int]:
    """Positive and negative rows."""
    if isinstance(scores, RowScores):
        return len(scores.positive), len(scores.negative)
    return int(scores.positives.sum()), int(scores.negatives.sum())


def pack(scores: KeptScores) -> Arrays:
    """The arrays of a file; neighbours differ little in them, so that they compress well."""
    parts = {"best": scores.best, "best_logloss": scores.best_logloss}
    packed = {name: _pack(part) for name, part in parts.items() if part is not None}
    return {f"{name}.{key}": array for name, part in packed.items() for key, array in part.items()}


def digest(scores: RowScores | CountedScores) -> str:
    """SHA-256 of the arrays of one epoch."""
    return files.digest(_pack(scores))


def is_score(name: str) -> bool:
    """Whether an array beside a record holds scores."""
    return name.partition(".")[0] in ("best", "best_logloss")


def load(path: Path) -> KeptScores:
    """Raises BenchmarkError naming a missing, damaged or malformed file."""
    arrays = files.load(path, is_score)
    try:
        best = _unpack(arrays, "best")
        best_logloss = _unpack(arrays, "best_logloss")
    except (KeyError, ValueError, TypeError, IndexError):
        raise files.malformed(path, "the scores") from None
    if best is None or isinstance(best_logloss, RowScores):
        raise files.malformed(path, "the scores")
    return KeptScores(best, best_logloss)


def _pack(scores: RowScores | CountedScores) -> dict[str, NDArray[Any]]:
    if isinstance(scores, RowScores):
        return {"positive": _planes(scores.positive), "negative": _planes(scores.negative)}
    steps = np.diff(_order(scores.logit), prepend=np.int32(0))
    return {"logit": steps, "positives": scores.positives, "negatives": scores.negatives}


def _unpack(arrays: Arrays, name: str) -> RowScores | CountedScores | None:
    """None where there are no such scores. Raises ValueError for any that could not be kept."""
    if f"{name}.positive" in arrays:
        positive, negative = (_from_planes(arrays[f"{name}.{each}"]) for each in _CLASSES)
        _require(len(positive) > 0 and len(negative) > 0)
        return RowScores(positive, negative)
    if f"{name}.logit" not in arrays:
        return None
    steps = arrays[f"{name}.logit"]
    positives, negatives = arrays[f"{name}.positives"], arrays[f"{name}.negatives"]
    _require(steps.dtype == np.int32 and positives.dtype == negatives.dtype == np.uint32)
    _require(steps.shape == positives.shape == negatives.shape and steps.ndim == 1)
    _require(bool((steps[1:] > 0).all()) and bool((positives + negatives > 0).all()))
    _require(int(positives.sum()) + int(negatives.sum()) <= MOST_TEST_ROWS)
    return CountedScores(_from_order(np.cumsum(steps)), positives, negatives)


_CLASSES: tuple[Literal["positive"], Literal["negative"]] = ("positive", "negative")


def _planes(half: Half) -> NDArray[np.uint8]:
    """The low and the high bytes of each number [2, n]."""
    return np.ascontiguousarray(half.view(np.uint8).reshape(-1, 2).T)


def _from_planes(planes: NDArray[np.generic]) -> Half:
    _require(planes.dtype == np.uint8 and planes.ndim == 2 and len(planes) == 2)
    half = np.ascontiguousarray(planes.T).view(np.float16).reshape(-1)
    _require(bool(np.isfinite(half).all()))
    return half


def _order(half: Half) -> NDArray[np.int32]:
    """The place of each number among all of float16: neighbours differ by one."""
    bits = half.view(np.int16).astype(np.int32)
    return np.where(bits >= 0, bits, -(bits & 0x7FFF)).astype(np.int32)


def _from_order(place: NDArray[np.generic]) -> Half:
    order = place.astype(np.int64)
    largest = int(_order(np.array([np.finfo(np.float16).max], np.float16))[0])
    _require(bool((np.abs(order) <= largest).all()))
    half = np.abs(order).astype(np.int16).view(np.float16)
    return np.where(order < 0, -half, half).astype(np.float16)


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("not as written")
