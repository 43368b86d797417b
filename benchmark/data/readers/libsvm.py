"""libsvm text: `label index:value index:value ... # comment`.

The index is the column's name (`qid` too); a row without an index has no value there."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers.lines import Parse, blocks, require_text
from benchmark.errors import BenchmarkError


def columns(path: Path, table: TableSpec) -> list[str]:
    """The card's name of the label, and the indices that occur in the file."""
    indices: set[str] = set()
    for line, block in blocks(path):
        indices.update(_split(path, line, block)[1]["index"].unique())
    return [table.label, *sorted(indices, key=lambda index: (len(index), index))]


def read(path: Path, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (line number of the first row, parser) for each block."""
    for line, block in blocks(path):
        yield line, partial(_parse, path, line, block, table.label, selection)


def _parse(
    path: Path,
    line: int,
    block: bytes,
    label: str,
    selection: Sequence[str],
    numbers: Sequence[str],
) -> pl.DataFrame:
    rows, pairs = _split(path, line, block)
    indices = [name for name in selection if name != label]
    values = pairs.pivot(
        "index", on_columns=indices, index="row", values="value", aggregate_function="first"
    )
    joined = rows.join(values, on="row", how="left", maintain_order="left")
    return joined.rename({"label": label}).select(selection)


def _split(path: Path, line: int, block: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a block into rows (row, label) and pairs (row, index, value)."""
    require_text(path, line, block)
    text = pl.Series("words", block.decode().split("\n")[:-1])
    words = text.str.replace("#.*", "").str.extract_all(r"\S+").to_frame().with_row_index("row")
    rows = words.select("row", label=pl.col("words").list.get(0, null_on_oob=True))
    pair = pl.col("word").str.splitn(":", 2).struct.rename_fields(["index", "value"])
    pairs = (
        words.select("row", word=pl.col("words").list.slice(1))
        .explode("word", empty_as_null=False)
        .with_columns(pair=pair)
        .unnest("pair")
    )
    broken = pairs.filter((pl.col("index") == "") | (pl.col("value").fill_null("") == ""))
    for row, word in broken.select("row", "word").head(1).iter_rows():
        raise BenchmarkError(f"{path}, line {line + row}: {word!r} is not index:value")
    repeated = pairs.filter(pl.struct("row", "index").is_duplicated())
    for row, index in repeated.select("row", "index").head(1).iter_rows():
        raise BenchmarkError(f"{path}, line {line + row}: index {index} occurs twice")
    return rows, pairs
