"""The metrics of a record, derived again from its scores and from its learning curve."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from math import isclose

from benchmark.measure.metrics import Metrics, auc_error, base_entropy
from benchmark.recipes.recipe import Monitor
from benchmark.records import comparable, scores
from benchmark.records.doubts import doubts
from benchmark.records.record import Epoch, Record
from benchmark.records.scores import CountedScores, KeptScores, RowScores
from benchmark.training.fit import best
from benchmark.training.monitor import Plateau
from benchmark.verify.recipe import parsed

TOLERANCE = 1e-9
ROUNDING = 1e-12
STANDARD_ERRORS = 5
"""What chance may add to a test metric."""


def test_scores(record: Record, kept: KeptScores) -> Iterator[str]:
    """Yield what contradicts the scores beside the record."""
    yield from comparable.altered(record, kept)
    yield from _of_epoch(record, kept.best, "test")
    calibrated, stated = kept.best_logloss, record.digests.scores_logloss
    if (calibrated is None) != (stated is None) or len(_monitors(record)) != 1 + bool(calibrated):
        yield "its scores are not those of its monitors' best epochs"
    elif calibrated is not None and stated is not None:
        yield from _of_epoch(record, calibrated, "test_logloss")
        counts = scores.counted(*scores.labelled(kept.best))
        if record.best == record.best_logloss and stated != scores.digest(counts):
            yield "both its best epochs are one, and their scores differ"
    rows = record.data.rows["test"]
    if isinstance(kept.best, RowScores) != (rows <= scores.MAX_ROWS):
        yield f"the scores of {rows} test rows have not the form for so many"


def _of_epoch(record: Record, kept: RowScores | CountedScores, block: str) -> Iterator[str]:
    clicks = record.data.positives["test"]
    counts, expected = scores.counts(kept), (clicks, record.data.rows["test"] - clicks)
    if counts != expected:
        yield f"the scores hold {counts} positives and negatives, the data {expected}"
        return
    test = getattr(record.metrics, block)
    for name, value in asdict(scores.evaluate(kept)).items():
        stated = getattr(test, name, None)
        grouped = name == "gauc" and block == "test"
        if not (grouped or same(stated, value)):
            yield f"metrics.{block}.{name} is {stated}, the scores give {value}"


def same(stated: float | None, derived: float | None) -> bool:
    """Equal but for the last bits of exp and log, which processors round differently."""
    if stated is None or derived is None:
        return stated is derived
    return isclose(stated, derived, rel_tol=ROUNDING)


def oracle(record: Record, kept: KeptScores) -> Iterator[str]:
    """Yield test metrics better than chance lets those of the true click probability be."""
    quality, rows = record.metrics, record.data.rows["test"]
    if quality.oracle_auc is None or quality.oracle_logloss is None:
        return
    error = auc_error(quality.oracle_auc, record.data.positives["test"], rows)
    auc = min(1.0, quality.oracle_auc + STANDARD_ERRORS * error)
    loss_error = scores.loss_sd(kept.best_logloss or kept.best) / rows**0.5
    logloss = quality.oracle_logloss - STANDARD_ERRORS * loss_error
    better = f"better than the true click probability by over {STANDARD_ERRORS} standard errors"
    if quality.test.auc > auc:
        yield f"test AUC {quality.test.auc} is above {auc:.5f}: {better}"
    if quality.calibrated.logloss < logloss:
        yield f"test LogLoss {quality.calibrated.logloss} is below {logloss:.5f}: {better}"


def warnings(record: Record, kept: KeptScores) -> Iterator[str]:
    """Yield warnings that are not the run's; older records state none."""
    if record.warnings and record.warnings != (due := tuple(doubts(record, kept))):
        yield f"warnings are {record.warnings}, the record gives {due}"


def curve(record: Record) -> Iterator[str]:
    """Yield faults of the learning curve, which follows from the reported metrics."""
    train = parsed(record).train
    steps = -(-_rows(record) // train.batch_size)
    clicks, shown = record.data.positives["valid"], record.data.rows["valid"]
    entropy = base_entropy(clicks, shown)
    plateau, rate = Plateau(train), train.learning_rate
    for number, point in enumerate(record.curve, start=1):
        step = number * (train.evaluate_every or steps)
        in_place = (point.step, point.epoch) == (step, -(-step // steps))
        if plateau.exhausted or not in_place or point.epoch > train.epochs:
            yield f"evaluation {number} at step {point.step}, epoch {point.epoch} is out of place"
        if point.learning_rate != rate:
            yield f"evaluation {number}: learning rate {point.learning_rate}, scheduled is {rate}"
        if point.improved != plateau.improved(point.valid):
            yield f"evaluation {number}: `improved` contradicts its metrics"
        if not isclose(point.valid.ne, point.valid.logloss / entropy, rel_tol=TOLERANCE):
            yield f"evaluation {number}: ne {point.valid.ne} is not that of its logloss"
        yield from (
            f"evaluation {number}: {fault}" for fault in _range(point.valid, clicks / shown)
        )
        rate = plateau.next_rate(rate)
    if not record.curve:
        yield "the curve has no best evaluation"
        return
    yield from _best(record)
    ended = record.curve[-1].step + (train.evaluate_every or steps) > train.epochs * steps
    reason = "patience" if plateau.exhausted else "epochs"
    if record.stopped_by != reason or not (plateau.exhausted or ended):
        yield f"stopped_by is {record.stopped_by}, which the curve contradicts"


def _range(valid: Metrics, base: float) -> Iterator[str]:
    """Metrics that no probabilities have where the share of clicks is `base`."""
    predicted = valid.calibration * base
    low, high = abs(predicted - base) - TOLERANCE, min(1, predicted + base) + TOLERANCE
    if not 0 <= predicted <= 1:
        yield f"calibration {valid.calibration} is a mean probability of {predicted:.3g}"
    if not low <= valid.ece <= high:
        yield f"ece {valid.ece} is outside [{low:.3g}, {high:.3g}], which calibration gives"
    if not (0 <= valid.auc <= 1 and 0 <= (valid.gauc or 0) <= 1 and valid.logloss >= 0):
        yield f"auc {valid.auc}, gauc {valid.gauc} or logloss {valid.logloss} is out of range"


def _best(record: Record) -> Iterator[str]:
    """The best evaluations are those of the curve, with their validation metrics."""
    monitor, *others = _monitors(record)
    valid, valid_logloss = record.metrics.valid, record.metrics.valid_logloss
    blocks: list[tuple[str, Monitor, Epoch | None, Metrics | None]] = [
        ("best", monitor, record.best, valid)
    ]
    if others or record.best_logloss or valid_logloss:
        blocks.append(("best_logloss", "logloss", record.best_logloss, valid_logloss))
    for name, watched, stated, metrics in blocks:
        found = best(record.curve, watched)
        if stated is None or (stated.step, stated.epoch) != (found.step, found.epoch):
            yield f"{name} is {stated}, the curve's is step {found.step} of epoch {found.epoch}"
        if metrics != found.valid:
            yield f"the validation metrics are not those of the {name} evaluation"


def _monitors(record: Record) -> tuple[Monitor, ...]:
    return parsed(record).train.monitors


def cost(record: Record) -> Iterator[str]:
    """Yield faults of the cost: the rows trained on follow from the curve."""
    train, rows, stated = parsed(record).train, _rows(record), record.cost
    steps = -(-rows // train.batch_size)
    last = record.curve[-1].step if record.stopped_by == "patience" else train.epochs * steps
    trained = last // steps * rows + last % steps * train.batch_size
    if not isclose(stated.train_samples_per_s * stated.train_seconds, trained, rel_tol=TOLERANCE):
        speed = f"{stated.train_samples_per_s} samples/s in {stated.train_seconds} s"
        yield f"{speed} are not the {trained} rows trained on"
    seconds = [0.0, *(point.seconds for point in record.curve), stated.total_seconds]
    ordered = all(after >= before for before, after in pairwise(seconds))
    if not ordered or stated.train_seconds > stated.total_seconds:
        yield "its seconds do not follow one another"


def _rows(record: Record) -> int:
    """Training rows of one epoch."""
    return record.data.rows["train"] if record.train_rows is None else record.train_rows
