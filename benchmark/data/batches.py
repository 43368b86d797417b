"""Batches of a split, straight from its memory map."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.schema import Arrays


@dataclass(frozen=True)
class Batch:
    """dense float32 [B, n_dense], sparse int32 [B, n_sparse], label float32 [B]."""

    dense: Tensor
    sparse: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.dense.to(device), self.sparse.to(device), self.label.to(device))


def batches(
    arrays: Arrays, batch_size: int, *, seed: int, epoch: int, rank: int = 0, world_size: int = 1, start: int = 0
) -> Iterator[Batch]:
    """All rows once, in an order that depends on (seed, epoch) alone; the last batch may be short.

    `batch_size` counts the rows of all ranks: rank r takes rows r, r + world_size, ... of each batch, so every rank
    yields the same number of batches (a last one of fewer rows than ranks is empty for some). `start` batches are
    skipped, to resume within an epoch."""
    generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    order = generator.permutation(np.arange(len(arrays), dtype=np.int32))
    for first in range(start * batch_size, len(order), batch_size):
        yield _gather(arrays, order[first : first + batch_size][rank::world_size])


def ordered(arrays: Arrays, batch_size: int) -> Iterator[Batch]:
    """All rows once, in the order of the store."""
    for first in range(0, len(arrays), batch_size):
        yield _gather(arrays, np.arange(first, min(first + batch_size, len(arrays)), dtype=np.int32))


def _gather(arrays: Arrays, rows: NDArray[np.int32]) -> Batch:
    # mode="clip": the default checks by way of a second copy
    dense, sparse, label = (np.take(a, rows, axis=0, mode="clip") for a in (arrays.dense, arrays.sparse, arrays.label))
    return Batch(torch.from_numpy(dense), torch.from_numpy(sparse), torch.from_numpy(label).float())
