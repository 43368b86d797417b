"""Delimited text. Columns are matched by name in each file, in any order; unused ones are ignored.
Fields may be quoted but not span lines."""

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers.lines import Parse, blocks, require_text
from benchmark.errors import BenchmarkError


def columns(path: Path, table: TableSpec) -> list[str]:
    """The names in the header line, or those that the card gives to files without one."""
    if table.header:
        return list(table.header)
    line, block = next(blocks(path))
    names_line = block[: block.index(b"\n") + 1]
    require_text(path, line, names_line)
    (names,) = _quoted_rows(path, line, names_line, table.separator)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BenchmarkError(
            f"{path}: the header names {', '.join(map(repr, repeated))} more than once"
        )
    return names


def read(path: Path, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block."""
    header = columns(path, table)
    for line, block in blocks(path):
        if line == 1 and not table.header:
            line, block = 2, block[block.index(b"\n") + 1 :]
        if block:
            yield line, partial(_parse, path, line, block, header, table.separator, selection)


def _parse(
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
    edge = (data == ord(separator)) | (data == ord("\n")) | (data == ord("\r"))
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
