from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.batches import Batch, batches, ordered
from benchmark.data.schema import Arrays
from tests.data.tables import make_store


def numbered(rows: int) -> Arrays:
    """Row i: dense [i, -i], sparse [i], label i % 2."""
    i = np.arange(rows)
    dense = np.stack([i, -i], axis=1).astype(np.float32)
    return Arrays(dense, i[:, None].astype(np.int32), (i % 2).astype(np.uint8))


def numbers(source) -> list[list[int]]:
    return [batch.sparse[:, 0].tolist() for batch in source]


def test_ordered_batches_are_the_store_in_its_order(tmp_path):
    train = make_store(tmp_path / "s", rows=7).split("train")
    found = list(ordered(train, 3))
    assert [len(batch) for batch in found] == [3, 3, 1]
    assert [t.dtype for t in (found[0].dense, found[0].sparse, found[0].label)] == [
        torch.float32,
        torch.int32,
        torch.float32,
    ]
    np.testing.assert_array_equal(torch.cat([batch.dense for batch in found]).numpy(), train.dense)
    np.testing.assert_array_equal(torch.cat([batch.sparse for batch in found]).numpy(), train.sparse)
    np.testing.assert_array_equal(torch.cat([batch.label for batch in found]).numpy(), train.label)


@settings(deadline=None, max_examples=50)
@given(rows=st.integers(1, 50), size=st.integers(1, 60), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 99))
def test_an_epoch_holds_every_row_once_and_rows_stay_whole(rows, size, seed, epoch):
    arrays = numbered(rows)
    found = list(batches(arrays, size, seed=seed, epoch=epoch))
    assert [len(batch) for batch in found[:-1]] == [size] * (rows // size - (rows % size == 0))
    assert 1 <= len(found[-1]) <= size
    assert sorted(chain(*numbers(found))) == list(range(rows))
    for batch in found:
        i = batch.sparse[:, 0]
        torch.testing.assert_close(batch.dense, torch.stack([i, -i], dim=1).float(), rtol=0, atol=0)
        torch.testing.assert_close(batch.label, (i % 2).float(), rtol=0, atol=0)


def test_the_order_depends_on_seed_and_epoch_alone():
    arrays = numbered(100)
    orders = {
        key: numbers(batches(arrays, 100, seed=key[0], epoch=key[1]))[0] for key in ((0, 1), (0, 2), (1, 1), (1, 0))
    }
    assert len({tuple(order) for order in orders.values()}) == 4
    torch.manual_seed(5)
    assert list(chain(*numbers(batches(arrays, 7, seed=0, epoch=1)))) == orders[0, 1]


def test_the_order_is_that_of_every_version():
    assert numbers(batches(numbered(8), 3, seed=0, epoch=1)) == [[2, 0, 4], [1, 7, 5], [3, 6]]


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_ranks_share_each_batch(world_size):
    arrays = numbered(11)
    alone = numbers(batches(arrays, 4, seed=3, epoch=0))
    ranks = [
        numbers(batches(arrays, 4, seed=3, epoch=0, rank=rank, world_size=world_size)) for rank in range(world_size)
    ]
    assert [sorted(chain(*parts)) for parts in zip(*ranks, strict=True)] == [sorted(batch) for batch in alone]


def test_start_skips_batches():
    arrays = numbered(11)
    whole = numbers(batches(arrays, 4, seed=3, epoch=0))
    assert numbers(batches(arrays, 4, seed=3, epoch=0, start=2)) == whole[2:]
    assert numbers(batches(arrays, 4, seed=3, epoch=0, start=3)) == []


def test_a_batch_is_a_copy_that_may_be_changed(tmp_path):
    train = make_store(tmp_path / "s", rows=4).split("train")
    batch: Batch = next(ordered(train, 4))
    batch.dense.add_(1)
    batch.sparse.zero_()
    assert train.dense[:, 0].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert train.sparse[1].tolist() == [1, 1]
