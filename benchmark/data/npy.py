"""Growing .npy files: rows are appended to a header of fixed size that is completed at the end."""

import hashlib
import math
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchmark.utils.parallel import ahead

_HEADER_BYTES = 128
_CHUNK_BYTES = 1 << 19


class NpyFacts(TypedDict):
    """A finished file: its data hash (without the header), size, time, and the form of its
    array."""

    sha256: str
    size: int
    mtime_ns: int
    dtype: str
    shape: list[int]


class NpyFile:
    """Writes one little-endian array [n, *row_shape] whose n is unknown until `finish`."""

    def __init__(self, path: Path, dtype: DTypeLike, row_shape: tuple[int, ...]) -> None:
        self.row_shape = row_shape
        self._path = path
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._rows = 0
        self._hash = hashlib.sha256()
        self._file = path.open("x+b")
        self._file.write(self._header())

    def append(self, rows: NDArray[np.generic], *, final: bool = True) -> None:
        """Adds rows [m, *row_shape], which `rewrite` must pass over if they are not final. Raises
        ValueError if their form or type is another."""
        if rows.shape[1:] != self.row_shape or rows.dtype != self._dtype:
            raise ValueError(
                f"{self._path.name}: {rows.dtype} {rows.shape} after {self._dtype} {self.row_shape}"
            )
        data = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data
        if final:
            self._hash.update(data)
        self._file.write(data)
        self._rows += len(rows)

    def rewrite(self, change: Callable[[NDArray[Any]], None], pool: ThreadPoolExecutor) -> None:
        """Passes the rows through `change`, which alters some at a time in place, in the threads of
        the pool."""
        self._hash = hashlib.sha256()
        self._file.flush()
        row_bytes = self._dtype.itemsize * math.prod(self.row_shape)
        chunk = max(_CHUNK_BYTES // max(row_bytes, 1), 1)

        def changed(first: int) -> bytearray:
            length = min(chunk, self._rows - first) * row_bytes
            data = bytearray(
                os.pread(self._file.fileno(), length, _HEADER_BYTES + first * row_bytes)
            )
            change(np.frombuffer(data, self._dtype).reshape(-1, *self.row_shape))
            return data

        self._file.seek(_HEADER_BYTES)
        for data in ahead(pool, changed, range(0, self._rows, chunk)):
            self._hash.update(data)
            self._file.write(data)

    def finish(self) -> NpyFacts:
        """Completes the header, brings the file to the disk and returns its facts."""
        self._file.seek(0)
        self._file.write(self._header())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        found = self._path.stat()
        return {
            "sha256": self._hash.hexdigest(),
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "dtype": self._dtype.str,
            "shape": [self._rows, *self.row_shape],
        }

    def close(self) -> None:
        with suppress(OSError):  # what a full disk did not take is flushed again here
            self._file.close()

    def _header(self) -> bytes:
        form = repr(
            {
                "descr": self._dtype.str,
                "fortran_order": False,
                "shape": (self._rows, *self.row_shape),
            }
        )
        text = form.encode().ljust(_HEADER_BYTES - 11) + b"\n"
        return np.lib.format.magic(1, 0) + struct.pack("<H", len(text)) + text


def damage(path: Path, facts: NpyFacts) -> str | None:
    """What is wrong with a file that should have these facts. Only one that was touched or copied
    is hashed again."""
    try:
        found = path.stat()
        if found.st_size != facts["size"]:
            return f"has {found.st_size} bytes, not {facts['size']} (truncated or altered)"
        array = np.load(path, mmap_mode="r")
        if array.dtype.str != facts["dtype"] or list(array.shape) != facts["shape"]:
            return (
                f"holds {array.dtype.str} {list(array.shape)}, not {facts['dtype']}"
                f" {facts['shape']}"
            )
        if found.st_mtime_ns != facts["mtime_ns"]:
            if _data_sha256(path) != facts["sha256"]:
                return "was altered (its SHA-256 differs)"
            with suppress(OSError):
                os.utime(path, ns=(found.st_atime_ns, facts["mtime_ns"]))
    except FileNotFoundError:
        return "is missing"
    except (OSError, ValueError) as error:
        return f"cannot be read ({error})"
    return None


def _data_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
