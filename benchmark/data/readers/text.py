"""Delimited and libsvm text, read in blocks of whole lines of bounded size.

csv: columns are matched by name in each file, in any order; unused ones are ignored. Fields may be
quoted but not span lines.
libsvm: `label index:value index:value ... # comment`. The index is the column's name (`qid` too); a
row without an index has no value there."""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.card import TableSpec
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
            limit = f"{LINE_BYTES >> 20} MiB"
            raise BenchmarkError(f"{path}, line {line}: more than {limit} of empty lines")
    if line == 1:
        raise BenchmarkError(f"{path} is empty")


def require_text(path: Path, line: int, block: bytes) -> None:
    """Raise BenchmarkError for a block that is not text. Names the first line that is not UTF-8,
    holds a NUL byte, or a carriage return in its middle."""
    try:
        _ = block.isascii() or block.decode()
        position = block.find(0)
        fault = "a NUL byte: damaged or in another encoding"
        if position < 0 and block.count(b"\r") != block.count(b"\r\n"):
            position = len(re.split(rb"\r(?!\n)", block, maxsplit=1)[0])
            fault = "a carriage return within the line; lines end with LF or CRLF"
    except UnicodeDecodeError as error:
        position, byte = error.start, f"0x{block[error.start]:02x}"
        fault = f"not UTF-8 (byte {byte}): cut off, damaged or in another encoding"
    if position >= 0:
        number = line + block.count(b"\n", 0, position)
        raise BenchmarkError(f"{path}, line {number}: {fault}")


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


def csv_columns(path: Path, table: TableSpec) -> list[str]:
    """The names in the header line, or those that the card gives to files without one."""
    if table.header:
        return list(table.header)
    line, block = next(blocks(path))
    names_line = block[: block.index(b"\n") + 1]
    require_text(path, line, names_line)
    (names,) = _quoted_rows(path, line, names_line, table.separator)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        listed = ", ".join(map(repr, repeated))
        raise BenchmarkError(f"{path}: the header names {listed} more than once")
    return names


def read_csv(path: Path, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block."""
    header = csv_columns(path, table)
    for line, block in blocks(path):
        if line == 1 and not table.header:
            line, block = 2, block[block.index(b"\n") + 1 :]
        if block:
            yield line, partial(_parse_csv, path, line, block, header, table.separator, selection)


def _parse_csv(
    path: Path,
    line: int,
    block: bytes,
    header: list[str],
    separator: str,
    selection: Sequence[str],
    numbers: Sequence[str],
) -> pl.DataFrame:
    require_text(path, line, block)
    if b'"' in block:
        block = _unquoted(block, separator)
    if b'"' in block or len(header) == 1:
        rows = _quoted_rows(path, line, block, separator)
        for number, row in enumerate(rows, line):
            if len(row) != len(header):
                raise _ragged(path, number, len(row), header)
        strings = dict.fromkeys(header, pl.String)
        return pl.DataFrame(rows, schema=strings, orient="row").select(selection)
    schema = {name: pl.Float64 if name in numbers else pl.String for name in header}
    try:
        frame = pl.read_csv(
            block, has_header=False, schema=schema, separator=separator, quote_char=None
        )
    except pl.exceptions.PolarsError as error:
        _require_even(path, line, block, header, separator)
        raise BenchmarkError(f"{path}, line {line} and after: {error}") from None
    # polars refuses rows that are too long but fills short ones with nulls
    separators = np.count_nonzero(np.frombuffer(block, np.uint8) == ord(separator))
    if separators != frame.height * (len(header) - 1) or frame.height != block.count(b"\n"):
        _require_even(path, line, block, header, separator)
    return frame.select(selection)


def _require_even(path: Path, line: int, block: bytes, header: list[str], separator: str) -> None:
    data = np.frombuffer(block, np.uint8)
    edges = data[(data == ord(separator)) | (data == ord("\n"))]
    fields = np.diff(np.flatnonzero(edges == ord("\n")), prepend=-1)
    for row in np.flatnonzero(fields != len(header)):
        raise _ragged(path, line + int(row), int(fields[row]), header)


def _unquoted(block: bytes, separator: str) -> bytes:
    """The block without its quotes if each pair encloses a whole field and no separator or line
    end; otherwise the block as it is."""
    data = np.frombuffer(b"\n" + block, np.uint8)
    quote = data == ord('"')
    at = np.flatnonzero(quote)
    edge = np.isin(data, [ord(separator), ord("\n"), ord("\r")])
    inside = (np.cumsum(quote, dtype=np.uint8) & 1).astype(np.bool_)
    needless = not (edge & inside).any() and edge[at[::2] - 1].all() and edge[at[1::2] + 1].all()
    return block.replace(b'"', b"") if needless else block


def _quoted_rows(path: Path, line: int, block: bytes, separator: str) -> list[list[str]]:
    """Rows parsed by the csv module, which is slow but says what is wrong with a quote."""
    rows: list[list[str]] = []
    reader = csv.reader(block.decode().split("\n")[:-1], delimiter=separator, strict=True)
    try:
        for row in reader:
            if reader.line_num != len(rows) + 1:
                raise csv.Error("a quoted field does not end on its line")
            rows.append(row or [""])
    except csv.Error as error:
        raise BenchmarkError(f"{path}, line {line + len(rows)}: not valid csv: {error}") from None
    return rows


def _ragged(path: Path, line: int, fields: int, header: list[str]) -> BenchmarkError:
    why = "the line is cut off, or a separator in it needs quotes"
    return BenchmarkError(f"{path}, line {line}: {fields} fields instead of {len(header)}; {why}")


def libsvm_columns(path: Path, table: TableSpec) -> list[str]:
    """The card's name of the label, and the indices that occur in the file."""
    indices: set[str] = set()
    for line, block in blocks(path):
        indices.update(_split_libsvm(path, line, block)[1]["index"].unique())
    return [table.label, *sorted(indices, key=lambda index: (len(index), index))]


def read_libsvm(
    path: Path, table: TableSpec, selection: Sequence[str]
) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block."""
    indices = [name for name in selection if name != table.label]

    def parse(line: int, block: bytes, _: Sequence[str]) -> pl.DataFrame:
        rows, pairs = _split_libsvm(path, line, block)
        values = pairs.pivot(
            "index", on_columns=indices, index="row", values="value", aggregate_function="first"
        )
        joined = rows.join(values, on="row", how="left", maintain_order="left")
        return joined.rename({"label": table.label}).select(selection)

    for line, block in blocks(path):
        yield line, partial(parse, line, block)


def _split_libsvm(path: Path, line: int, block: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a block into rows (row, label) and pairs (row, index, value)."""
    require_text(path, line, block)
    text = pl.Series("words", block.decode().split("\n")[:-1])
    words = text.str.replace("#.*", "").str.extract_all(r"\S+").to_frame().with_row_index("row")
    rows = words.select("row", label=pl.col("words").list.get(0, null_on_oob=True))
    pair = pl.col("word").str.splitn(":", 2).struct.rename_fields(["index", "value"])
    words = words.select("row", word=pl.col("words").list.slice(1))
    pairs = words.explode("word", empty_as_null=False).with_columns(pair=pair).unnest("pair")
    broken = pairs.filter((pl.col("index") == "") | (pl.col("value").fill_null("") == ""))
    for row, word in broken.select("row", "word").head(1).iter_rows():
        raise BenchmarkError(f"{path}, line {line + row}: {word!r} is not index:value")
    repeated = pairs.filter(pl.struct("row", "index").is_duplicated())
    for row, index in repeated.select("row", "index").head(1).iter_rows():
        raise BenchmarkError(f"{path}, line {line + row}: index {index} occurs twice")
    return rows, pairs
