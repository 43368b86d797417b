"""The rates of a few ids, by hand and against a plain count."""

from collections import Counter
from math import log

import numpy as np
import pytest

from benchmark.data.card import SPLITS, Card, Naive
from benchmark.data.schema import Schema, Split
from benchmark.data.store import StoreWriter, open_or_make
from benchmark.errors import UsageError
from benchmark.measure import metrics, naive
from benchmark.utils import toml
from tests.data.tables import ignore, make_store, make_table


def split(ids: list[list[int]], label: list[int]) -> Split:
    dense = np.empty((len(ids), 0), np.float32)
    return Split(dense, np.array(ids, np.int32), np.array(label, np.uint8))


def odds(rate: float) -> float:
    return log(rate / (1 - rate))


def test_rates_by_hand():
    """Six rows with three clicks; id 1 has 2 clicks in 3 rows, id 2 one in 2, and 4 is unknown."""
    train = split([[1], [1], [1], [2], [2], [4]], [1, 1, 0, 0, 1, 0])
    test = split([[1], [2], [3], [4]], [1, 0, 0, 0])
    found = naive.logits(train, test, {0: 4})
    expected = [odds((2 + 2.5) / (3 + 5)), odds((1 + 2.5) / (2 + 5)), odds(0.5), odds(0.5)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_fields_add_what_their_rates_differ_from_the_whole():
    rng = np.random.default_rng(0)
    ids, label = rng.integers(0, 9, (500, 3)), (rng.random(500) < 0.3).astype(int)
    train = split(ids[:400].tolist(), label[:400].tolist())
    base, expected = label[:400].mean(), np.empty(100)
    rows, clicks = Counter(), Counter()
    for row, click in zip(ids[:400], label[:400], strict=True):
        for field in (0, 2):
            rows[field, row[field]] += 1
            clicks[field, row[field]] += click
    for i, row in enumerate(ids[400:]):
        rates = (
            base if row[f] == 8 else (clicks[f, row[f]] + 5 * base) / (rows[f, row[f]] + 5)
            for f in (0, 2)
        )
        expected[i] = odds(base) + sum(odds(rate) - odds(base) for rate in rates)
    test = split(ids[400:].tolist(), [0] * 100)
    np.testing.assert_allclose(naive.logits(train, test, {0: 8, 2: 8}), expected, rtol=1e-9)


def card_of(**numbers) -> Card:
    table = make_table(sparse=("c", "d"))
    return Card(id="made", title="Made", table=table, naive=Naive(**numbers))


def test_a_number_of_the_card_that_is_not_the_stores_is_a_fault(tmp_path):
    store = make_store(tmp_path / "store", rows=40)
    train, test = store.split("train"), store.split("test")
    expected = metrics.evaluate(naive.logits(train, test, {1: 2}), test.label)
    right = {"fields": ("d",), "auc": expected.auc, "logloss": expected.logloss}
    assert not list(naive.faults(card_of(**right), store))
    assert not list(naive.faults(card_of(**right).model_copy(update={"naive": None}), store))
    for changes in ({"auc": expected.auc + 1e-6}, {"logloss": 0.5}, {"gauc": 0.6}):
        [fault] = naive.faults(card_of(**(right | changes)), store)
        [name] = changes
        assert f"made: the naive rates have {name} " in fault and "but its card says" in fault


def test_the_last_bits_of_another_processor_change_nothing(tmp_path, monkeypatch):
    store, plain = make_store(tmp_path / "store", rows=400), naive.logits
    first = naive.quality(store, ["c", "d"])

    def elsewhere(*parts):
        logit = plain(*parts)
        return logit * (1 + 1e-15 * np.random.default_rng(0).uniform(-1, 1, logit.shape))

    monkeypatch.setattr(naive, "logits", elsewhere)
    assert naive.quality(store, ["c", "d"]) == first


def test_gauc_is_that_of_the_group(tmp_path):
    schema = Schema(("x",), ("c",), (4,), group="user")

    def make(writer: StoreWriter) -> None:
        ids, label = np.array([[1], [1], [2], [2]], np.int32), np.array([1, 1, 0, 1], np.uint8)
        for part in SPLITS:
            group = np.array([0, 1, 0, 1], np.int32)
            writer.append(part, np.zeros((4, 1), np.float32), ids, label, group)
        writer.publish(schema, {})

    found = naive.quality(open_or_make(tmp_path / "store", make, ignore), ["c"])
    assert (found.gauc, found.auc) == (1.0, pytest.approx(2.5 / 3)), "group 1 has one class"


def test_a_card_names_sparse_columns():
    text = {
        "id": "made",
        "title": "Made",
        "table": make_table().model_dump(mode="json", exclude_defaults=True),
        "naive": {"fields": ["x", "c"], "auc": 0.5, "logloss": 0.6},
    }
    with pytest.raises(UsageError, match=r"naive\.fields: x is no sparse column of the table"):
        toml.validate(Card, text, "card.toml")
