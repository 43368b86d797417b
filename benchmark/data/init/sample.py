"""The form of a table's files and their first rows, read as any card's are."""

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Literal

import polars as pl

from benchmark.data.card import SplitRule, TableSpec
from benchmark.data.head import rows_of
from benchmark.data.init.values import are_numbers, values_of
from benchmark.data.readers import csv, parquet, text
from benchmark.data.readers.content import HEAD_BYTES, File, open_bytes
from benchmark.data.readers.inputs import of_file
from benchmark.data.readers.rows import require_columns
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError, UsageError

ROWS = 1 << 16
BYTES = 1 << 22
MOST_COLUMNS = 2_000

Format = Literal["csv", "parquet", "libsvm", "libffm"]

_PAIRS: Mapping[Format, str] = {"libffm": r"[^:\s]+:[^:\s]+:[^:\s]+", "libsvm": r"[^:\s]+:[^:\s]+"}
_NO_NAME = "\0"


@dataclass(frozen=True)
class Sample:
    """The first rows of a table as text, a missing value being null or empty; `table` reads all of
    its columns, with their names in `header` if the files have none. `unusable` columns have no
    name of their own, or a type that cannot be encoded, and are not among the rows."""

    table: TableSpec
    rows: pl.DataFrame
    unusable: Mapping[str, str]


@dataclass(frozen=True)
class _Form:
    """How the files are read; `header` is empty where they name their columns."""

    format: Format
    separator: str = ","
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()

    def table(self, names: Sequence[str]) -> TableSpec:
        """The table with these columns, the first as its label."""
        label, *others = names
        as_values = self.format == "libffm"  # whose sparse fields give the index
        return TableSpec(
            format=self.format,
            files={"all": ("-",)},
            split=SplitRule(),
            separator=self.separator,
            encoding=self.encoding,
            header=self.header,
            label=label,
            dense=tuple(others) if as_values else (),
            sparse=() if as_values else tuple(others),
        )

    @property
    def any_table(self) -> TableSpec:
        """A table of columns that need not be there, to learn what columns there are; files
        without names have no other name of the label."""
        return self.table(self.header or ("label", _NO_NAME))


@dataclass(frozen=True)
class _Head:
    """The first lines of a text file, in UTF-8, which are read as a file is."""

    path: Path
    content: bytes = field(repr=False)

    @property
    def suffix(self) -> str:
        return self.path.suffix

    def open(self, mode: Literal["rb"]) -> BufferedReader:
        return BufferedReader(io.BytesIO(self.content))

    def __str__(self) -> str:
        return str(self.path)


def read_sample(paths: Sequence[Path]) -> Sample:
    """Look at the first rows of each file, or of the largest part in each folder, as others may be
    empty. The form is that of the first. Raises BenchmarkError for a file that cannot be read, or
    lacks a column of the first; UsageError for a table of one column, or of more than MOST_COLUMNS.
    """
    first, *others = (_largest(local.parts_of(path)) for path in paths)
    with open_bytes(first) as file:
        start = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    if start.startswith(b"PAR1"):
        return _sample([first, *others], _Form("parquet"), "utf-8")
    encoding = text.mark_of(start) or "utf-8"
    try:
        head = _head(first, encoding)
    except BenchmarkError as error:
        if "UTF-8" not in str(error) or encoding != "utf-8":
            raise
        encoding = "latin-1"  # in which all bytes are text
        head = _head(first, encoding)
    heads = [head, *(_head(path, encoding) for path in others)]
    return _sample(heads, _text_form(head), encoding)


def _largest(parts: Sequence[Path]) -> Path:
    return max(parts, key=lambda path: path.stat().st_size)


def _sample(files: Sequence[File], form: _Form, encoding: str) -> Sample:
    where = str(files[0])
    names = list(of_file(files[0], form.any_table).columns())
    if form.format == "parquet":
        types = parquet.schema(Path(where))
        unusable = {name: f"of type {dtype}" for name, dtype in types.items() if _odd(dtype)}
    else:
        counts = Counter(names)
        unusable = {name: "several columns have this name" for name in names if counts[name] > 1}
        unusable |= {name: "a column without a name" for name in names if not name}
    names = [name for name in names if name not in unusable]
    if len(names) < 2:
        hint = "a table has a label and at least one other column"
        raise UsageError(f"{where}: no column but {', '.join(names) or 'unusable ones'}; {hint}")
    _require_few(where, len(names))
    table = form.table(names)
    inputs = [of_file(path, table) for path in files]
    for each in inputs:
        if not each.ragged:
            require_columns([each], table, table.columns)
    frames = [rows_of([each], table, ROWS).rows for each in inputs]
    frames = [frame.select(pl.all().cast(pl.String)) for frame in frames]
    rows = pl.concat(frames, how="diagonal").select(names)  # one of libsvm may lack a column
    return Sample(table.model_copy(update={"encoding": encoding}), rows, unusable)


def _require_few(where: str, count: int) -> None:
    if count > MOST_COLUMNS:
        hint = "a card names each; hold ids in the values of few columns, or in libffm's fields"
        raise UsageError(f"{where}: {count:,} columns, the limit is {MOST_COLUMNS:,}; {hint}")


def _odd(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or dtype in (pl.Binary, pl.Object)


def _head(path: Path, encoding: str) -> _Head:
    _, block = next(text.blocks(path, encoding))
    cut = block.rfind(b"\n", 0, BYTES) + 1 or block.index(b"\n") + 1
    text.require_text(path, 1, block[:cut])
    return _Head(path, block[:cut])


def _text_form(head: _Head) -> _Form:
    lines = [line for line in head.content.decode().split("\n")[:1000] if line.strip()]
    for name, pair in _PAIRS.items():
        line_form = re.compile(rf"[-+.\w]+(?:\s+{pair})*\s*(?:#.*)?|\s*#.*")
        if ":" in "".join(lines) and all(map(line_form.fullmatch, lines)):
            return _Form(name)
    return _csv_form(head)


def _csv_form(head: _Head) -> _Form:
    """The separator that gives the most fields, as many in every line; and whether the first line
    names the columns."""
    forms: list[tuple[_Form, pl.DataFrame]] = []
    faults: list[tuple[int, str]] = []
    for separator in csv.SEPARATORS:
        count, form = 0, _Form("csv", separator)
        try:
            count = csv.first_line(head, form.any_table).fields
            _require_few(str(head), count)
            form = _Form("csv", separator, header=tuple(f"c{n}" for n in range(1, count + 1)))
            if count > 1:
                table = form.any_table
                forms.append((form, rows_of([of_file(head, table)], table, ROWS).rows))
        except UsageError:
            raise
        except BenchmarkError as error:
            faults.append((count, str(error)))
    if not forms:
        if not faults:
            raise UsageError(f"{head}: a table of one column; it needs a label and another column")
        raise BenchmarkError(max(faults, key=lambda each: each[0])[1])
    form, rows = max(forms, key=lambda each: len(each[0].header))
    return _Form("csv", form.separator) if _has_header(rows) else form


def _has_header(rows: pl.DataFrame) -> bool:
    """Whether the first row holds a word where numbers follow; where no column is one of numbers,
    whether none of its values occurs again."""
    first, body = rows[:1], rows[1:]
    numeric = [name for name in rows.columns if are_numbers(values_of(body[name]))]
    if not numeric:
        return not any(first[name].is_in(body[name].implode()).any() for name in rows.columns)
    titles = [values_of(first[name]) for name in numeric]
    return any(len(title) and not are_numbers(title) for title in titles)
