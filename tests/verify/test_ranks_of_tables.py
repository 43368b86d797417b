"""The checks of a record's ranks, altered one thing at a time."""

import json
from typing import Any

import pytest

from benchmark.records import record
from benchmark.records.record import Record
from benchmark.verify import ranks
from tests.factories import make_ranked_record
from tests.verify.forging import Keys, put

SHAPES = {"embedding": (6, 8), "tokens": (4, 8), "block1.mixing": (4, 8), "block1.ffn": (4, 8)}
RECORD = make_ranked_record()
UNTRAINED, TRAINED = ("measured", "initial"), ("measured", "best")
FIRST = (*UNTRAINED, "token", "embedding")
TABLE = ("measured", "tables", 0)


def faults(stated: Record, has_table: bool = True) -> list[str]:
    return [
        *ranks.ranks(stated),
        *ranks.curve(stated, 50),
        *ranks.tables(stated),
        *ranks.shapes(stated, SHAPES, has_table),
    ]


def altered(keys: Keys, value: Any) -> Record:
    """The record with one value put in the place of another; `value` may be a function of that."""
    content = record.whole(RECORD)
    put(content, keys, value)
    return Record.model_validate_json(json.dumps(content))


def more(number: float) -> float:
    return number * 1.001


def test_a_measured_record_has_no_fault() -> None:
    assert faults(RECORD) == []
    deeper = make_ranked_record(blocks=3, seed=3)
    assert [*ranks.ranks(deeper), *ranks.curve(deeper, 50), *ranks.tables(deeper)] == []


@pytest.mark.parametrize(
    ("keys", "value", "fault"),
    [
        (
            (*TRAINED, "token", "tokens", "matrices"),
            99,
            "tokens (trained, token form): 99 matrices",
        ),
        ((*TRAINED, "batch", "tokens", "matrices"), 5, "has 5 matrices, the model 4 tokens"),
        ((*TRAINED, "batch", "tokens", "rows"), 99, "is 99 x 8, the model's is (100, 8)"),
        ((*TRAINED, "batch", "tokens", "skipped"), 4, "4 skipped"),
        ((*TRAINED, "token", "tokens", "columns"), 9, "is 4 x 9, the model's is (4, 8)"),
        ((*TRAINED, "token"), lambda view: {"tokens": view["tokens"]}, "in token form are not"),
        ((*UNTRAINED, "batch"), {}, "the stages untrained in batch form are not embedding"),
        ((*TRAINED, "batch", "tokens"), None, "has no spectrum in batch form"),
        (
            (*UNTRAINED, "batch", "embedding", "srank", "mean"),
            7.9,
            "(untrained, batch form): mean of pr is below",
        ),
        ((*UNTRAINED, "batch", "embedding", "erank", "q95"), 8.1, "q95 lies outside [1, 8]"),
        ((*FIRST, "sigma"), [1.0], "1 singular values, not 6"),
        ((*FIRST, "sigma"), lambda s: s[::-1], "do not fall from 1"),
        ((*FIRST, "sigma"), lambda s: [*s[:-1], -0.1], "do not fall from 1"),
        ((*FIRST, "sigma", 1), more, "not to ia"),
        ((*FIRST, "ia", "mean"), more, "not to ia"),
        (("curve_probe_rows",), 51, "curve_probe_rows is 51"),
        (("measured", "rank_curve", 1, "step"), 21, "has not the steps"),
        (("measured", "rank_curve"), lambda c: c[:2], "has not the steps"),
        (("measured", "rank_curve"), [], "has not the steps"),
        (("measured", "rank_curve", 0, "token"), {"tokens": 2.0}, "its stages are tokens"),
        (
            ("measured", "rank_curve", 0, "token", "tokens"),
            4.01,
            "step 10 (token form): tokens 4.01 outside [1, 4]",
        ),
        (("measured", "rank_curve", 0, "batch", "tokens"), 0.9, "tokens 0.9 outside [1, 8]"),
        (("measured", "tables"), [], "0 embedding tables, which the model contradicts"),
        (("measured", "tables"), lambda t: t[::-1], "not of the data's fields"),
        ((*TABLE, "field"), "who", "not of the data's fields"),
        ((*TABLE, "cardinality"), 6, "not of the data's fields"),
        ((*TABLE, "columns"), 7, "table of user: 7 columns, not 8"),
        ((*TABLE, "seen"), 6, "6 of 5 ids are seen"),
        ((*TABLE, "seen"), 0, "0 of 5 ids are seen"),
        ((*TABLE, "plain"), None, "it is zero in one form alone"),
        ((*TABLE, "plain", "ia"), 0.9, "not 1 <= ia 0.9"),
        ((*TABLE, "weighted", "erank"), 3.1, "<= erank 3.1 <= 3"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_altered_value_is_a_fault(keys, value, fault: str) -> None:
    found = faults(altered(keys, value))
    assert any(fault in each for each in found), found


def test_tables_of_a_model_that_has_none_are_a_fault() -> None:
    assert faults(RECORD, has_table=False) == ["2 embedding tables, which the model contradicts"]
