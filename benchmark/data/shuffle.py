"""The order of rows in an epoch, computed position by position and never stored, so that an epoch
can start and resume at any position at once."""

import math
from typing import Literal

import numpy as np

from benchmark.utils.arrays import Integers

Shuffle = Literal["rows", "blocks"]

BLOCK_ROWS = 4096
WINDOW_BLOCKS = 64
WINDOW_ROWS = BLOCK_ROWS * WINDOW_BLOCKS


class Permutation:
    """A random permutation of 0 .. n-1: an alternating Feistel network of 8 random functions on a
    grid a x b >= n, with cycle walking for cells beyond n (Black & Rogaway, Ciphers with Arbitrary
    Finite Domains, 2002).

    The images of any two positions are uniform, but not all n! orders of a handful of rows are."""

    def __init__(self, n: int, generator: np.random.Generator) -> None:
        self._n = n
        self._high = math.isqrt(max(n - 1, 0)) + 1
        self._low = max(-(-n // self._high), 1)
        self._rounds = []
        for _ in range(4):
            high = generator.integers(self._high, size=self._low, dtype=np.int32)
            low = generator.integers(self._low, size=self._high, dtype=np.int32)
            self._rounds.append((high, low))

    def __call__(self, positions: Integers) -> Integers:
        """Map positions [m] to their images [m]."""
        images = self._once(positions)
        while (outside := np.flatnonzero(images >= self._n)).size:
            images[outside] = self._once(images[outside])
        return images

    def _once(self, positions: Integers) -> Integers:
        high, low = (part.astype(np.int32) for part in np.divmod(positions, self._low))
        for shift_high, shift_low in self._rounds:
            high += shift_high.take(low)
            high -= self._high * (high >= self._high).astype(np.int32)
            low += shift_low.take(high)
            low -= self._low * (low >= self._low).astype(np.int32)
        return high.astype(np.int64) * self._low + low


def row_order(n: int, *, seed: int, epoch: int) -> Permutation:
    """The order of all rows of a split, each position uniform over them."""
    return Permutation(n, _generator(seed, epoch, 0))


class BlockOrder:
    """The order of rows for splits larger than memory: blocks of 4096 neighbouring rows in random
    order, and random order of rows within windows of 64 blocks. Block borders shift every epoch."""

    def __init__(self, n: int, *, seed: int, epoch: int) -> None:
        self._n, self._seed, self._epoch = n, seed, epoch
        generator = _generator(seed, epoch, 0)
        self._shift = int(generator.integers(n))
        whole = n // BLOCK_ROWS
        self._blocks = np.append(generator.permutation(whole), [whole] * (n > whole * BLOCK_ROWS))
        self.windows = -(-len(self._blocks) // WINDOW_BLOCKS)

    def runs(self, window: int) -> list[tuple[int, int]]:
        """(first, last + 1) of the neighbouring rows that a window reads."""
        blocks = self._blocks[window * WINDOW_BLOCKS : (window + 1) * WINDOW_BLOCKS]
        starts = (blocks * BLOCK_ROWS + self._shift) % self._n
        return [(int(start), min(int(start) + BLOCK_ROWS, self._n)) for start in starts]

    def rows(self, window: int) -> Integers:
        """The rows of a window in the order of the epoch."""
        before = window * WINDOW_ROWS
        size = min(WINDOW_ROWS, self._n - before)
        shuffled = Permutation(size, _generator(self._seed, self._epoch, window + 1))
        block, row = np.divmod(before + shuffled(np.arange(size)), BLOCK_ROWS)
        rows: Integers = (self._blocks[block] * BLOCK_ROWS + row + self._shift) % self._n
        return rows


def _generator(seed: int, epoch: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, 0, stream]))
