import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.measure import metrics
from benchmark.records import scores


def drawn(n: int, seed: int, decimals: int = 6):
    generator = np.random.default_rng(seed)
    logit = np.round(generator.normal(-1, 1.5, n), decimals).astype(np.float32)
    label = (generator.random(n) < 1 / (1 + np.exp(-logit))).astype(np.uint8)
    label[:2] = (0, 1)
    return logit, label


def test_rows_keep_every_logit_in_row_order_within_its_class() -> None:
    logit, label = drawn(50, 1)
    kept = scores.pack(logit, label)
    assert scores.form(kept) == "rows"
    assert kept["positive"].tolist() == logit[label == 1].tolist()
    assert kept["negative"].tolist() == logit[label == 0].tolist()
    assert scores.counts(kept) == (label.sum(), (label == 0).sum())


def test_metrics_come_back_from_rows() -> None:
    logit, label = drawn(3000, 2)
    direct, again = metrics.evaluate(logit, label), scores.recompute(scores.pack(logit, label))
    assert again.auc == direct.auc
    assert again.logloss == pytest.approx(direct.logloss, abs=1e-12)
    assert again.ece == pytest.approx(direct.ece, abs=1e-12)


@given(st.integers(0, 50), st.sampled_from([0, 1, 6]))
def test_bins_bound_the_metrics(seed: int, decimals: int) -> None:
    logit, label = drawn(400, seed, decimals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "MAX_ROWS", 100)
        patch.setattr(scores, "BINS", 40)
        kept = scores.pack(logit, label)
    assert scores.form(kept) == "bins"
    assert scores.counts(kept) == (label.sum(), (label == 0).sum())
    auc, loss = scores.auc_bounds(kept), scores.logloss_bounds(kept)
    assert auc.low <= metrics.auc(logit, label) <= auc.high
    assert loss.holds(metrics.logloss(logit.astype(np.float64), label), 1e-12)
    assert loss.high - loss.low < 0.05
    assert not loss.holds(loss.high + 0.001)


@pytest.mark.parametrize("values", [1, 2, 3, 7])
def test_bounds_hold_under_ties_over_many_bins(values: int, monkeypatch) -> None:
    monkeypatch.setattr(scores, "MAX_ROWS", 10)
    monkeypatch.setattr(scores, "BINS", 50)
    logit, label = drawn(1000, values)
    tied = np.floor(logit * 0 + np.arange(1000) % values).astype(np.float32)
    bounds = scores.auc_bounds(scores.pack(tied, label))
    assert bounds.holds(metrics.auc(tied, label), 1e-12)
    assert bounds.high - bounds.low < 0.2


def test_many_rows_go_into_narrow_bounds() -> None:
    logit, label = drawn(120_000, 3)
    kept = scores.pack(logit, label)
    assert len(kept["low"]) == 16_384
    auc, loss = scores.auc_bounds(kept), scores.logloss_bounds(kept)
    assert auc.holds(metrics.auc(logit, label), 0) and auc.high - auc.low < 1e-3
    assert (
        loss.holds(metrics.logloss(logit.astype(np.float64), label), 0)
        and loss.high - loss.low < 1e-5
    )


def test_the_digest_sees_every_bit_and_survives_the_file(tmp_path) -> None:
    kept = scores.pack(*drawn(20, 4))
    path = tmp_path / "seed-0.npz"
    scores.save(kept, path)
    assert scores.digest(scores.load(path)) == scores.digest(kept)
    kept["positive"] = np.nextafter(kept["positive"], np.float32(9))
    assert scores.digest(scores.load(path)) != scores.digest(kept)


def test_missing_and_damaged_files_are_named(tmp_path) -> None:
    path = tmp_path / "seed-0.npz"
    with pytest.raises(BenchmarkError, match=r"seed-0\.npz: the scores file is missing"):
        scores.load(path)
    scores.save(scores.pack(*drawn(20, 4)), path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BenchmarkError, match=r"seed-0\.npz: the scores file is damaged"):
        scores.load(path)
