"""The checks of a record's ranks, altered one thing at a time."""

import json
from typing import Any

import pytest

from benchmark.records.record import Record
from benchmark.verify import ranks
from tests.factories import make_ranked_record

SHAPES = {"embedding": (6, 8), "tokens": (4, 8), "block1.mixing": (4, 8), "block1.ffn": (4, 8)}
RECORD = make_ranked_record()


def faults(record: Record, has_table: bool = True) -> list[str]:
    return [
        *ranks.ranks(record),
        *ranks.curve(record, 50),
        *ranks.tables(record),
        *ranks.shapes(record, SHAPES, has_table),
    ]


def altered(keys: tuple[str | int, ...], value: Any) -> Record:
    """The record with one value put in the place of another; `value` may be a function of that."""
    content = RECORD.model_dump(mode="json")
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value(inner[keys[-1]]) if callable(value) else value
    return Record.model_validate_json(json.dumps(content))


def more(number: float) -> float:
    return number * 1.001


def moved(counts: list[int]) -> list[int]:
    """The counts three bins lower."""
    return [*counts[3:], *counts[:3]]


def one_more(counts: list[int]) -> list[int]:
    return [counts[0] + 1, *counts[1:]]


def test_a_measured_record_has_no_fault() -> None:
    assert faults(RECORD) == []
    deeper = make_ranked_record(blocks=3, seed=3)
    assert [*ranks.ranks(deeper), *ranks.curve(deeper, 50), *ranks.tables(deeper)] == []


@pytest.mark.parametrize(
    ("keys", "value", "fault"),
    [
        (("spectra", 1, "best", "matrices"), 99, "tokens (trained, token form): 99 matrices"),
        (("spectra", 1, "best_batch", "matrices"), 5, "has 5 matrices, the model 4 tokens"),
        (("spectra", 1, "best_batch", "rows"), 99, "is 99 x 8, the model's is (100, 8)"),
        (("spectra", 1, "best_batch", "skipped"), 4, "4 skipped"),
        (("spectra", 1, "best", "columns"), 9, "is 4 x 9, the model's is (4, 8)"),
        (
            ("spectra", 0, "initial_batch", "srank", "mean"),
            7.9,
            "(untrained, batch form): mean of pr is below",
        ),
        (("spectra", 0, "initial_batch", "erank", "q95"), 8.1, "q95 lies outside [1, 8]"),
        (("spectra", 0, "initial", "sigma"), [1.0], "1 singular values, not 6"),
        (("spectra", 0, "initial", "sigma"), lambda s: s[::-1], "do not fall from 1"),
        (("spectra", 0, "initial", "sigma"), lambda s: [*s[:-1], -0.1], "do not fall from 1"),
        (("spectra", 0, "initial", "sigma", 1), more, "not to ia"),
        (("spectra", 0, "initial", "ia", "mean"), more, "not to ia"),
        (
            ("spectra", 0, "initial", "erank", "mean"),
            lambda e: e * 0.97,
            "its density has the mean",
        ),
        (("spectra", 1, "best_density"), None, "tokens (trained): has no density"),
        (
            ("spectra", 1, "best_density", "stage"),
            "embedding",
            "its density is not of its 100 samples",
        ),
        (("spectra", 1, "best_density", "rank"), one_more, "its density is not of its 100 samples"),
        (
            ("spectra", 1, "best_density", "rank"),
            lambda c: [*c, 0],
            "its density is not of its 100 samples",
        ),
        (("spectra", 1, "best_density", "rank"), lambda c: [-1, 1, *c[2:]], "a count below 0"),
        (("spectra", 1, "best_density", "rank"), moved, "its density has the mean"),
        (("spectra", 1, "best_density", "shift"), moved, "its shift of 100 samples has the mean"),
        (("spectra", 1, "best_density", "shift"), one_more, "its shift is of 101 samples"),
        (("spectra", 1, "best_density", "shift"), [], "its shift is of 0 samples"),
        (("spectra", 0, "best_density", "shift"), [0] * 100, "the first stage has a shift"),
        (("curve_probe_rows",), 51, "curve_probe_rows is 51"),
        (("rank_curve", 1, "step"), 21, "has not the steps"),
        (("rank_curve",), lambda c: c[:2], "has not the steps"),
        (("rank_curve",), [], "has not the steps"),
        (("rank_curve", 0, "erank"), {"tokens": 0.5}, "its stages are tokens"),
        (("rank_curve", 0, "erank", "tokens"), 1.01, "tokens 1.01 outside (0, 1]"),
        (("rank_curve", 0, "erank", "tokens"), 0.0, "tokens 0.0 outside (0, 1]"),
        (("tables",), [], "0 embedding tables, which the model contradicts"),
        (("tables",), lambda t: t[::-1], "not of the data's fields"),
        (("tables", 0, "field"), "who", "not of the data's fields"),
        (("tables", 0, "cardinality"), 6, "not of the data's fields"),
        (("tables", 0, "columns"), 7, "table of user: 7 columns, not 8"),
        (("tables", 0, "seen"), 6, "6 of 5 ids are seen"),
        (("tables", 0, "seen"), 0, "0 of 5 ids are seen"),
        (("tables", 0, "plain"), None, "it is zero in one form alone"),
        (("tables", 0, "plain", "ia"), 0.9, "not 1 <= ia 0.9"),
        (("tables", 0, "weighted", "erank"), 3.1, "<= erank 3.1 <= 3"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_altered_value_is_a_fault(keys, value, fault: str) -> None:
    found = faults(altered(keys, value))
    assert any(fault in each for each in found), found


def test_tables_of_a_model_that_has_none_are_a_fault() -> None:
    assert faults(RECORD, has_table=False) == ["2 embedding tables, which the model contradicts"]


def test_samples_of_zeros_are_in_no_histogram() -> None:
    """A stage that is zero in two samples: its shift leaves them out, and its mean is not
    checked."""
    content = RECORD.model_dump(mode="json")
    stage = content["spectra"][2]
    stage["best"]["skipped"] = 2
    for name in ("rank", "shift"):
        counts = stage["best_density"][name]
        counts[counts.index(max(counts))] -= 2
    after = content["spectra"][3]["best_density"]["shift"]
    after[after.index(max(after))] -= 2
    record = Record.model_validate_json(json.dumps(content))
    assert [fault for fault in faults(record) if "shift" in fault] == []
