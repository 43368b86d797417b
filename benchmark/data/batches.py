"""Batches of a split, read from its memory maps or from a GPU's memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.schema import Split
from benchmark.data.shuffle import WINDOW_ROWS, BlockOrder, Shuffle, row_order
from benchmark.distributed.world import ALONE, World
from benchmark.utils.arrays import Integers

ORDER_ROWS = 1 << 16
RESIDENT_SHARE = 0.5
"""Share of a GPU's free memory that a split may fill."""


@dataclass(frozen=True)
class Batch:
    """dense float32 [B, n_dense], sparse int32 [B, n_sparse], label float32 [B]: a batch, or the
    rows from `first` on of one of `whole` rows, which several processes share."""

    dense: Tensor
    sparse: Tensor
    label: Tensor
    first: int = 0
    whole: int | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def total(self) -> int:
        """The rows of the whole batch."""
        return len(self) if self.whole is None else self.whole

    @property
    def inputs(self) -> tuple[Tensor, Tensor]:
        """What a model is given."""
        return self.dense, self.sparse

    def or_zeros(self) -> "Batch":
        """The batch, or one row of zeros in the place of none."""
        if len(self):
            return self
        dense, sparse, label = (
            column.new_zeros((1, *column.shape[1:]))
            for column in (self.dense, self.sparse, self.label)
        )
        return Batch(dense, sparse, label)

    def part(self, rows: slice) -> "Batch":
        """Some of the rows, as a batch of their own."""
        return Batch(self.dense[rows], self.sparse[rows], self.label[rows])

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device, unless it is there; copies to a GPU overlap with its work."""
        if device.type == self.label.device.type:
            return self
        tensors = (self.dense, self.sparse, self.label)
        dense, sparse, label = (_moved(tensor, device) for tensor in tensors)
        return Batch(dense, sparse, label, self.first, self.whole)


@dataclass(frozen=True)
class Resident:
    """A split in the memory of a device: dense float32, sparse int32, label uint8."""

    dense: Tensor
    sparse: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)


Rows = Split | Resident
"""Where batches come from."""


def on_device(split: Split, device: torch.device) -> Rows:
    """The split in the memory of a GPU, if it fits into RESIDENT_SHARE of what is free there; else,
    and for a CPU, the split itself, whose batches are copied one by one."""
    if device.type == "cpu":
        return split
    free, _ = torch.cuda.mem_get_info(device)
    return resident(split, device) if _bytes(split) <= RESIDENT_SHARE * free else split


def resident(split: Split, device: torch.device) -> Resident:
    """Copy a split to a device."""
    return Resident(*(_copied(each, device) for each in (split.dense, split.sparse, split.label)))


def _copied(column: NDArray[Any], device: torch.device) -> Tensor:
    """A column on a device, copied some rows at a time: it may be larger than memory."""
    dtype = torch.from_numpy(column[:0].copy()).dtype
    copied = torch.empty(column.shape, dtype=dtype, device=device)
    for first in range(0, len(column), ORDER_ROWS):
        rows = slice(first, first + ORDER_ROWS)
        copied[rows] = torch.from_numpy(column[rows].copy())
    return copied


def batches(
    arrays: Rows,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    shuffle: Shuffle = "rows",
    start: int = 0,
    world: World = ALONE,
) -> Iterator[Batch]:
    """Yield every row once, in an order that depends on (seed, epoch, shuffle) only; to each of
    several processes its share of every batch.

    The last batch may be short; `start` batches are skipped. Files are read ahead: completely if
    they fit into free memory (shuffle "rows"), or window by window ("blocks")."""
    skipped = start * batch_size
    pieces = _by_rows if shuffle == "rows" else _by_blocks
    pending = np.empty(0, np.int64)
    for piece in pieces(arrays, seed, epoch, skipped):
        pending = np.concatenate([pending, piece])
        whole = len(pending) - len(pending) % batch_size
        yield from _gathered(arrays, pending[:whole], batch_size, world)
        pending = pending[whole:]
    yield from _gathered(arrays, pending, batch_size, world)


def ordered(arrays: Rows, batch_size: int, world: World = ALONE) -> Iterator[Batch]:
    """Yield every row once, in the order of the store; to each of several processes its share of
    all rows, in as many batches as the others get, of which the last may be empty."""
    own = world.share(len(arrays))
    for first in range(own.start, own.start + world.most(len(arrays)), batch_size):
        rows = torch.arange(first, min(first + batch_size, own.stop), device=_place(arrays))
        yield _gather(arrays, rows)


def _by_rows(arrays: Rows, seed: int, epoch: int, skipped: int) -> Iterator[Integers]:
    """Yield the rows of an epoch after the skipped ones, ORDER_ROWS at a time."""
    n = len(arrays)
    if _bytes(arrays) < _free_bytes() / 2:
        _read_ahead(arrays, 0, n)
    order = row_order(n, seed=seed, epoch=epoch)
    for first in range(skipped, n, ORDER_ROWS):
        yield order(np.arange(first, min(first + ORDER_ROWS, n)))


def _by_blocks(arrays: Rows, seed: int, epoch: int, skipped: int) -> Iterator[Integers]:
    """Yield the rows of an epoch after the skipped ones by window, while the next one is read."""
    order = BlockOrder(len(arrays), seed=seed, epoch=epoch)
    for window in range(skipped // WINDOW_ROWS, order.windows):
        for ahead in range(window, min(window + 2, order.windows)):
            for run in order.runs(ahead):
                _read_ahead(arrays, *run)
        yield order.rows(window)[max(skipped - window * WINDOW_ROWS, 0) :]


def _read_ahead(arrays: Rows, first: int, end: int) -> None:
    """Ask Linux to read rows of memory-mapped files soon; do nothing on other systems, and for
    rows that are in memory."""
    if not hasattr(os, "posix_fadvise"):
        return
    for array in (arrays.dense, arrays.sparse, arrays.label):
        if not isinstance(array, np.memmap) or array.filename is None or not array.nbytes:
            continue
        row_bytes = array.nbytes // len(array)
        begin, size = array.offset + first * row_bytes, (end - first) * row_bytes
        with Path(array.filename).open("rb") as file:
            os.posix_fadvise(file.fileno(), begin, size, os.POSIX_FADV_WILLNEED)


def _bytes(arrays: Rows) -> int:
    return arrays.dense.nbytes + arrays.sparse.nbytes + arrays.label.nbytes


def _free_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _gathered(arrays: Rows, rows: Integers, batch_size: int, world: World) -> Iterator[Batch]:
    """Yield this process's shares of the batches of some rows, in their order, where the arrays
    lie; the numbers of the rows go to a device once."""
    index = _moved(torch.from_numpy(rows), _place(arrays))
    for first in range(0, len(rows), batch_size):
        whole = min(batch_size, len(rows) - first)
        own = world.share(whole)
        part = _gather(arrays, index[first + own.start : first + own.stop])
        yield part if world.size == 1 else replace(part, first=own.start, whole=whole)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A CPU's tensor on a device; a copy to a GPU does not wait for the work that it has."""
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def _place(arrays: Rows) -> torch.device:
    return arrays.label.device if isinstance(arrays, Resident) else torch.device("cpu")


def _gather(arrays: Rows, rows: Tensor) -> Batch:
    """The rows of these numbers, which lie where the arrays do."""
    if isinstance(arrays, Resident):
        resident = (arrays.dense, arrays.sparse, arrays.label)
        dense, sparse, label = (column.index_select(0, rows) for column in resident)
        return Batch(dense, sparse, label.float())
    # mode="clip": the default checks the bounds by way of a second copy
    columns = (arrays.dense, arrays.sparse, arrays.label)
    taken = (np.take(column, rows.numpy(), axis=0, mode="clip") for column in columns)
    dense, sparse, label = map(torch.from_numpy, taken)
    return Batch(dense, sparse, label.float())
