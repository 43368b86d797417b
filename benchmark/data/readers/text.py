"""Text in any encoding, in blocks of whole lines of bounded size, as UTF-8."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BufferedReader

import polars as pl

from benchmark.data.readers.content import HEAD_BYTES, File, kind, open_bytes
from benchmark.errors import BenchmarkError

Parse = Callable[[Sequence[str]], pl.DataFrame]
"""Parses a block: the named columns as Float64, all others as strings."""

BLOCK_BYTES = 1 << 24
LINE_BYTES = 1 << 24
MOST_FIELDS = 50_000
"""Columns of a table, and pairs of a libsvm row."""
_CORRECT = "correct the key `encoding` of the card, or the file"
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # begins with the mark of utf-16
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def blocks(path: File, encoding: str = "utf-8") -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, bytes that end with a newline), without a byte order mark and
    without the empty lines at the end of the file, which may be gzip.

    Raises BenchmarkError for a file that is empty, no text, damaged, in another encoding, cannot be
    read, or has a line longer than LINE_BYTES."""
    line, carry = 1, b""
    for data in _chunks(path, encoding):
        data = carry + data if carry else data
        cut = data.rfind(b"\n") + 1
        if data.endswith((b"\n\n", b"\n\r\n"), 0, cut) or cut <= 2:
            # empty lines are held back: they may be the last of the file
            text = data[:cut].rstrip(b"\r\n")
            cut = data.index(b"\n", len(text)) + 1 if text else 0
        block, carry = data[:cut], data[cut:]
        if block:
            block = block.removeprefix(codecs.BOM_UTF8) if line == 1 else block
            yield line, block
            line += block.count(b"\n")
        if len(carry) > LINE_BYTES:
            what = "a line longer than" if carry.strip(b"\r\n") else "empty lines of more than"
            fault = f"{what} {LINE_BYTES >> 20} MiB; is this a text file?"
            raise BenchmarkError(f"{path}, line {line}: {fault}")
    if line == 1:
        raise BenchmarkError(f"{path} is empty")


def mark_of(head: bytes) -> str | None:
    """The encoding of the byte order mark with which a file begins; None without one."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def require_text(path: File, line: int, block: bytes) -> None:
    """Raise BenchmarkError for a block that is not text. Names the first line that is not UTF-8,
    holds a NUL byte, or a carriage return in its middle."""
    hint = "or in another encoding: name it in the card by the key `encoding`"
    try:
        _ = block.isascii() or block.decode()
        position = block.find(0)
        fault = f"a NUL byte: damaged, {hint}"
        if position < 0 and block.count(b"\r") != block.count(b"\r\n"):
            position = len(re.split(rb"\r(?!\n)", block, maxsplit=1)[0])
            fault = "a carriage return within the line; lines end with LF or CRLF"
    except UnicodeDecodeError as error:
        position, byte = error.start, f"0x{block[error.start]:02x}"
        fault = f"not UTF-8 (byte {byte}): cut off, damaged, {hint}"
    if position >= 0:
        number = line + block.count(b"\n", 0, position)
        raise BenchmarkError(f"{path}, line {number}: {fault}")


def _chunks(path: File, encoding: str) -> Iterator[bytes]:
    """Yield the content as UTF-8, and a line end in case the last line has none."""
    with open_bytes(path) as file:
        head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
        if other := kind(head):
            hint = 'say format = "parquet" in the card' if "parquet" in other else "unpack it first"
            raise BenchmarkError(f"{path} is {other}, not text; {hint}")
        name = codecs.lookup(encoding).name
        marked = mark_of(head) or name
        if not name.startswith(marked):
            hint = f'say encoding = "{marked}" in the card'
            raise BenchmarkError(f"{path} is {marked.upper()}, not {name}; {hint}")
        if name.startswith("utf-8"):
            # whole lines, so that `blocks` need not join the rest of one to the next bytes
            yield from iter(lambda: file.read(BLOCK_BYTES) + file.readline(LINE_BYTES + 1), b"")
        else:
            yield from _recoded(path, file, name)
    yield b"\n"


def _recoded(path: File, file: BufferedReader, encoding: str) -> Iterator[bytes]:
    line = 1
    try:
        for text in codecs.iterdecode(iter(partial(file.read, BLOCK_BYTES), b""), encoding):
            yield text.encode(errors="surrogatepass")  # refused with its line by `require_text`
            line += text.count("\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding, "replace")
        where = f"{path}, line {line + before.count(chr(10))}"
        fault = f"byte 0x{error.object[error.start]:02x} is not {encoding}"
        raise BenchmarkError(f"{where}: {fault}; {_CORRECT}") from None
    except UnicodeError as error:  # no byte order mark
        raise BenchmarkError(f"{path}: {error}; {_CORRECT}") from None
