"""Batches of a split, read from its memory maps."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.data.schema import Split
from benchmark.data.shuffle import WINDOW_ROWS, BlockOrder, Shuffle, row_order
from benchmark.utils.arrays import Integers

ORDER_ROWS = 1 << 16


@dataclass(frozen=True)
class Batch:
    """dense float32 [B, n_dense], sparse int32 [B, n_sparse], label float32 [B]."""

    dense: Tensor
    sparse: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device; copies to a GPU overlap with its work."""
        if device.type == "cpu":
            return self
        tensors = (self.dense, self.sparse, self.label)
        return Batch(*(tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors))


def batches(
    arrays: Split,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    shuffle: Shuffle = "rows",
    start: int = 0,
) -> Iterator[Batch]:
    """Yield every row once, in an order that depends on (seed, epoch, shuffle) only.

    The last batch may be short; `start` batches are skipped. Files are read ahead: completely if
    they fit into free memory (shuffle "rows"), or window by window ("blocks")."""
    skipped = start * batch_size
    pieces = _by_rows if shuffle == "rows" else _by_blocks
    pending = np.empty(0, np.int64)
    for piece in pieces(arrays, seed, epoch, skipped):
        pending = np.concatenate([pending, piece])
        whole = len(pending) - len(pending) % batch_size
        for first in range(0, whole, batch_size):
            yield _gather(arrays, pending[first : first + batch_size])
        pending = pending[whole:]
    if len(pending):
        yield _gather(arrays, pending)


def ordered(arrays: Split, batch_size: int) -> Iterator[Batch]:
    """Yield every row once, in the order of the store."""
    for first in range(0, len(arrays), batch_size):
        yield _gather(arrays, np.arange(first, min(first + batch_size, len(arrays))))


def _by_rows(arrays: Split, seed: int, epoch: int, skipped: int) -> Iterator[Integers]:
    """Yield the rows of an epoch after the skipped ones, ORDER_ROWS at a time."""
    n = len(arrays)
    if arrays.dense.nbytes + arrays.sparse.nbytes + arrays.label.nbytes < _free_bytes() / 2:
        _read_ahead(arrays, 0, n)
    order = row_order(n, seed=seed, epoch=epoch)
    for first in range(skipped, n, ORDER_ROWS):
        yield order(np.arange(first, min(first + ORDER_ROWS, n)))


def _by_blocks(arrays: Split, seed: int, epoch: int, skipped: int) -> Iterator[Integers]:
    """Yield the rows of an epoch after the skipped ones by window, while the next one is read."""
    order = BlockOrder(len(arrays), seed=seed, epoch=epoch)
    for window in range(skipped // WINDOW_ROWS, order.windows):
        for ahead in range(window, min(window + 2, order.windows)):
            for run in order.runs(ahead):
                _read_ahead(arrays, *run)
        yield order.rows(window)[max(skipped - window * WINDOW_ROWS, 0) :]


def _read_ahead(arrays: Split, first: int, end: int) -> None:
    """Ask Linux to read rows of memory-mapped files soon; do nothing on other systems."""
    if not hasattr(os, "posix_fadvise"):
        return
    for array in (arrays.dense, arrays.sparse, arrays.label):
        if not isinstance(array, np.memmap) or array.filename is None or not array.nbytes:
            continue
        row_bytes = array.nbytes // len(array)
        begin, size = array.offset + first * row_bytes, (end - first) * row_bytes
        with Path(array.filename).open("rb") as file:
            os.posix_fadvise(file.fileno(), begin, size, os.POSIX_FADV_WILLNEED)


def _free_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _gather(arrays: Split, rows: Integers) -> Batch:
    # mode="clip": the default checks the bounds by way of a second copy
    columns = (arrays.dense, arrays.sparse, arrays.label)
    taken = (np.take(column, rows, axis=0, mode="clip") for column in columns)
    dense, sparse, label = map(torch.from_numpy, taken)
    return Batch(dense, sparse, label.float())
