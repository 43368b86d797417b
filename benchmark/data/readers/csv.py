"""Rows of delimited text.

Columns are matched by name in each file, in any order; unused ones are ignored. Fields may be
quoted but not span lines; where several characters separate the fields, a quote is text like any
other. An empty line is no row: a missing value that is alone on its line is written \"\"."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers import text
from benchmark.data.readers.content import File
from benchmark.data.readers.text import MOST_FIELDS, Parse, require_text
from benchmark.errors import BenchmarkError

_WIDE = 1_000
"""Beyond it only the columns that are used are parsed, by which polars no longer sees long rows."""


@dataclass(frozen=True)
class FirstLine:
    """The first line of a file, as it is, and the names in it; none if it is a row."""

    line: bytes
    fields: int
    names: list[str]


SEPARATORS = ("\t", ";", "|", "::", "\x01", ",", " ")
"""Those that files have, likelier ones before those that text holds too."""


def first_line(path: File, table: TableSpec) -> FirstLine:
    """Read the header line. With a `header` on the card, it is one only if it names the features
    of the card, in any order and case. Raises BenchmarkError for a used name that it repeats."""
    _, block = next(text.blocks(path, table.encoding))
    line = block[: block.index(b"\n") + 1]
    require_text(path, 1, line)
    (fields,) = _quoted_rows(path, 1, line, table)
    if len(fields) > MOST_FIELDS:
        raise BenchmarkError(f"{path}, line 1: {len(fields):,} columns; at most {MOST_FIELDS:,}")
    used = set(table.needed(table.columns))
    names = [name if name in used else _bare(name) for name in fields]
    if table.header and not _is_header(names, table):
        return FirstLine(line, len(fields), [])
    _require_once(path, names, used)
    return FirstLine(line, len(fields), names)


def _bare(name: str) -> str:
    """A name without blanks around it, and the quotes that these hid from the csv module."""
    name = name.strip()
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1] if is_quoted else name


def columns(path: File, table: TableSpec) -> list[str]:
    """The names in the header line, or those that the card gives to files without one."""
    return first_line(path, table).names or list(table.header)


def read(path: File, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block.

    Where the label is not wanted, a file may repeat the header of the card or lack the label's
    column. Raises BenchmarkError for a header line anywhere else."""
    first = first_line(path, table)
    names = first.names or list(table.header)
    if table.header and first.names and table.label in selection:
        hint = "leave the line out of the file, or `header` out of the card"
        raise BenchmarkError(f"{path}, line 1: it repeats the header of the card; {hint}")
    _require_once(path, names, selection)
    unlabelled = [name for name in names if name != table.label]
    if not first.names and table.label not in selection and first.fields == len(unlabelled):
        names = unlabelled
    parser = _Parser(path, table, names, selection)
    for line, block in text.blocks(path, table.encoding):
        if line == 1 and first.names:
            line, block = 2, block[len(first.line) :]
        if first.names:
            _refuse_header(path, line, block, first)
        if block:
            yield line, partial(parser.parse, line, block)


@dataclass(frozen=True)
class _Parser:
    """Parses lines with fields of these names; the selected ones occur once."""

    path: File
    table: TableSpec
    names: Sequence[str]
    selection: Sequence[str]

    def parse(self, line: int, block: bytes, numbers: Sequence[str]) -> pl.DataFrame:
        require_text(self.path, line, block)
        alone = len(self.names) == 1
        quoted = b'"' in block and len(self.table.separator) == 1
        if quoted and not alone:
            block = _unquoted(block, self.table.separator)
        wanted, numeric = set(self.selection), set(numbers)
        # the names of unused fields may repeat, and no text holds a NUL
        unique = [name if name in wanted else f"\0{i}" for i, name in enumerate(self.names)]
        if alone or (quoted and b'"' in block):
            rows = _quoted_rows(self.path, line, block, self.table)
            for number, row in enumerate(rows, line):
                if len(row) != len(unique):
                    raise self._ragged(number, len(row))
            schema = dict.fromkeys(unique, pl.String)
            return pl.DataFrame(rows, schema=schema, orient="row").select(self.selection)
        block, separator = self._narrow(line, block)
        kinds = {name: pl.Float64 if name in numeric else pl.String for name in unique}
        separators = np.count_nonzero(np.frombuffer(block, np.uint8) == ord(separator))
        wide = len(unique) > _WIDE
        # of uneven rows polars fills short ones, and takes time and memory for long ones
        if wide or separators != block.count(b"\n") * (len(unique) - 1):
            self._require_even(line, block, separator)
        used = [place for place, name in enumerate(unique) if name in wanted]
        try:
            frame = pl.read_csv(
                block,
                has_header=False,
                schema=kinds,
                columns=used if wide else None,
                separator=separator,
                quote_char=None,
                null_values=list(self.table.missing) or None,
            )
        except pl.exceptions.PolarsError as error:
            self._require_even(line, block, separator)
            raise BenchmarkError(f"{self.path}, line {line} and after: {error}") from None
        return frame.select(self.selection)

    def _narrow(self, line: int, block: bytes) -> tuple[bytes, str]:
        """The block with one character between its fields, which is nowhere else in it."""
        if len(self.table.separator) == 1:
            return block, self.table.separator
        for narrow in map(chr, range(1, 32)):
            if narrow not in "\r\n" and narrow.encode() not in block:
                return block.replace(self.table.separator.encode(), narrow.encode()), narrow
        raise BenchmarkError(f"{self.path}, line {line} and after: every control character occurs")

    def _require_even(self, line: int, block: bytes, separator: str) -> None:
        data = np.frombuffer(block, np.uint8)
        edges = data[(data == ord(separator)) | (data == ord("\n"))]
        fields = np.diff(np.flatnonzero(edges == ord("\n")), prepend=-1)
        for row in np.flatnonzero(fields != len(self.names)):
            raise self._ragged(line + int(row), int(fields[row]))

    def _ragged(self, line: int, fields: int) -> BenchmarkError:
        why = "the line is cut off, or a separator in it needs quotes"
        if fields == 1:
            why = "the line is empty or cut off, or the card's `separator` is not that of the file"
        count = "1 field" if fields == 1 else f"{fields} fields"
        fault = f"{count} instead of {len(self.names)}; {why}"
        return BenchmarkError(f"{self.path}, line {line}: {fault}")


def _require_once(path: File, names: Sequence[str], wanted: Iterable[str]) -> None:
    counts = Counter(names)
    if repeated := sorted(name for name in wanted if counts[name] > 1):
        listed = ", ".join(map(repr, repeated))
        raise BenchmarkError(f"{path}: the header names {listed} more than once")


def _is_header(names: Sequence[str], table: TableSpec) -> bool:
    """Whether a line names the features of the card; numbers alone may be those of a row."""
    present = {name.casefold() for name in names}
    needed = {name.casefold() for name in {*table.header} & {*table.needed(table.columns)}}
    named = present & needed
    return named >= needed - {table.label.casefold()} and not all(map(_is_number, named))


def _is_number(word: str) -> bool:
    with suppress(ValueError):
        float(word)
        return True
    return False


def _refuse_header(path: File, line: int, block: bytes, first: FirstLine) -> None:
    """Raise BenchmarkError if the header line of the file occurs in a block of its rows."""
    place = -1 if block.startswith(first.line) else block.find(b"\n" + first.line)
    if first.fields > 1 and (place >= 0 or block.startswith(first.line)):
        number = line + block.count(b"\n", 0, place + 1)
        hint = "remove the line; are these several files in one?"
        raise BenchmarkError(f"{path}, line {number}: it repeats the header; {hint}")


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


def _quoted_rows(path: File, line: int, block: bytes, table: TableSpec) -> list[list[str]]:
    """Rows parsed by the csv module, which is slow but says what is wrong with a quote."""
    lines = block.decode().split("\n")[:-1]
    if len(table.separator) > 1:
        return [row.removesuffix("\r").split(table.separator) for row in lines]
    rows: list[list[str]] = []
    reader = csv.reader(lines, delimiter=table.separator, strict=True)
    try:
        for row in reader:
            if reader.line_num != len(rows) + 1:
                raise csv.Error("a quoted field does not end on its line")
            rows.append(row)
    except csv.Error as error:
        raise BenchmarkError(f"{path}, line {line + len(rows)}: not valid csv: {error}") from None
    return rows
