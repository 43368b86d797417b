"""The metrics of a record, derived again from its scores and from its learning curve."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from math import isclose
from pathlib import Path

from benchmark.measure.metrics import base_entropy
from benchmark.records import scores
from benchmark.records.record import Record, scores_path
from benchmark.training.optim import Plateau
from benchmark.verify.recipe import parsed

TOLERANCE = 1e-9


def test_scores(record: Record, path: Path) -> Iterator[str]:
    """Yield what contradicts the scores beside the record."""
    arrays = scores.load(scores_path(path))
    if scores.digest(arrays) != record.scores.digest:
        yield "the digest of the scores file differs"
    if scores.form(arrays) != record.scores.form:
        yield f"the scores file has the form {scores.form(arrays)}"
    clicks = record.data.positives["test"]
    counts, expected = scores.counts(arrays), (clicks, record.data.rows["test"] - clicks)
    if counts != expected:
        yield f"the scores hold {counts} positives and negatives, the data {expected}"
    test = record.metrics.test
    if scores.form(arrays) == "rows":
        for name, value in asdict(scores.recompute(arrays)).items():
            stated = getattr(test, name)
            if name != "gauc" and not abs(stated - value) <= TOLERANCE * max(1.0, abs(value)):
                yield f"metrics.test.{name} is {stated}, the scores give {value}"
        return
    auc, logloss = scores.auc_bounds(arrays), scores.logloss_bounds(arrays)
    for name, value, bounds in (("auc", test.auc, auc), ("logloss", test.logloss, logloss)):
        if not bounds.holds(value):
            yield f"metrics.test.{name} {value} is outside [{bounds.low}, {bounds.high}]"


def curve(record: Record) -> Iterator[str]:
    """Yield faults of the learning curve, which follows from the reported metrics."""
    train = parsed(record).train
    steps = -(-_rows(record) // train.batch_size)
    entropy = base_entropy(record.data.positives["valid"], record.data.rows["valid"])
    plateau, rate = Plateau(train), train.learning_rate
    best = None
    for number, point in enumerate(record.curve, start=1):
        step = number * (train.evaluate_every or steps)
        in_place = (point.step, point.epoch) == (step, -(-step // steps))
        if plateau.exhausted or not in_place or point.epoch > train.epochs:
            yield f"evaluation {number} at step {point.step}, epoch {point.epoch} is out of place"
        if point.learning_rate != rate:
            yield f"evaluation {number}: learning rate {point.learning_rate}, scheduled is {rate}"
        if point.improved != plateau.improved(getattr(point.valid, train.monitor)):
            yield f"evaluation {number}: `improved` contradicts its {train.monitor}"
        if not isclose(point.valid.ne, point.valid.logloss / entropy, rel_tol=TOLERANCE):
            yield f"evaluation {number}: ne {point.valid.ne} is not that of its logloss"
        best = point if point.improved else best
        rate = plateau.next_rate(rate)
    if best is None:
        yield "the curve has no best evaluation"
        return
    if (best.step, best.epoch) != (record.best_step, record.best_epoch):
        yield f"best step {record.best_step} of epoch {record.best_epoch}, the curve's {best.step}"
    if best.valid != record.metrics.valid:
        yield "metrics.valid is not that of the best evaluation"
    ended = record.curve[-1].step + (train.evaluate_every or steps) > train.epochs * steps
    reason = "patience" if plateau.exhausted else "epochs"
    if record.stopped_by != reason or not (plateau.exhausted or ended):
        yield f"stopped_by is {record.stopped_by}, which the curve contradicts"


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
