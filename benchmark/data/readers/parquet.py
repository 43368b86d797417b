"""Rows of a Parquet file, decoded by Arrow: it streams a row group in bounded memory, and refuses a
damaged page over which the reader of polars ends the process."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.readers.content import require_growth

BATCH_ROWS = 1 << 16
_BUFFER_BYTES = 1 << 20
_BYTES_PER_VALUE = 8


def schema(path: Path) -> Mapping[str, pl.DataType]:
    """The type of each column. Raises BenchmarkError if the file has far more rows than its size
    allows; OSError or ArrowException for a file that cannot be read."""
    with pq.ParquetFile(path) as file:
        require_growth(path, path.stat().st_size, _BYTES_PER_VALUE * file.metadata.num_rows)
        columns = file.schema_arrow
        names = columns.names  # decoded here: polars would panic over a byte that is no UTF-8
        return dict(zip(names, _frame(columns.empty_table()).dtypes, strict=True))


def frames(path: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the rows in their order with these columns, at most BATCH_ROWS at a time. Raises
    OSError or ArrowException for a file that cannot be read."""
    with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=columns):
            batch.validate(full=True)
            yield _frame(batch).select(columns)


def _frame(rows: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame
