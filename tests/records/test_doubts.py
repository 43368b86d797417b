"""Warnings of a run, and that a record carries them only where there are any."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.measure.metrics import Metrics
from benchmark.records import record, scores
from benchmark.records.doubts import doubts, like_probabilities
from benchmark.records.scores import KeptScores
from benchmark.verify import quality
from tests.factories import KEPT, TEST, make_curve, make_record


def warnings(kept: KeptScores = KEPT, **changes: Any) -> list[str]:
    return list(doubts(make_record(**changes), kept))


def with_test(ne: float, **blocks: Metrics) -> Any:
    test = {"test": replace(TEST, ne=ne)} | blocks
    return make_record().metrics.model_copy(update=test)


def test_a_sound_run_has_none() -> None:
    assert warnings() == [] and warnings(metrics=with_test(1.0)) == []


def test_a_logloss_above_that_of_the_base_rate() -> None:
    [warning] = warnings(metrics=with_test(1.87119))
    assert "test LogLoss 0.50000 is above that of the base rate (NE 1.871)" in warning
    assert warnings(metrics=with_test(1.5, test_logloss=replace(TEST, ne=0.9))) == []


RISING, FALLING = make_curve(0.7, 0.72, 0.74), make_curve(0.74, 0.72, 0.7)
LAST, FIRST = (record.Epoch(step=10 * epoch, epoch=epoch) for epoch in (3, 1))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"curve": RISING, "best": LAST}, ["it ended at train.epochs while still improving"]),
        ({"curve": RISING, "best": LAST, "stopped_by": "patience"}, []),
        ({"curve": make_curve(0.7), "best": FIRST}, []),
        ({"curve": FALLING, "best": FIRST}, ["validation never improved after the first"]),
        ({"curve": make_curve(0.7, 0.74, 0.73)}, []),
    ],
)
def test_runs_that_ended_too_early_or_never_got_better(changes, found) -> None:
    for warning, start in zip(warnings(**changes), found, strict=True):
        assert warning.startswith(start)


def test_scores_that_look_like_probabilities() -> None:
    label = np.array([0, 1], np.uint8)
    kept = KeptScores(scores.by_row(np.array([0.25, 0.75], np.float32), label))
    [warning] = warnings(kept)
    assert warning.startswith("every test score lies between 0 and 1")
    for logit in ([0.0, 0.5], [0.5, 1.0], [-0.5, 0.5]):
        assert not like_probabilities(np.array(logit))


def test_a_record_carries_warnings_only_where_there_are_any(tmp_path) -> None:
    plain, doubtful = make_record(), make_record(warnings=("too short",))
    assert "warnings" not in record.whole(plain)
    for each in (plain, doubtful):
        record.write(each, tmp_path / "seed-0.json")
        assert record.read(record.Record, tmp_path / "seed-0.json").warnings == each.warnings


def test_verify_holds_stated_warnings_against_the_record_and_asks_no_older_one_for_them() -> None:
    older = make_record(metrics=with_test(2.0))
    due = tuple(doubts(older, KEPT))
    stated = older.model_copy(update={"warnings": due})
    assert due and not [*quality.warnings(older, KEPT), *quality.warnings(stated, KEPT)]
    for wrong in (("all is well",), (*due, "and more")):
        [fault] = quality.warnings(older.model_copy(update={"warnings": wrong}), KEPT)
        assert fault.startswith("warnings are ")
