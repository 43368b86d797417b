"""The naive rates: clicks by the rates of a few ids alone, which every model should beat."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose

import numpy as np

from benchmark.data.card import Card
from benchmark.data.schema import Split
from benchmark.data.store import Store
from benchmark.measure.metrics import Metrics, evaluate
from benchmark.utils.arrays import Vector

TOLERANCE = 1e-9
DECIMALS = 9
"""Of the logits that are ranked: rows whose logits differ in last bits alone, which another
processor's logarithm may change, are tied."""
SMOOTHING = 5
"""Rows at the rate of train that are added to those of every id."""


def logits(train: Split, test: Split, unknown: Mapping[int, int]) -> Vector:
    """Log-odds of a click [n of test]: those of train as a whole, and what the rate of each field's
    id adds to them, as in naive Bayes.

    An id's rate is (its clicks in train + SMOOTHING * the rate of train) / (its rows in train +
    SMOOTHING). `unknown` has the fields, as columns of the sparse ids, and the last id of each, for
    unknown and rare values, which has the rate of train."""
    clicked = train.label == 1
    base = train.positives / len(train)
    total: Vector = np.full(len(test), _log_odds(np.array(base)))
    for field, other in unknown.items():
        ids = train.sparse[:, field]
        rows = np.bincount(ids, minlength=other + 1)
        clicks = np.bincount(ids[clicked], minlength=other + 1)
        rate = (clicks + SMOOTHING * base) / (rows + SMOOTHING)
        rate[other] = base
        total += (_log_odds(rate) - _log_odds(np.array(base)))[test.sparse[:, field]]
    return total


def quality(store: Store, names: Sequence[str]) -> Metrics:
    """The test metrics of the naive rates of the named sparse fields.
    Example::

        _, store = open_data("synthetic_tiny", data_root=None, notify=print)
        quality(store, ["C4", "C5"]).auc     # above 0.5
    """
    train, test, schema = store.split("train"), store.split("test"), store.schema
    fields = [schema.sparse.index(name) for name in names]
    unknown = {field: schema.cardinalities[field] - 1 for field in fields}
    logit = np.round(logits(train, test, unknown), DECIMALS)
    return evaluate(logit, test.label, test.group)


def faults(card: Card, store: Store) -> Iterator[str]:
    """Yield each number of the card's naive rates that is not that of the store."""
    if card.naive is None:
        return
    found = quality(store, card.naive.fields)
    for name in ("auc", "logloss", "gauc"):
        stated, value = getattr(card.naive, name), getattr(found, name)
        if not isclose(stated or 0, value or 0, rel_tol=TOLERANCE):
            yield f"{card.id}: the naive rates have {name} {value}, but its card says {stated}"


def _log_odds(rate: Vector) -> Vector:
    odds: Vector = np.log(rate) - np.log1p(-rate)
    return odds
