"""The bytes of a file: unpacked if they are gzip, and what they are if they are no text."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = b"\x1f\x8b"
_KINDS = {
    "a zip file": rb"PK\x03\x04",
    "an xz file": rb"\xfd7zXZ\x00",
    "a zstd file": rb"\x28\xb5\x2f\xfd",
    "a bzip2 file": rb"BZh[1-9]1AY&SY",
    "a 7z file": rb"7z\xbc\xaf\x27\x1c",
    "an Arrow file": rb"ARROW1\0\0",
    "a parquet file": rb"PAR1\x15",
}
HEAD_BYTES = 16
MOST_GROWTH, SMALL_BYTES = 200, 1 << 28
"""Beyond SMALL_BYTES, a file may unpack to so many times its size; clicks pack to a tenth or so."""
_BUFFER_BYTES = 1 << 18


class File(Protocol):
    """What is read: a path, or a file elsewhere that opens like one."""

    @property
    def suffix(self) -> str: ...
    def open(self, mode: Literal["rb"]) -> BufferedReader: ...


@contextmanager
def open_bytes(path: File) -> Iterator[BufferedReader]:
    """The content of a file, unpacked if its first bytes are those of gzip, whatever its name.

    Raises BenchmarkError for a file that is damaged, cannot be read, or unpacks to too much."""
    try:
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
            yield BufferedReader(_Unpacked(path, file), _BUFFER_BYTES) if packed else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror or error}") from None


def require_growth(path: File, packed: int, unpacked: int) -> None:
    """Raise BenchmarkError if so many bytes of a file stand for far too many, as in a zip bomb."""
    if unpacked > max(SMALL_BYTES, MOST_GROWTH * packed):
        fault = f"it unpacks to more than {MOST_GROWTH} times its size"
        raise BenchmarkError(f"{path}: {fault}; if that is right, unpack it yourself")


class _Unpacked(RawIOBase):
    """The content of a gzip file, as far as it grows within bounds."""

    def __init__(self, path: File, file: BufferedReader) -> None:
        self._path, self._packed = path, _Counted(file)
        self._content = gzip.GzipFile(fileobj=self._packed)  # type: ignore[call-overload]
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        count = int(self._content.readinto(buffer))
        self._count += count
        require_growth(self._path, self._packed.count, self._count)
        return count


class _Counted:
    """A file that counts the bytes that were read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.count = file, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data


def require_parquet(path: File) -> None:
    """Raise BenchmarkError, saying what the file is, if it does not begin as a parquet file."""
    with open_bytes(path) as file:
        head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
        if isinstance(file.raw, _Unpacked):
            raise BenchmarkError(f"{path} is a gzip file, and no parquet file; unpack it first")
    if not head.startswith(b"PAR1"):
        found = kind(head) or "perhaps text"
        hint = 'say format = "csv" or another in the card, or correct the file'
        raise BenchmarkError(f"{path} is no parquet file, but {found}; {hint}")


def kind(head: bytes) -> str | None:
    """What the first HEAD_BYTES of a file are those of, e.g. "a zip file"; None for others, which
    may be text."""
    return next((name for name, mark in _KINDS.items() if re.match(mark, head)), None)
