import os
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import batches as batches_module
from benchmark.data.batches import ORDER_ROWS, Batch, batches, on_device, ordered, resident
from benchmark.data.schema import Split
from benchmark.data.shuffle import WINDOW_ROWS
from tests.data.tables import make_store


def numbered(rows: int) -> Split:
    """Row i: dense [i, -i], sparse [i], label i % 2."""
    i = np.arange(rows)
    dense = np.stack([i, -i], axis=1).astype(np.float32)
    return Split(dense, i[:, None].astype(np.int32), (i % 2).astype(np.uint8))


def numbers(source) -> list[list[int]]:
    return [batch.sparse[:, 0].tolist() for batch in source]


def test_ordered_batches_are_the_store_in_its_order(tmp_path):
    train = make_store(tmp_path / "s", rows=7).split("train")
    result = list(ordered(train, 3))
    assert [len(batch) for batch in result] == [3, 3, 1]
    assert [t.dtype for t in (result[0].dense, result[0].sparse, result[0].label)] == [
        torch.float32,
        torch.int32,
        torch.float32,
    ]
    np.testing.assert_array_equal(torch.cat([batch.dense for batch in result]).numpy(), train.dense)
    np.testing.assert_array_equal(
        torch.cat([batch.sparse for batch in result]).numpy(), train.sparse
    )
    np.testing.assert_array_equal(torch.cat([batch.label for batch in result]).numpy(), train.label)


@settings(deadline=None, max_examples=50)
@given(
    rows=st.integers(1, 50),
    size=st.integers(1, 60),
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 99),
    shuffle=st.sampled_from(["rows", "blocks"]),
)
def test_an_epoch_holds_every_row_once_and_rows_stay_whole(rows, size, seed, epoch, shuffle):
    arrays = numbered(rows)
    result = list(batches(arrays, size, seed=seed, epoch=epoch, shuffle=shuffle))
    assert [len(batch) for batch in result[:-1]] == [size] * (rows // size - (rows % size == 0))
    assert 1 <= len(result[-1]) <= size
    assert sorted(chain(*numbers(result))) == list(range(rows))
    for batch in result:
        i = batch.sparse[:, 0]
        torch.testing.assert_close(batch.dense, torch.stack([i, -i], dim=1).float(), rtol=0, atol=0)
        torch.testing.assert_close(batch.label, (i % 2).float(), rtol=0, atol=0)


def test_the_order_depends_on_seed_and_epoch_alone():
    arrays = numbered(100)
    orders = {
        key: numbers(batches(arrays, 100, seed=key[0], epoch=key[1]))[0]
        for key in ((0, 1), (0, 2), (1, 1), (1, 0))
    }
    assert len({tuple(order) for order in orders.values()}) == 4
    torch.manual_seed(5)
    assert list(chain(*numbers(batches(arrays, 7, seed=0, epoch=1)))) == orders[0, 1]


@pytest.mark.parametrize(
    ("shuffle", "expected"),
    [("rows", [[3, 4, 5], [0, 6, 1], [2, 7]]), ("blocks", [[1, 4, 5], [7, 0, 3], [2, 6]])],
)
def test_the_order_is_that_of_every_version(shuffle, expected):
    assert numbers(batches(numbered(8), 3, seed=0, epoch=1, shuffle=shuffle)) == expected


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_start_skips_batches(shuffle):
    arrays = numbered(11)
    whole = numbers(batches(arrays, 4, seed=3, epoch=0, shuffle=shuffle))
    assert numbers(batches(arrays, 4, seed=3, epoch=0, shuffle=shuffle, start=2)) == whole[2:]
    assert numbers(batches(arrays, 4, seed=3, epoch=0, shuffle=shuffle, start=3)) == []


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_start_skips_batches_of_an_epoch_of_many_pieces(shuffle):
    rows = WINDOW_ROWS + ORDER_ROWS + 77
    arrays = numbered(rows)
    whole = numbers(batches(arrays, 5000, seed=3, epoch=0, shuffle=shuffle))
    assert sorted(chain(*whole)) == list(range(rows))
    for start in (1, 52, 53, 60):
        assert (
            numbers(batches(arrays, 5000, seed=3, epoch=0, shuffle=shuffle, start=start))
            == whole[start:]
        )


@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_rows_on_a_device_come_in_the_same_batches_as_from_files(tmp_path, shuffle):
    stored = make_store(tmp_path / "s", rows=ORDER_ROWS + 7).split("train")
    there = resident(stored, torch.device("cpu"))
    dtypes = [each.dtype for each in (there.dense, there.sparse, there.label)]
    assert dtypes == [torch.float32, torch.int32, torch.uint8]

    def sources(arrays):
        epoch = batches(arrays, 5000, seed=3, epoch=1, shuffle=shuffle, start=2)
        return [*epoch, *ordered(arrays, 9000)]

    for one, other in zip(sources(stored), sources(there), strict=True):
        assert torch.equal(one.dense, other.dense) and torch.equal(one.sparse, other.sparse)
        assert torch.equal(one.label, other.label) and other.label.dtype == torch.float32


def test_a_split_lies_on_a_gpu_where_it_fills_half_of_what_is_free_at_most(monkeypatch):
    arrays, gpu = numbered(10), torch.device("cuda")
    monkeypatch.setattr(batches_module, "resident", lambda split, device: "there")
    for free, expected in ((10 * 13 * 2, "there"), (10 * 13 * 2 - 1, arrays)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 1 << 40))
        assert on_device(arrays, gpu) is expected
    assert on_device(arrays, torch.device("cpu")) is arrays


def test_files_are_read_ahead_where_there_is_room(tmp_path, monkeypatch):
    train = make_store(tmp_path / "s", rows=7).split("train")
    reads: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os,
        "posix_fadvise",
        lambda _, offset, size, advice: reads.append((offset, size)),
        raising=False,
    )
    numbers(batches(train, 3, seed=0, epoch=1))
    assert reads == [(128, array.nbytes) for array in (train.dense, train.sparse, train.label)]
    reads.clear()
    monkeypatch.setattr(batches_module, "_free_bytes", lambda: train.dense.nbytes)
    numbers(batches(train, 3, seed=0, epoch=1))
    assert not reads


def test_a_batch_is_a_copy_that_may_be_changed(tmp_path):
    train = make_store(tmp_path / "s", rows=4).split("train")
    batch: Batch = next(ordered(train, 4))
    batch.dense.add_(1)
    batch.sparse.zero_()
    assert train.dense[:, 0].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert train.sparse[1].tolist() == [1, 1]
