"""Strings of at most eight bytes as integers, and a hash table of them, which takes half the work
of a lookup of strings."""

from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.utils.arrays import Ids, Integers, Mask

_VIEW = np.dtype([("length", "<u4"), ("start", "<u8"), ("rest", "<u4")])
"""Arrow's view of a string of at most twelve bytes, padded with zeros."""
_LEAST = np.array([0, *(1 << 8 * byte for byte in range(8)), 2**64 - 1], np.uint64)
"""The least key of each length; strings of more than eight bytes have none."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)."""

Keys = NDArray[np.uint64]
_Slot = TypeVar("_Slot", np.uint64, np.int64, np.int32)


def packed(tokens: pl.Series) -> tuple[Keys, Mask]:
    """Keys [n] of strings [n], and which strings [n] have none.

    A key holds the bytes, the first one lowest; it is 0 for an empty or missing string. Strings
    without a key are longer than eight bytes or end with NUL, like the padding; their key is 0."""
    array = tokens.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    if not len(array):
        return np.empty(0, np.uint64), np.empty(0, np.bool_)
    views = np.frombuffer(array.buffers()[1], _VIEW)[array.offset : array.offset + len(array)]
    keys, lengths = views["start"].copy(), views["length"].copy()
    if tokens.null_count():
        missing = tokens.is_null().to_numpy()
        keys[missing] = lengths[missing] = 0
    long = keys < _LEAST.take(lengths, mode="clip")
    keys[long] = 0
    return keys, long


def unpacked(keys: Keys) -> pl.Series:
    """The strings [n] of keys [n] of `packed`."""
    if not len(keys):
        return pl.Series([], dtype=pl.String)
    views = np.zeros(len(keys), _VIEW)
    views["length"] = np.searchsorted(_LEAST[1:-1], keys, side="right")
    views["start"] = keys
    buffers = [None, pa.py_buffer(views)]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), len(keys), buffers))


class KeyTable:
    """A number for each key: open addressing with triangular probing in 2^k slots."""

    def __init__(self) -> None:
        self._size = 0
        self._clear(1 << 8)

    def get(self, keys: Keys) -> Ids:
        """Numbers [n] of keys [n]: 0 for the key 0 and for absent keys."""
        slots = self._first(keys)
        pending = np.flatnonzero(_at(self._keys, slots) != keys)
        step = 0
        while len(pending):
            slot = _at(slots, pending)
            occupied = _at(self._keys, slot) != 0  # a free slot ends the search
            pending, slot = pending[occupied], slot[occupied]
            step += 1
            slot = (slot + step) & self._mask
            slots[pending] = slot
            pending = pending[_at(self._keys, slot) != _at(keys, pending)]
        return _at(self._numbers, slots)

    def put(self, keys: Keys, numbers: Ids) -> None:
        """Add distinct, absent keys [n] other than 0 with numbers [n] other than 0."""
        self._size += len(keys)
        slots = len(self._keys)
        while 2 * self._size > slots:  # at least half of the slots are free
            slots *= 2
        if slots > len(self._keys):
            old = self.items()
            self._clear(slots)
            self._place(*old)
        self._place(keys, numbers)

    def items(self) -> tuple[Keys, Ids]:
        """All keys and their numbers, unordered."""
        occupied = np.flatnonzero(self._keys)
        return self._keys[occupied], self._numbers[occupied]

    def _clear(self, slots: int) -> None:
        self._mask = slots - 1
        self._shift = np.uint64(64 - self._mask.bit_length())
        self._keys = np.zeros(slots, np.uint64)
        self._numbers = np.zeros(slots, np.int32)

    def _first(self, keys: Keys) -> Integers:
        return (((keys ^ (keys >> np.uint64(29))) * _SPREAD) >> self._shift).astype(np.int64)

    def _place(self, keys: Keys, numbers: Ids) -> None:
        slots, pending, step = self._first(keys), np.arange(len(keys)), 0
        while len(pending):
            slot, key = _at(slots, pending), _at(keys, pending)
            free = _at(self._keys, slot) == 0
            self._keys[slot[free]] = key[free]  # of several keys that meet in a slot, one stays
            pending = pending[_at(self._keys, slot) != key]
            step += 1
            slots[pending] = (slots[pending] + step) & self._mask
        self._numbers[slots] = numbers


def _at(values: NDArray[_Slot], positions: Integers) -> NDArray[_Slot]:
    """The values at valid positions; skipping the check makes it several times as fast."""
    return values.take(positions, mode="clip")
