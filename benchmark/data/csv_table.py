"""Delimited text. Fields may be quoted but not span lines."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data.card import Table
from benchmark.data.lines import blocks, text_of
from benchmark.errors import BenchmarkError


def columns(path: Path, table: Table) -> list[str]:
    """The names of the header line, or those that the card gives to files without one."""
    if table.header:
        return list(table.header)
    line, block = next(blocks(path))
    text = text_of(path, line, block[: block.index(b"\n")])
    names = next(csv.reader([text], delimiter=table.separator))
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BenchmarkError(f"{path}: the header names {', '.join(map(repr, repeated))} more than once")
    return names


def read(path: Path, table: Table, wanted: Sequence[str]) -> Iterator[tuple[int, pl.DataFrame]]:
    """(line number of its first row, rows as strings), block by block."""
    header = columns(path, table)
    for line, block in blocks(path):
        if line == 1 and not table.header:
            line, block = 2, block[block.index(b"\n") + 1 :]
        if block:
            yield line, _parse(path, line, block, header, table.separator).select(wanted).collect()


def _parse(path: Path, line: int, block: bytes, header: list[str], separator: str) -> pl.LazyFrame:
    if b'"' in block:
        block = _unquoted(block, separator)
    text = text_of(path, line, block)
    schema = dict.fromkeys(header, pl.String)
    if b'"' in block:
        rows = _quoted_rows(path, line, text, header, separator)
        return pl.LazyFrame(rows, schema=schema, orient="row")
    # polars fills short rows with nulls and does not say which row is too long
    data = np.frombuffer(block, np.uint8)
    edges = data[(data == ord(separator)) | (data == ord("\n"))]
    fields = np.diff(np.flatnonzero(edges == ord("\n")), prepend=-1)
    for row in np.flatnonzero(fields != len(header)):
        raise _ragged(path, line + int(row), int(fields[row]), header)
    return pl.scan_csv(block, has_header=False, schema=schema, separator=separator, quote_char=None)


def _unquoted(block: bytes, separator: str) -> bytes:
    """The block without its quotes where each pair encloses a whole field that needs none, else as it is."""
    data = np.frombuffer(b"\n" + block, np.uint8)
    quote = data == ord('"')
    at = np.flatnonzero(quote)
    edge = (data == ord(separator)) | (data == ord("\n")) | (data == ord("\r"))
    inside = (np.cumsum(quote, dtype=np.uint8) & 1).astype(np.bool_)
    needless = not (edge & inside).any() and edge[at[::2] - 1].all() and edge[at[1::2] + 1].all()
    return block.replace(b'"', b"") if needless else block


def _quoted_rows(path: Path, line: int, text: str, header: list[str], separator: str) -> list[list[str]]:
    """Rows by the csv module, which is slow but says what is wrong with a quote."""
    rows: list[list[str]] = []
    reader = csv.reader(text.split("\n")[:-1], delimiter=separator, strict=True)
    try:
        for row in reader:
            if reader.line_num != len(rows) + 1:
                raise csv.Error("a quoted field does not end on its line")
            if len(row) != len(header):
                raise _ragged(path, line + len(rows), len(row), header)
            rows.append(row)
    except csv.Error as error:
        raise BenchmarkError(f"{path}, line {line + len(rows)}: not valid csv: {error}") from None
    return rows


def _ragged(path: Path, line: int, fields: int, header: list[str]) -> BenchmarkError:
    return BenchmarkError(f"{path}, line {line}: {fields} fields instead of {len(header)}")
