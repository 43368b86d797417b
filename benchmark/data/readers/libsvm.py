"""Rows of libsvm and libffm text.

libsvm: `label index:value index:value ... # comment`. The index is the column's name (`qid` too); a
row without an index has no value there.
libffm: `label field:index:value ...`. The field is the column's name. A sparse column holds the
index, whose value is 1; a dense column holds the value.

Rows to be scored may lack the label, all of a file. A line that is only a comment is no row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers import text
from benchmark.data.readers.content import File
from benchmark.data.readers.text import MOST_FIELDS, Parse, require_text
from benchmark.errors import BenchmarkError, quoted

_COMMENT_LINE = re.compile(rb"^[ \t]*#.*\n", re.MULTILINE)
_FORMATS = {1: "libsvm", 2: "libffm"}
"""Formats by the number of colons in a word."""
_INDEX_AND_NUMBER = "^[^:]+:[-+]?[0-9.]+([eE][-+]?[0-9]+)?$"


def columns(path: File, table: TableSpec) -> list[str]:
    """The card's name of the label, and the columns that occur in the file."""
    parser = _Parser(path, table, (), labelled=False)
    found: set[str] = set()
    for line, block in _blocks(path, table.encoding):
        found.update(parser.pairs(line, parser.words(line, block))["column"].unique())
    return [table.label, *sorted(found, key=lambda column: (len(column), column))]


def read(path: File, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block.

    Raises BenchmarkError for rows without a label if the label is wanted, or if others have one."""
    labelled = table.label in selection or _begins_with_label(path, table)
    parser = _Parser(path, table, selection, labelled)
    for line, block in _blocks(path, table.encoding):
        yield line, partial(parser.parse, line, block)


@dataclass(frozen=True)
class _Parser:
    path: File
    table: TableSpec
    selection: Sequence[str]
    labelled: bool

    def parse(self, line: int, block: bytes, _: Sequence[str]) -> pl.DataFrame:
        words = self.words(line, block)
        odd = words.filter(labelled=not self.labelled)
        for row, word in odd.select("row", "first").iter_rows():
            fault = f"the first word {quoted(word)} is no label; put 0 or 1 before it"
            if not self.labelled:
                fault = f"the first word {quoted(word)} is a label, but the rows before have none"
            raise self._fault(line + row, fault)
        wanted = [name for name in self.selection if name != self.table.label]
        pairs = self.pairs(line, words)
        if self.table.format == "libffm":
            pairs = self._fields(line, pairs.filter(pl.col("column").is_in(wanted)))
        repeated = pairs.filter(pl.struct("row", "column").is_duplicated())
        for row, column in repeated.select("row", "column").iter_rows():
            raise self._fault(line + row, f"{self._parts[0]} {column} occurs twice")
        values = pairs.pivot(
            "column", on_columns=wanted, index="row", values="value", aggregate_function="first"
        )
        rows = words.select("row", pl.col("first").alias(self.table.label))
        joined = rows.join(values, on="row", how="left", maintain_order="left")
        return joined.select(self.selection)

    def words(self, line: int, block: bytes) -> pl.DataFrame:
        """The rows' words, the first one, and whether it is a label."""
        require_text(self.path, line, block)
        lines = pl.Series("words", block.decode().split("\n")[:-1])
        words = lines.str.replace("#.*", "").str.extract_all(r"\S+").to_frame()
        lengths = words["words"].list.len()
        for row in (lengths > MOST_FIELDS + 1).arg_true():
            raise self._fault(line + row, f"{lengths[row] - 1:,} pairs; at most {MOST_FIELDS:,}")
        first = pl.col("words").list.get(0, null_on_oob=True)
        labelled = ~first.str.contains(":", literal=True)
        rows = words.with_row_index("row").with_columns(first=first, labelled=labelled)
        for (row,) in rows.filter(pl.col("first").is_null()).select("row").iter_rows():
            raise self._fault(line + row, "no label and no pair; remove the line, or write a label")
        return rows

    def pairs(self, line: int, words: pl.DataFrame) -> pl.DataFrame:
        """The words after the label as row, column, index (of libffm) and value."""
        after_label = pl.col("words").list.slice(pl.col("labelled").cast(pl.Int64))
        parts = pl.col("word").str.splitn(":", len(self._parts))
        split = parts.struct.rename_fields(["column", *self._parts[1:]]).struct.unnest()
        pairs = words.select("row", word=after_label).explode("word", empty_as_null=False)
        pairs = pairs.with_columns(split)
        broken = pl.any_horizontal(pl.col("column", *self._parts[1:]).fill_null("") == "")
        more = ":" if self.table.format == "libffm" else _INDEX_AND_NUMBER
        broken |= pl.col("value").str.contains(more)
        for row, word in pairs.filter(broken).select("row", "word").iter_rows():
            other = _FORMATS.get(word.count(":"), self.table.format)
            hint = "" if other == self.table.format else f'; say format = "{other}" in the card'
            raise self._fault(line + row, f"{quoted(word)} is not {':'.join(self._parts)}{hint}")
        return pairs

    def _fields(self, line: int, pairs: pl.DataFrame) -> pl.DataFrame:
        """The pairs with the index as the value of sparse columns."""
        dense = pl.col("column").is_in([*self.table.dense])
        broken = ~dense & (pl.col("value").cast(pl.Float64, strict=False).fill_null(0) != 1)
        for row, word in pairs.filter(broken).select("row", "word").iter_rows():
            hint = "write 1, or name the field as a dense column of the card"
            raise self._fault(
                line + row, f"{quoted(word)} is a category whose value is not 1; {hint}"
            )
        return pairs.with_columns(value=pl.when(dense).then("value").otherwise("index"))

    @property
    def _parts(self) -> tuple[str, ...]:
        return ("field", "index", "value") if self.table.format == "libffm" else ("index", "value")

    def _fault(self, line: int, fault: str) -> BenchmarkError:
        return BenchmarkError(f"{self.path}, line {line}: {fault}")


def _begins_with_label(path: File, table: TableSpec) -> bool:
    for line, block in _blocks(path, table.encoding):
        row = block[: block.index(b"\n") + 1]
        return bool(_Parser(path, table, (), labelled=False).words(line, row)["labelled"][0])
    return False


def _blocks(path: File, encoding: str) -> Iterator[tuple[int, bytes]]:
    """Yield the text between lines that are only comments."""
    for line, block in text.blocks(path, encoding):
        start = 0
        for comment in _COMMENT_LINE.finditer(block):
            if comment.start() > start:
                yield line, block[start : comment.start()]
            line += block.count(b"\n", start, comment.end())
            start = comment.end()
        if start < len(block):
            yield line, block[start:]
