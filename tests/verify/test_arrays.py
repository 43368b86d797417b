"""The arrays beside a record, altered with every digest sealed again."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.records import arrays
from benchmark.records.scores import KeptScores
from tests.verify.forging import deep, findings, rescore


def messages(folder) -> list[str]:
    return [finding.message for finding in findings(folder) if finding.path == deep(folder)]


def test_metrics_that_scores_do_not_give_are_found(copy) -> None:
    path = deep(copy)
    text = path.read_text()

    def moved(kept: KeptScores) -> KeptScores:
        return replace(kept, best=replace(kept.best, positive=kept.best.positive + np.float16(0.1)))

    rescore(path, moved)
    path.write_text(text)
    assert "the digest of the scores of metrics.test differs" in messages(copy)
    assert any("metrics.test.auc is" in each for each in messages(copy))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"extra": np.zeros(3)}, "holds no array of a record: extra"),
        ({"best.logit": np.zeros(3)}, "no array of a record: best.logit"),
        ({"best.positive": np.zeros((3, 2), np.uint8)}, "does not hold the scores"),
        ({"best.positive": np.zeros((2, 0), np.uint8)}, "does not hold the scores"),
        ({"best.positive": np.full((2, 9), 255, np.uint8)}, "does not hold the scores"),
        ({"best.positive": np.zeros((2, 9), np.int8)}, "does not hold the scores"),
        ({"best.positive": np.array(["a"])}, "does not hold the scores"),
        ({"best.negative": None}, "does not hold the scores"),
        ({"best_logloss.positives": None}, "does not hold the scores"),
        ({"best_logloss.logit": np.zeros(3, np.int32)}, "does not hold the scores"),
        ({"best_logloss.logit": None}, "no array of a record: best_logloss.negatives"),
        ({"stages": None}, "does not hold the spectra and curves"),
        ({"curve.values": np.zeros((2, 7))}, "does not hold the spectra and curves"),
        ({"spectra.sigma": np.ones(3, np.float32)}, "does not hold the spectra and curves"),
        ({"spectra.sigma": np.full(16, np.nan)}, "does not hold the spectra and curves"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arrays_that_are_too_many_missing_or_malformed_are_one_message(
    copy, changes, fault: str
) -> None:
    path = deep(copy).with_suffix(".npz")
    altered = {**arrays.load(path), **changes}
    arrays.save({name: each for name, each in altered.items() if each is not None}, path)
    [found] = [each for each in messages(copy) if fault in each]
    assert "\n" not in found


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_a_missing_or_damaged_file_is_one_message(copy, content) -> None:
    path = deep(copy).with_suffix(".npz")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    [found] = messages(copy)
    assert f"the file of scores and curves is {'damaged' if content else 'missing'}" in found
