"""Whole lines of a text file in blocks of bounded size, each with the number of its first line."""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from benchmark.errors import BenchmarkError

Parse = Callable[[Sequence[str]], pl.DataFrame]
"""Parses a block: the named columns as Float64, all others as strings."""

BLOCK_BYTES = 1 << 24
LINE_BYTES = 1 << 26


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, bytes that end with a newline), without a byte order mark and
    without the empty lines at the end of the file; names that end in .gz are unpacked.

    Raises BenchmarkError for a file that is empty, damaged, cannot be read, or has a line longer
    than LINE_BYTES."""
    line, carry = 1, b""
    for data in _chunks(path):
        data = carry + data if carry else data
        cut = len(data)
        if data.endswith((b"\n\n", b"\n\r\n")) or len(data) <= 2:
            # empty lines are held back: they may be the last of the file
            text = data.rstrip(b"\r\n")
            cut = data.index(b"\n", len(text)) + 1 if text else 0
        carry = data[cut:]
        if cut:
            yield line, data[:cut]
            line += data.count(b"\n", 0, cut)
        if len(carry) > LINE_BYTES:
            raise BenchmarkError(
                f"{path}, line {line}: more than {LINE_BYTES >> 20} MiB of empty lines"
            )
    if line == 1:
        raise BenchmarkError(f"{path} is empty")


def require_text(path: Path, line: int, block: bytes) -> None:
    """Raise BenchmarkError for a block that is not text.

    Names the first line that is not UTF-8, holds a NUL byte, or a carriage return in its middle."""
    try:
        _ = block.isascii() or block.decode()
    except UnicodeDecodeError as error:
        byte = f"0x{block[error.start]:02x}"
        fault = f"not UTF-8 (byte {byte}): cut off, damaged or in another encoding"
        raise _not_text(path, line, block, error.start, fault) from None
    if (nul := block.find(0)) >= 0:
        raise _not_text(path, line, block, nul, "a NUL byte: damaged or in another encoding")
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        before = re.split(rb"\r(?!\n)", block, maxsplit=1)[0]
        fault = "a carriage return within the line; lines end with LF or CRLF"
        raise _not_text(path, line, block, len(before), fault)


def _not_text(path: Path, line: int, block: bytes, position: int, fault: str) -> BenchmarkError:
    number = line + block.count(b"\n", 0, position)
    return BenchmarkError(f"{path}, line {number}: {fault}")


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield whole lines; the last line gets a newline if it has none."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            if file.peek(3).startswith(codecs.BOM_UTF8):
                file.seek(3)
            while data := file.read(BLOCK_BYTES):
                if not data.endswith(b"\n"):
                    rest = file.readline(LINE_BYTES + 1)
                    if len(rest) > LINE_BYTES:
                        fault = (
                            f"a line is longer than {LINE_BYTES >> 20} MiB; is this a text file?"
                        )
                        raise BenchmarkError(f"{path}: {fault}")
                    data += rest
                yield data if data.endswith(b"\n") else data + b"\n"
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from None
