"""What is said of a run whose record is there, from hand-made records."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.records.record import Record
from benchmark.verify.again import comparison, is_there
from tests.factories import TEST, keep, make_record


def with_quality(auc: float, loss: float = 0.5, **changes) -> Record:
    quality = make_record().metrics.model_copy(
        update={"test": replace(TEST, auc=auc, logloss=loss)}
    )
    return make_record(metrics=quality, **changes)


KEPT = with_quality(0.750)
OTHER_BITS = KEPT.digests.model_copy(update={"scores": "e" * 64})


@pytest.fixture
def path(tmp_path) -> Path:
    """Of the record, seed 0; beside it two seeds, and one of another recipe."""
    for seed, auc in enumerate((0.750, 0.751, 0.752)):
        keep(with_quality(auc, 0.5 + seed / 1000, seed=seed), tmp_path / f"seed-{seed}.json")
    keep(with_quality(0.9, seed=3, recipe_digest="b" * 64), tmp_path / "seed-3.json")
    return tmp_path / "seed-0.json"


def test_the_same_bits(path) -> None:
    """The sd of .750, .751 and .752 is .001."""
    numbers = "test AUC 0.75000, committed 0.75000 (sd 0.00100 over 3 seeds)"
    line = comparison(KEPT, path, KEPT)
    assert line.startswith(f"synthetic_tiny/dnn seed 0: reproduced bit for bit: {numbers}; test ")
    assert line.endswith("test LogLoss 0.50000, committed 0.50000 (sd 0.00100 over 3 seeds)")


@pytest.mark.parametrize(
    ("auc", "loss", "verdict", "numbers"),
    [
        (0.7502, 0.5, "reproduced", "0.75020, committed 0.75000, apart by +0.0002 or +0.2 sd (sd"),
        (0.7461, 0.5, "reproduced", "apart by -0.0039 or -3.9 sd"),
        (0.7459, 0.5, "NOT reproduced", "apart by -0.0041 or -4.1 sd"),
        (0.75, 0.51, "NOT reproduced", "LogLoss 0.51000, committed 0.50000, apart by +0.01 or +10"),
    ],
)
def test_other_bits_are_judged_by_the_sd_of_the_seeds(path, auc, loss, verdict, numbers) -> None:
    line = comparison(KEPT, path, with_quality(auc, loss, digests=OTHER_BITS))
    assert f"seed 0: {verdict}: test AUC" in line and numbers in line


def test_an_edited_metric_is_not_reproduced_though_the_scores_are(path) -> None:
    assert "seed 0: NOT reproduced: " in comparison(KEPT, path, with_quality(0.70))


def test_one_seed_alone_judges_nothing(tmp_path) -> None:
    """An ad hoc record is no committed one."""
    kept = with_quality(0.75, name=None)
    line = comparison(kept, tmp_path / "seed-0.json", with_quality(0.76, digests=OTHER_BITS))
    assert line.startswith("synthetic_tiny/dnn (ad hoc) seed 0: not judged, as no other seed is")
    assert "test AUC 0.76000, kept 0.75000, apart by +0.01; test LogLoss" in line


def test_a_run_that_is_not_made_again_says_what_is_there(tmp_path) -> None:
    path = tmp_path / "seed-0.json"
    expected = f"synthetic_tiny/dnn seed 0 is there: test AUC 0.75000 ({path}); --again runs it"
    assert is_there(KEPT, path) == f"{expected} and compares"
