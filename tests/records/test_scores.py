import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.measure import metrics
from benchmark.records import arrays, scores
from benchmark.records.scores import CountedScores, KeptScores, RowScores


def drawn(n: int, seed: int, decimals: int = 6):
    generator = np.random.default_rng(seed)
    logit = np.round(generator.normal(-1, 1.5, n), decimals).astype(np.float32)
    label = (generator.random(n) < 1 / (1 + np.exp(-logit))).astype(np.uint8)
    label[:2] = (0, 1)
    return logit, label


def test_rows_keep_every_logit_in_row_order_within_its_class() -> None:
    logit, label = drawn(50, 1)
    kept = scores.by_row(logit, label)
    assert isinstance(kept, RowScores)
    half = logit.astype(np.float16)
    assert kept.positive.tolist() == half[label == 1].tolist()
    assert kept.negative.tolist() == half[label == 0].tolist()
    assert scores.counts(kept) == (label.sum(), (label == 0).sum())


@given(st.integers(0, 50), st.sampled_from([0, 1, 6]))
def test_both_forms_give_the_metrics_of_the_rounded_logits(seed: int, decimals: int) -> None:
    logit, label = drawn(400, seed, decimals)
    direct = metrics.evaluate(scores.rounded(logit), label)
    for kept in (scores.by_row(logit, label), scores.counted(logit, label)):
        again = scores.evaluate(kept)
        assert again.auc == direct.auc
        for name in ("logloss", "ne", "calibration", "ece"):
            assert getattr(again, name) == pytest.approx(getattr(direct, name), abs=1e-12)


def test_both_forms_have_the_sd_of_the_rows_losses() -> None:
    logit, label = drawn(400, 4)
    z = scores.rounded(logit).astype(np.float64)
    losses = np.logaddexp(0, np.where(label == 1, -z, z))
    for kept in (scores.by_row(logit, label), scores.counted(logit, label)):
        assert scores.loss_sd(kept) == pytest.approx(losses.std(), rel=1e-12)


def test_rounding_moves_auc_by_less_than_a_hundred_thousandth() -> None:
    for seed in range(5):
        logit, label = drawn(50_000, seed)
        assert abs(metrics.auc(scores.rounded(logit), label) - metrics.auc(logit, label)) < 1e-5


def test_many_rows_are_counted_and_lose_nothing() -> None:
    logit, label = drawn(120_000, 3)
    kept = scores.by_row(logit, label)
    assert isinstance(kept, CountedScores)
    assert KeptScores(kept).rows() is None
    assert scores.counts(kept) == (label.sum(), (label == 0).sum())
    assert scores.evaluate(kept).auc == metrics.auc(scores.rounded(logit), label)


def test_logits_beyond_float16_stay_finite_and_in_order() -> None:
    assert scores.rounded(np.array([-1e9, 0.0, 1e9])).tolist() == [-65504.0, 0.0, 65504.0]


VALUES = st.lists(st.floats(-65504, 65504, width=16), min_size=2, max_size=60)


@given(VALUES, st.integers(0, 2**20))
def test_the_file_gives_back_what_was_kept(values: list[float], seed: int) -> None:
    logit = np.array(values, np.float32)
    label = np.random.default_rng(seed).integers(0, 2, len(logit)).astype(np.uint8)
    label[:2] = (0, 1)
    kept = KeptScores(scores.by_row(logit, label), scores.counted(logit, label))
    packed = scores.pack(kept)
    best = scores._unpack(packed, "best")
    best_logloss = scores._unpack(packed, "best_logloss")
    assert isinstance(best, RowScores) and isinstance(best_logloss, CountedScores)
    assert best.positive.tobytes() == kept.best.positive.tobytes()
    assert best.negative.tobytes() == kept.best.negative.tobytes()
    for one, other in zip(best_logloss.by_class(), kept.best_logloss.by_class(), strict=True):
        assert one.tolist() == other.tolist()


def test_the_digest_sees_every_bit_and_survives_the_file(tmp_path) -> None:
    kept = KeptScores(scores.by_row(*drawn(20, 4)))
    path = tmp_path / "seed-0.npz"
    arrays.save(scores.pack(kept), path)
    assert scores.digest(scores.load(path).best) == scores.digest(kept.best)
    kept.best.positive[0] = np.nextafter(kept.best.positive[0], np.float16(9))
    assert scores.digest(scores.load(path).best) != scores.digest(kept.best)


def test_missing_and_damaged_files_are_named(tmp_path) -> None:
    path = tmp_path / "seed-0.npz"
    with pytest.raises(BenchmarkError, match=r"seed-0\.npz: the file of scores and .* is missing"):
        scores.load(path)
    arrays.save(scores.pack(KeptScores(scores.by_row(*drawn(20, 4)))), path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BenchmarkError, match=r"seed-0\.npz: the file of scores and .* is damaged"):
        scores.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"best.positive": np.zeros((2, 0), np.uint8)},
        {"best.positive": np.zeros(4, np.float16)},
        {"best.positive": np.full((2, 3), 255, np.uint8)},  # nan
        {"best_logloss.logit": np.array([3, 0], np.int32)},
        {"best_logloss.logit": np.array([31_744, 1], np.int32)},  # infinite
        {"best_logloss.positives": np.zeros(2, np.int64)},
        {"best_logloss.positives": np.array([1, 0], np.uint32)},
    ],
)
def test_arrays_that_no_run_keeps_are_refused(tmp_path, change) -> None:
    logit, label = np.array([1.0, 1.0, 2.0], np.float32), np.array([0, 1, 0], np.uint8)
    kept = KeptScores(scores.by_row(logit, label), scores.counted(logit, label))
    path = tmp_path / "seed-0.npz"
    packed = {**scores.pack(kept), **change}
    if "best_logloss.positives" in change:
        packed["best_logloss.negatives"] = np.array([1, 0], np.uint32)
    arrays.save(packed, path)
    with pytest.raises(BenchmarkError, match="does not hold the scores of a record"):
        scores.load(path)
