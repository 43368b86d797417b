"""Parquet: numbers stay numbers, categories of any plain type become strings."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from benchmark.data.card import TableSpec
from benchmark.data.readers.lines import Parse
from benchmark.errors import BenchmarkError

CHUNK_ROWS = 1 << 16


def columns(path: Path, table: TableSpec) -> list[str]:
    """The names of the file's schema. Raises BenchmarkError for a type that cannot be encoded."""
    try:
        schema = pl.scan_parquet(path).collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BenchmarkError(f"{path} is no readable parquet file: {error}") from None
    for name in set(table.sources(table.columns)) & set(schema):
        dtype = schema[name]
        numeric = dtype.is_numeric() or dtype in (pl.String, pl.Boolean)
        plain = not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)
        if not (numeric if name == table.label or name in table.dense else plain):
            raise BenchmarkError(
                f"{path}: column '{name}' has the type {dtype}, which cannot be encoded"
            )
    return list(schema)


def read(path: Path, table: TableSpec, selection: Sequence[str]) -> Iterator[tuple[int, Parse]]:
    """Yield (number of the first row from 1, rows in the file's types, NaN as null) by chunk."""
    rows = pl.scan_parquet(path).select(selection).with_columns(pl.selectors.float().fill_nan(None))
    first = 1
    try:
        for frame in rows.collect_batches(chunk_size=CHUNK_ROWS):
            yield first, partial(_parsed, frame)
            first += frame.height
    except pl.exceptions.PolarsError as error:
        raise BenchmarkError(f"{path} cannot be read from row {first} on: {error}") from None


def _parsed(frame: pl.DataFrame, numbers: Sequence[str]) -> pl.DataFrame:
    return frame
