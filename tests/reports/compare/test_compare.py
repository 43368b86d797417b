"""Two sides compared on hand-made records, whose differences are known."""

from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BenchmarkError, UsageError
from benchmark.measure import metrics
from benchmark.measure.significance import delong
from benchmark.records import record, scores
from benchmark.records.archive import Archive
from benchmark.records.record import StageSpectra, scores_path
from benchmark.reports.compare import tables
from benchmark.reports.compare.sides import labels, pair
from tests.factories import TEST, make_record, make_spectrum

DATASET = "synthetic_tiny"
LABEL = np.array([1, 1, 1, 0, 0, 0, 0], np.uint8)
LOGITS = {
    "good": (2.0, 1.0, 0.5, 0.75, -1.0, -2.0, -3.0),
    "bad": (1.0, -0.5, 0.25, 0.5, 0.0, -1.0, 0.75),
}


def keep(
    results: Path,
    name: str,
    seed: int = 0,
    auc: float | None = None,
    *,
    shift: float = 0.0,
    **changes,
) -> Path:
    """With the scores that LOGITS give this recipe, and their metrics unless `auc` is given."""
    logit = np.array(LOGITS.get(name, LOGITS["good"]), np.float32) + np.float32(shift)
    test = metrics.evaluate(logit, LABEL) if auc is None else replace(TEST, auc=auc)
    quality = make_record().metrics.model_copy(update={"test": test})
    run = make_record(name=name, seed=seed, **({"metrics": quality} | changes))
    path = Archive(results).path(run.dataset, name, seed)
    record.save(run, path)
    scores.save(scores.pack(logit, LABEL), scores_path(path))
    return path


def sides(results: Path, a: str = f"{DATASET}/good", b: str = f"{DATASET}/bad"):
    return pair(a, b, results)


def section(results: Path, title: str):
    a, b = sides(results)
    every = tables.report(a, b)
    return next(table for table in every if table.title.startswith(title))


def row(found, name: str) -> dict[str, str]:
    cells = next(cells for cells in found.rows if cells[0].strip() == name)
    return dict(zip(found.head, cells, strict=True))


def test_over_seeds_the_interval_is_welchs(tmp_path) -> None:
    """Variances 1e-4 and 1e-4 of 3 seeds: standard error 0.01 sqrt(2 / 3) with 4 degrees of
    freedom."""
    for seed, shift in enumerate((-0.01, 0, 0.01)):
        keep(tmp_path, "good", seed, 0.8 + shift)
        keep(tmp_path, "bad", seed, 0.7 + shift)
    gap = tables.gaps(*sides(tmp_path))[0]
    assert gap.difference.value == pytest.approx(0.1)
    assert gap.difference.high - 0.1 == pytest.approx(2.7764451051977987 * 0.01 * sqrt(2 / 3))
    shown = row(section(tmp_path, "Quality"), "test AUC")
    assert shown["good"] == "0.80000 ± 0.01000"
    assert (shown["difference"], shown["95 % interval"]) == ("+0.10000", "+0.07733 to +0.12267")


def test_over_seeds_rows_are_drawn_anew_too(tmp_path) -> None:
    for seed in range(3):
        keep(tmp_path, "good", seed, shift=seed / 4)
        keep(tmp_path, "bad", seed, shift=seed / 4)
    *_, last = tables.gaps(*sides(tmp_path))
    assert last.by == "bootstrap, over test rows and seeds"
    assert last.difference.value == pytest.approx(11 / 12 - 7 / 12)
    assert last.difference == tables.gaps(*sides(tmp_path))[-1].difference


def test_over_the_rows_of_two_single_runs(tmp_path) -> None:
    """DeLong for AUC; for LogLoss the mean of paired differences and its normal interval."""
    keep(tmp_path, "good")
    keep(tmp_path, "bad", 5)
    auc, logloss, *others = tables.gaps(*sides(tmp_path))
    good, bad = (np.array(LOGITS[name]) for name in ("good", "bad"))
    assert auc.difference == delong((good[:3], good[3:]), (bad[:3], bad[3:]))
    assert auc.difference.value == pytest.approx(11 / 12 - 7 / 12)
    each = np.log1p(np.exp(np.where(LABEL, -good, good))) - np.log1p(
        np.exp(np.where(LABEL, -bad, bad))
    )
    assert logloss.difference.value == pytest.approx(each.mean())
    margin = 1.959963984540054 * each.std(ddof=1) / sqrt(7)
    assert logloss.difference.high == pytest.approx(each.mean() + margin)
    assert [gap.difference for gap in others] == [None, None]


def test_one_run_beside_several_has_a_difference_and_no_interval(tmp_path) -> None:
    keep(tmp_path, "good", 0, 0.8)
    keep(tmp_path, "bad", 0, 0.7)
    keep(tmp_path, "bad", 1, 0.72)
    shown = row(section(tmp_path, "Quality"), "test AUC")
    assert (shown["difference"], shown["95 % interval"]) == ("+0.09000", "")
    assert shown["by"] == "an interval takes two seeds"


def test_scores_that_cannot_be_paired_are_told(tmp_path) -> None:
    path = keep(tmp_path, "good")
    keep(tmp_path, "bad")
    scores.save(
        scores.pack(np.zeros(3, np.float32), np.array([1, 1, 0], np.uint8)), scores_path(path)
    )
    assert (
        tables.gaps(*sides(tmp_path))[0].by
        == "AUCs are compared over at least two rows of each class"
    )
    scores_path(path).unlink()
    assert tables.gaps(*sides(tmp_path))[0].by.endswith("the scores file is missing")
    random = np.random.default_rng(0)
    many = (
        random.standard_normal(100_001).astype(np.float32),
        random.integers(0, 2, 100_001, np.uint8),
    )
    scores.save(scores.pack(*many), scores_path(path))
    assert tables.gaps(*sides(tmp_path))[0].by == "the logits are not kept row by row, only in bins"


def cross(*eranks: float) -> tuple[StageSpectra, ...]:
    names = ("embedding", *(f"cross{place}" for place in range(1, len(eranks))))
    return tuple(
        StageSpectra(stage=name, initial=make_spectrum(3.0), best=make_spectrum(erank))
        for name, erank in zip(names, eranks, strict=True)
    )


def test_stages_that_one_side_lacks_stay_empty(tmp_path) -> None:
    for seed in range(2):
        keep(tmp_path, "good", seed)
        keep(tmp_path, "bad", seed, spectra=cross(3.0, 1.5))
    found = section(tmp_path, "Effective rank")
    assert [cells[0] for cells in found.rows] == [
        "embedding",
        "tokens",
        "block1.mixing",
        "block1.ffn",
        "cross1",
    ]
    both, only = row(found, "embedding"), row(found, "cross1")
    assert (both["good, trained"], both["bad, trained"]) == ("▆ 0.667 ± 0.000", "▄ 0.500 ± 0.000")
    assert both["difference, trained"] == "+0.167" and both["95 % interval"] == "+0.167 to +0.167"
    assert (only["good, trained"], only["difference, trained"], only["95 % interval"]) == (
        "",
        "",
        "",
    )
    assert found.remarks[-1] == "Bars run from 0.250 to 0.833."


def test_cost_is_a_ratio_of_means(tmp_path) -> None:
    keep(tmp_path, "good")
    keep(tmp_path, "bad", flops_per_sample=273)
    found = section(tmp_path, "Cost")
    assert row(found, "FLOPs / sample") == {
        "": "FLOPs / sample",
        "good": "546",
        "bad": "273",
        "ratio": "2.00",
    }
    assert row(found, "parameters")["ratio"] == "1.00"
    keep(tmp_path, "bad", flops_per_sample=0)
    assert row(section(tmp_path, "Cost"), "FLOPs / sample")["ratio"] == ""


def test_a_side_is_a_recipe_a_record_or_a_folder_of_records(tmp_path) -> None:
    path = keep(tmp_path, "good", 3)
    keep(tmp_path, "good", 0)
    keep(tmp_path, "bad")
    recipe, folder = sides(tmp_path, f"{DATASET}/good", str(tmp_path / "records" / DATASET / "bad"))
    assert (recipe.name, [run.seed for run in recipe.runs], folder.name) == ("good", [0, 3], "bad")
    first, second = sides(tmp_path, str(path), f"{DATASET}/bad")
    assert (first.name, len(second.runs)) == ("good seed 3", 1)


def test_two_sides_of_one_name_are_told_apart(tmp_path) -> None:
    keep(tmp_path / "now", "good")
    old = keep(tmp_path / "old", "good")
    first, second = pair(f"{DATASET}/good", str(old.parent), tmp_path / "now")
    assert (first.name, second.name) == ("good (A)", "good (B)")


def test_what_cannot_be_compared_is_refused(tmp_path) -> None:
    path = keep(tmp_path, "good")
    keep(tmp_path, "bad")
    other = replace(make_record().data, arrays="b" * 64)
    keep(tmp_path, "old", data=other)
    keep(tmp_path, "far", dataset="synthetic")
    for a, b, error, message in (
        ("good", "god", UsageError, f"did you mean {DATASET}/good"),
        (
            "good",
            "fm",
            BenchmarkError,
            f"there is no record of {DATASET}/fm in .*run --recipe {DATASET}/fm --seeds",
        ),
        ("good", "good", UsageError, "share a record"),
        (
            "good",
            "old",
            BenchmarkError,
            r"different data of synthetic_tiny \(arrays dddddddddddd and bbbbbbbbbbbb\)",
        ),
    ):
        with pytest.raises(error, match=message):
            sides(tmp_path, f"{DATASET}/{a}", f"{DATASET}/{b}")
    with pytest.raises(UsageError, match="far on synthetic: runs on different data sets cannot"):
        sides(tmp_path, f"{DATASET}/good", "synthetic/far")
    with pytest.raises(UsageError, match="share a record"):
        sides(tmp_path, f"{DATASET}/good", str(path))
    for gone in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UsageError, match=f"{gone}: there is no record"):
            sides(tmp_path, f"{DATASET}/good", str(gone))
    keep(tmp_path, "bad", 1, numerics=99)
    with pytest.raises(BenchmarkError, match="differ in numerics"):
        sides(tmp_path)


def test_other_conditions_are_labelled(tmp_path) -> None:
    keep(tmp_path, "good", 0, notes=("mixes nothing",))
    keep(tmp_path, "bad", 1, numerics=99, threads=2, train_rows=1000, caveat="made up")
    assert list(labels(*sides(tmp_path))) == [
        f"not alike in numerics version: {make_record().numerics} (good), 99 (bad)",
        "not alike in training rows: all (good), the first 1,000 (bad)",
        "not alike in seeds: 0 (good), 1 (bad)",
        "not alike in threads: 1 (good), 2 (bad)",
        "made up",
        "good: mixes nothing",
    ]


def test_logloss_of_equal_runs_differs_by_nothing(tmp_path) -> None:
    keep(tmp_path, "good")
    keep(tmp_path, "twin", 1)
    difference = tables.gaps(*sides(tmp_path, b=f"{DATASET}/twin"))[1].difference
    assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)
