"""Whole lines of a text file in blocks of bounded size, with the number of the first line of
each."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from benchmark.errors import BenchmarkError

Parse = Callable[
    [Sequence[str]], pl.DataFrame
]  # rows as strings, but Float64 in the columns that it is given

BLOCK_BYTES = 1 << 24
LINE_BYTES = 1 << 26


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, bytes that end with a newline). A byte order mark and empty lines at the
    end of the file
    are left out; a file whose name ends in .gz is unpacked. Raises BenchmarkError for a file that
    is empty, damaged, cannot be read, or has a line longer than LINE_BYTES."""
    line, held = 1, b""
    for data in _chunks(path):
        data = held + data if held else data
        cut = len(data)
        if (
            data.endswith((b"\n\n", b"\n\r\n")) or len(data) <= 2
        ):  # these lines stay back: they may be the last
            text = data.rstrip(b"\r\n")
            cut = data.index(b"\n", len(text)) + 1 if text else 0
        held = data[cut:]
        if cut:
            yield line, data[:cut]
            line += data.count(b"\n", 0, cut)
        if len(held) > LINE_BYTES:
            raise BenchmarkError(
                f"{path}, line {line}: more than {LINE_BYTES >> 20} MiB of empty lines"
            )
    if line == 1:
        raise BenchmarkError(f"{path} is empty")


def require_text(path: Path, line: int, block: bytes) -> None:
    """Raises BenchmarkError naming the first line that is not UTF-8 or holds a NUL byte or a
    carriage return that ends no line."""
    try:
        _ = block.isascii() or block.decode()
    except UnicodeDecodeError as error:
        found = (
            f"not UTF-8 (byte 0x{block[error.start]:02x}): cut off, damaged or in another encoding"
        )
        raise BenchmarkError(
            f"{path}, line {_line_of(error.start, line, block)}: {found}"
        ) from None
    if (nul := block.find(0)) >= 0:
        raise BenchmarkError(
            f"{path}, line {_line_of(nul, line, block)}: a NUL byte: damaged or in another encoding"
        )
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        number = next(
            n
            for n, text in enumerate(block.split(b"\n"), line)
            if b"\r" in text.removesuffix(b"\r")
        )
        raise BenchmarkError(
            f"{path}, line {number}: a carriage return within the line; lines end with LF or CRLF"
        )


def _line_of(place: int, line: int, block: bytes) -> int:
    return line + block.count(b"\n", 0, place)


def _chunks(path: Path) -> Iterator[bytes]:
    """Whole lines; the last gets its newline."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            if file.peek(3).startswith(codecs.BOM_UTF8):
                file.seek(3)
            while data := file.read(BLOCK_BYTES):
                if not data.endswith(b"\n"):
                    rest = file.readline(LINE_BYTES + 1)
                    if len(rest) > LINE_BYTES:
                        raise BenchmarkError(
                            f"{path}: a line is longer than {LINE_BYTES >> 20} MiB; is this a text"
                            " file?"
                        )
                    data += rest
                yield data if data.endswith(b"\n") else data + b"\n"
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from None
