"""Whole lines of a text file in blocks of bounded size, with the number of the first line of each."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import BenchmarkError

BLOCK_BYTES = 1 << 23


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, bytes that end with a newline). A byte order mark and empty lines at the end of the file
    are left out; a file whose name ends in .gz is unpacked. Raises BenchmarkError for a file that is empty, damaged or
    cannot be read."""
    line, rest = 1, b""
    for data in _chunks(path):
        data = rest + data
        cut = data.rstrip(b"\r\n").rfind(b"\n") + 1  # the last line stays back: what follows it may all be empty
        rest = data[cut:]
        if cut:
            yield line, data[:cut]
            line += data.count(b"\n", 0, cut)
    if last := rest.rstrip(b"\r\n"):
        yield line, last + b"\n"
    elif line == 1:
        raise BenchmarkError(f"{path} is empty")


def text_of(path: Path, line: int, block: bytes) -> str:
    """The text of a block; raises BenchmarkError naming the line that is not UTF-8."""
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        number = line + block.count(b"\n", 0, error.start)
        raise BenchmarkError(f"{path}, line {number}: not UTF-8 (byte 0x{block[error.start]:02x})") from None


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            if file.peek(3).startswith(codecs.BOM_UTF8):
                file.seek(3)
            while data := file.read(BLOCK_BYTES):
                yield data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from None
