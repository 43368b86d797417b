"""Forgeries with every digest sealed again and every metric derived anew: docs/forgeries.md lists
them, and who refuses each. What `verify` cannot refuse, a replay does."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.records import record, scores
from benchmark.records.doubts import doubts
from benchmark.records.record import Record
from benchmark.records.scores import CountedScores, KeptScores, RowScores
from benchmark.verify.data import Data
from benchmark.verify.ladder import verify_files
from benchmark.verify.replay import differences
from tests.verify.forging import alter, deep, findings, keep, linear, rescore

Logits = Callable[[np.ndarray], np.ndarray]


def faults(path: Path, folder: Path) -> list[str]:
    """What is found at a record, but for the tables that are no longer made of it."""
    return [each.message for each in findings(folder) if each.path == path and each.failed]


def refused(path: Path, folder: Path, why: str) -> None:
    found = faults(path, folder)
    assert any(why in each for each in found), found


def rows(path: Path) -> RowScores:
    kept = scores.load(path.with_suffix(".npz")).best
    assert isinstance(kept, RowScores)
    return kept


def moved(positive: Logits, negative: Logits) -> Callable[[KeptScores], KeptScores]:
    """Other logits at the best epoch, which is that by LogLoss too."""

    def change(kept: KeptScores) -> KeptScores:
        assert isinstance(kept.best, RowScores)
        best = RowScores(
            positive(kept.best.positive).astype(np.float16),
            negative(kept.best.negative).astype(np.float16),
        )
        return KeptScores(best, scores.counted(*scores.labelled(best)))

    return change


def same(logit: np.ndarray) -> np.ndarray:
    return logit


def given(best: RowScores) -> Callable[[KeptScores], KeptScores]:
    return moved(lambda _: best.positive, lambda _: best.negative)


def learned(folder: Path) -> None:
    """Give every record logits as of runs that learned: a signal of the rows, and its own noise."""
    random = np.random.default_rng(5)
    best = rows(deep(folder))
    shared = [random.standard_normal(len(part)) for part in (best.positive, best.negative)]
    for path in (deep(folder), deep(folder, 1), linear(folder), linear(folder, 1)):
        positive, negative = (x + 0.6 * random.standard_normal(len(x)) for x in shared)
        rescore(path, moved(lambda _, x=positive: x - 0.6, lambda _, x=negative: x - 1.5))


def test_a_few_counts_instead_of_rows_are_refused(copy) -> None:
    clicks, rest = len(rows(deep(copy)).positive), len(rows(deep(copy)).negative)
    counts = CountedScores(
        np.array([-2.0, 1.0], np.float16),
        np.array([100, clicks - 100], np.uint32),
        np.array([rest - 100, 100], np.uint32),
    )
    rescore(deep(copy), lambda _: KeptScores(counts, counts))
    refused(deep(copy), copy, "the scores of 8000 test rows have not the form for so many")


def test_counts_of_other_rows_than_the_datas_are_refused(copy) -> None:
    def fewer(kept: KeptScores) -> KeptScores:
        counts = kept.best_logloss
        assert counts is not None
        few = counts.negatives.copy()
        few[few.argmax()] -= 1
        return replace(kept, best_logloss=replace(counts, negatives=few))

    rescore(deep(copy), fewer)
    clicks, rest = len(rows(deep(copy)).positive), len(rows(deep(copy)).negative)
    refused(deep(copy), copy, f"hold ({clicks}, {rest - 1}) positives and negatives, the data")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ece", -0.01, "ece -0.01 is outside"),
        ("ece", 0.9, "ece 0.9 is outside"),
        ("calibration", 5.0, "calibration 5.0 is a mean probability of 1.2"),
        ("calibration", 1.5, "which calibration gives"),
        ("auc", 1.01, "auc 1.01, gauc None or logloss"),
        ("gauc", -0.1, "gauc -0.1 or logloss"),
    ],
)
def test_validation_metrics_that_no_probabilities_have_are_refused(copy, name, value, why) -> None:
    alter(deep(copy), ("measured", "curve", 0, "valid", name), value)
    refused(deep(copy), copy, why)


def test_b_scores_better_than_the_true_probability_are_refused(copy) -> None:
    rescore(deep(copy), moved(lambda x: x + 5, lambda x: x - 5))
    refused(deep(copy), copy, "test AUC 1.0 is above 0.8")
    refused(deep(copy), copy, "test LogLoss 0.00")


def test_b_test_metrics_far_from_those_of_validation_are_refused(copy) -> None:
    rescore(deep(copy), moved(lambda x: x + 0.1, same))
    refused(deep(copy), copy, "test AUC is +0.")
    refused(deep(copy), copy, "standard errors")
    assert not any("true click" in each for each in faults(deep(copy), copy))


def test_b_where_rows_were_not_drawn_alike_other_recipes_say_what_the_gap_is(copy) -> None:
    def no_card(name: str) -> Data:
        return Data(None, None, f"{name} is not here")

    def gaps(*paths: Path) -> list[tuple[Path, bool]]:
        found = verify_files(paths, no_card, copy / "recipes")
        return [(each.path, each.failed) for each in found if "validation" in each.message]

    every = (deep(copy), deep(copy, 1), linear(copy), linear(copy, 1))
    assert gaps(*every) == []
    rescore(deep(copy), moved(lambda x: x - 0.2, same))
    assert (deep(copy), True) in gaps(deep(copy))
    shutil.rmtree(linear(copy).parent)
    assert gaps(deep(copy), deep(copy, 1)) == [(deep(copy), False), (deep(copy, 1), False)]


@pytest.mark.parametrize(
    "change", [lambda x: np.nextafter(x, np.float16(9)), lambda x: 2 * x + 1, lambda x: x**3]
)
def test_c_logits_of_another_recipe_moved_or_transformed_are_refused(copy, change) -> None:
    learned(copy)
    best = rows(linear(copy))
    rescore(deep(copy), given(RowScores(change(best.positive), change(best.negative))))
    for path, other in ((deep(copy), "linear/seed-0"), (linear(copy), "deep/seed-0")):
        [found] = [each for each in faults(path, copy) if "order the rows as those" in each]
        assert other in found


def test_c_seeds_of_a_convex_model_alone_may_agree(copy) -> None:
    for of in (linear, deep):
        rescore(of(copy, 1), given(rows(of(copy))))
    assert not any("order the rows" in each for each in faults(linear(copy, 1), copy))
    refused(deep(copy, 1), copy, "order the rows as those")


def test_d_swapped_seeds_are_refused_whatever_the_environment_says(copy) -> None:
    for suffix in (".json", ".npz"):
        one, other = deep(copy).with_suffix(suffix), deep(copy, 1).with_suffix(suffix)
        one.rename(one.with_suffix(".tmp"))
        other.rename(one)
        one.with_suffix(".tmp").rename(other)
    for seed in (0, 1):
        alter(deep(copy, seed), ("seed",), seed)
        alter(deep(copy, seed), ("environment", "versions", "torch"), "1.0")
        refused(deep(copy, seed), copy, f"seed {seed} gives other spectra of the untrained model")
        refused(deep(copy, seed), copy, "'torch': '1.0'}, here are ")


def test_f_the_mean_of_the_seeds_as_each_seed_is_refused(copy) -> None:
    one, other = rows(deep(copy)), rows(deep(copy, 1))
    mean = RowScores(
        (one.positive + other.positive) / np.float16(2),
        (one.negative + other.negative) / np.float16(2),
    )
    for seed in (0, 1):
        rescore(deep(copy, seed), given(mean))
    refused(deep(copy), copy, "order the rows as those")
    refused(deep(copy, 1), copy, "order the rows as those")


def test_a_mean_of_other_runs_is_refused(copy) -> None:
    learned(copy)
    assert not any("a sum of other runs" in each for each in faults(deep(copy, 1), copy))
    parts = [rows(path) for path in (deep(copy), linear(copy))]
    positive = np.mean([part.positive for part in parts], axis=0, dtype=np.float64)
    negative = np.mean([part.negative for part in parts], axis=0, dtype=np.float64)
    rescore(deep(copy, 1), moved(lambda _: positive, lambda _: negative))
    refused(deep(copy, 1), copy, "a sum of other runs'")


def test_rows_shuffled_within_their_class_to_hide_a_copy_are_refused(copy) -> None:
    learned(copy)
    random, best = np.random.default_rng(0), rows(linear(copy))
    shuffled = RowScores(random.permutation(best.positive), random.permutation(best.negative))
    assert not any("in row order" in each for each in faults(deep(copy), copy))
    for seed in (0, 1):
        rescore(deep(copy, seed), given(shuffled))
        refused(deep(copy, seed), copy, "its logits are not in row order")


def test_seeds_chosen_by_their_result_are_refused(copy) -> None:
    for suffix in (".json", ".npz"):
        deep(copy).with_suffix(suffix).unlink()
    refused(deep(copy, 1), copy, "its recipe has no ranked run of seed 0")


@pytest.mark.parametrize("change", [lambda x: x * np.float16(0.2), lambda x: x - np.float16(1)])
def test_logits_scaled_or_shifted_after_the_test_are_refused(copy, change) -> None:
    path = linear(copy)
    rescore(path, moved(change, change))
    refused(path, copy, "off validation, over 5 standard errors")


def test_logits_scaled_in_the_block_of_logloss_alone_are_refused(copy) -> None:
    def scaled(kept: KeptScores) -> KeptScores:
        counts = kept.best_logloss
        assert counts is not None
        return replace(kept, best_logloss=replace(counts, logit=counts.logit * np.float16(2)))

    rescore(deep(copy), scaled)
    refused(deep(copy), copy, "both its best epochs are one, and their scores differ")


def test_rows_that_changed_their_label_are_refused(copy) -> None:
    """The lowest logits of positives change place with the highest of negatives."""
    best = rows(deep(copy))
    positive, negative = np.sort(best.positive), np.sort(best.negative)
    positive[:400], negative[-400:] = negative[-400:].copy(), positive[:400].copy()
    rescore(deep(copy), given(RowScores(positive, negative)))
    refused(deep(copy), copy, "test AUC is +0.")


def test_a_record_given_out_under_another_recipe_is_refused(copy) -> None:
    taken = scores.load(linear(copy).with_suffix(".npz"))
    rescore(deep(copy), lambda _: taken)
    refused(linear(copy), copy, "its scores are those of")


def test_an_epoch_chosen_by_the_test_is_refused_by_a_replay_alone(copy) -> None:
    """The two evaluations change place, so that the first is the best, in all that follows."""
    honest = record.load(deep(copy))
    content = record.whole(honest)
    first, last = content["measured"]["curve"]
    first["valid"], last["valid"] = last["valid"], first["valid"]
    first["improved"], last["improved"] = ["auc", "logloss"], []
    content["best"] = content["best_logloss"] = {"step": first["step"], "epoch": 1}
    kept = scores.load(deep(copy).with_suffix(".npz"))
    content["warnings"] = list(doubts(Record.model_validate_json(json.dumps(content)), kept))
    forged = Record.model_validate_json(json.dumps(content))
    keep(forged, kept, deep(copy))
    assert faults(deep(copy), copy) == []
    assert any(each.startswith("best.step is") for each in differences(forged, honest))
