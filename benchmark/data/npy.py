"""Growing .npy files: rows are appended after a header of fixed size, completed at the end."""

import hashlib
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.utils.files import sha256, sync
from benchmark.utils.parallel import ahead

_HEADER_BYTES = 128
_CHUNK_BYTES = 1 << 19


@dataclass(frozen=True)
class NpyFacts:
    """Facts of a finished file; the SHA-256 is that of its data, without the header."""

    sha256: str
    size: int
    mtime_ns: int
    dtype: str
    shape: list[int]


class NpyFile:
    """Write one little-endian array [n, *row_shape] whose n is unknown until `finish`."""

    def __init__(self, path: Path, dtype: DTypeLike, row_shape: tuple[int, ...]) -> None:
        self.row_shape = row_shape
        self._path = path
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._rows = 0
        self._hash = hashlib.sha256()
        self._file = path.open("x+b")
        self._write_header()

    def append(self, rows: NDArray[np.generic], *, final: bool = True) -> None:
        """Add rows [m, *row_shape]; rows that are not final must later pass through `rewrite`.
        Raises ValueError for another shape or type."""
        if rows.shape[1:] != self.row_shape or rows.dtype != self._dtype:
            expected = f"{self._dtype} {self.row_shape}"
            raise ValueError(f"{self._path.name}: {rows.dtype} {rows.shape} after {expected}")
        data = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data
        if final:
            self._hash.update(data)
        self._file.write(data)
        self._rows += len(rows)

    def rewrite(self, change: Callable[[NDArray[Any]], None], pool: ThreadPoolExecutor) -> None:
        """Pass all rows through `change`, which alters some at a time in place, in pool threads."""
        self._hash = hashlib.sha256()
        self._file.flush()
        row_bytes = self._dtype.itemsize * math.prod(self.row_shape)
        chunk = max(_CHUNK_BYTES // max(row_bytes, 1), 1)

        def changed(first: int) -> bytearray:
            rows, offset = min(chunk, self._rows - first), _HEADER_BYTES + first * row_bytes
            data = bytearray(os.pread(self._file.fileno(), rows * row_bytes, offset))
            change(np.frombuffer(data, self._dtype).reshape(rows, *self.row_shape))
            return data

        self._file.seek(_HEADER_BYTES)
        for data in ahead(pool, changed, range(0, self._rows, chunk)):
            self._hash.update(data)
            self._file.write(data)

    def finish(self) -> NpyFacts:
        """Complete the header, flush the file to the disk and return its facts."""
        self._file.seek(0)
        self._write_header()
        self._file.close()
        sync(self._path)
        stat = self._path.stat()
        return NpyFacts(
            sha256=self._hash.hexdigest(),
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            dtype=self._dtype.str,
            shape=[self._rows, *self.row_shape],
        )

    def close(self) -> None:
        with suppress(OSError):  # after a full disk, closing tries to flush again
            self._file.close()

    def _write_header(self) -> None:
        """Write the header, in which numpy leaves room for any number of rows."""
        shape = (self._rows, *self.row_shape)
        form = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, form)


def damage(path: Path, facts: NpyFacts) -> str | None:
    """What differs between a file and its facts. Only a file with another modification time, such
    as a copy, is hashed again."""
    try:
        stat = path.stat()
        if stat.st_size != facts.size:
            return f"has {stat.st_size} bytes, not {facts.size} (truncated or altered)"
        array = np.load(path, mmap_mode="r")
        if array.dtype.str != facts.dtype or list(array.shape) != facts.shape:
            form = f"{array.dtype.str} {list(array.shape)}"
            return f"holds {form}, not {facts.dtype} {facts.shape}"
        if stat.st_mtime_ns != facts.mtime_ns:
            if data_sha256(path) != facts.sha256:
                return "was altered (its SHA-256 differs)"
            with suppress(OSError):
                os.utime(path, ns=(stat.st_atime_ns, facts.mtime_ns))
    except FileNotFoundError:
        return "is missing"
    except Exception as error:  # numpy parses the header as Python
        return f"cannot be read ({error})"
    return None


def data_sha256(path: Path) -> str:
    """SHA-256 of the data of a file, without the header."""
    return sha256(path, _HEADER_BYTES)
