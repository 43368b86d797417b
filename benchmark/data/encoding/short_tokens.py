"""Strings of at most eight bytes as integers, and a hash table of these that takes a block of rows
at a time: a lookup is a few passes of numpy over the block, and half the work of one of strings."""

from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

_VIEW = np.dtype([("length", "<u4"), ("start", "<u8"), ("rest", "<u4")])
"""Arrow's view of a string of at most twelve bytes, which are padded with zeros."""
_LEAST = np.array([0, *(1 << 8 * byte for byte in range(8)), 2**64 - 1], np.uint64)
"""The least key of each length; those of more than eight bytes have none."""
_LEAST_SLOTS = 1 << 8
_LOAD = 0.5
_SPREAD = np.uint64(
    0x9E3779B97F4A7C15
)  # 2^64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)

Keys = NDArray[np.uint64]
_Item = TypeVar("_Item", np.uint64, np.int64, np.int32)


def packed(tokens: pl.Series) -> tuple[Keys, NDArray[np.bool_]]:
    """keys [n] of strings [n], their bytes from the lowest up, 0 for an empty and a missing one;
    and which [n] are too long for a key or end with NUL, which padding hides. Their keys are 0,
    too."""
    array = tokens.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    if not len(array):
        return np.empty(0, np.uint64), np.empty(0, np.bool_)
    views = np.frombuffer(array.buffers()[1], _VIEW)[array.offset : array.offset + len(array)]
    keys, lengths = views["start"].copy(), views["length"].copy()
    if tokens.null_count():
        missing = tokens.is_null().to_numpy()
        keys[missing] = 0
        lengths[missing] = 0
    long = keys < _LEAST.take(lengths, mode="clip")
    if long.any():
        keys[long] = 0
    return keys, long


def unpacked(keys: Keys) -> pl.Series:
    """The strings [n] that `packed` made the keys [n] of."""
    if not len(keys):
        return pl.Series([], dtype=pl.String)
    views = np.zeros(len(keys), _VIEW)
    views["length"] = np.searchsorted(_LEAST[1:-1], keys, side="right")
    views["start"] = keys
    return pl.Series(
        pa.Array.from_buffers(pa.string_view(), len(keys), [None, pa.py_buffer(views)])
    )


class KeyTable:
    """A number for each key: open addressing with triangular probing on arrays of a power of
    two."""

    def __init__(self) -> None:
        self._held = 0
        self._clear(_LEAST_SLOTS)

    def get(self, keys: Keys) -> NDArray[np.int32]:
        """[n] numbers of keys [n]: 0 for the key 0 and for those that are not held."""
        slots = self._first(keys)
        astray = np.flatnonzero(_at(self._keys, slots) != keys)
        step = 0
        while len(astray):
            place = _at(slots, astray)
            taken = _at(self._keys, place) != 0  # a free slot ends the search
            astray, place = astray[taken], place[taken]
            step += 1
            place = (place + step) & self._mask
            slots[astray] = place
            astray = astray[_at(self._keys, place) != _at(keys, astray)]
        return _at(self._numbers, slots)

    def put(self, keys: Keys, numbers: NDArray[np.int32]) -> None:
        """Adds distinct keys [n] other than 0 that are not held, with numbers [n] other than 0."""
        self._held += len(keys)
        slots = len(self._keys)
        while self._held > _LOAD * slots:
            slots *= 2
        if slots > len(self._keys):
            old = self.items()
            self._clear(slots)
            self._place(*old)
        self._place(keys, numbers)

    def items(self) -> tuple[Keys, NDArray[np.int32]]:
        """The keys and numbers held, in no order."""
        taken = np.flatnonzero(self._keys)
        return self._keys[taken], self._numbers[taken]

    def _clear(self, slots: int) -> None:
        self._mask = slots - 1
        self._shift = np.uint64(64 - self._mask.bit_length())
        self._keys = np.zeros(slots, np.uint64)
        self._numbers = np.zeros(slots, np.int32)

    def _first(self, keys: Keys) -> NDArray[np.int64]:
        return (((keys ^ (keys >> np.uint64(29))) * _SPREAD) >> self._shift).astype(np.int64)

    def _place(self, keys: Keys, numbers: NDArray[np.int32]) -> None:
        slots, pending, step = self._first(keys), np.arange(len(keys)), 0
        while len(pending):
            place, wanted = _at(slots, pending), _at(keys, pending)
            free = _at(self._keys, place) == 0
            self._keys[place[free]] = wanted[free]  # of those that meet on a slot one stays
            pending = pending[_at(self._keys, place) != wanted]
            step += 1
            slots[pending] = (slots[pending] + step) & self._mask
        self._numbers[slots] = numbers


def _at(values: NDArray[_Item], places: NDArray[np.int64]) -> NDArray[_Item]:
    """The values at places inside the array: unchecked, which is several times as fast."""
    return values.take(places, mode="clip")
