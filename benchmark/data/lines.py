"""Whole lines of a text file in blocks of bounded size, with the number of the first line of each."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import BenchmarkError

BLOCK_BYTES = 1 << 23


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, bytes that end with a newline). Empty lines at the end of the file are left out; a name
    that ends in .gz is unpacked. Raises BenchmarkError for a file that is empty or cannot be read."""
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
            while data := file.read(BLOCK_BYTES):
                yield data
    except (OSError, EOFError) as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from None
