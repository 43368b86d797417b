"""The first rows of a data set as they are before they are encoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.data import catalog
from benchmark.data.card import Card, TableSpec
from benchmark.data.readers.inputs import Input
from benchmark.data.sources import synthetic


@dataclass(frozen=True)
class Head:
    """Rows of a split, or of the rows that a rule divides, with the columns that the card reads,
    and the names of those that it does not."""

    rows: pl.DataFrame
    unused: tuple[str, ...] = ()


def first_rows(name_or_path: str, count: int, data_root: Path | None) -> Mapping[str, Head]:
    """Read the first `count` rows of each split, or of `all`; nothing is checked, encoded or kept.

    Reads one block of a local file, and of a data set on the hub what one block is made of. Raises
    what `catalog.open_data` does for files that are missing or cannot be read."""
    found = catalog.find_card(name_or_path)
    table = found.card.table
    if table is None:
        return _generated(found.card, count)
    inputs = catalog.raw_inputs(found, table, data_root)
    return {split: rows_of(parts, table, count) for split, parts in inputs.items()}


def rows_of(parts: Sequence[Input], table: TableSpec, count: int) -> Head:
    """Read the first `count` rows of the parts of a split, with the columns that the table reads.
    Raises BenchmarkError for a part that cannot be read."""
    names = parts[0].columns()
    present = set(names)
    used = [name for name in table.needed(table.columns) if name in present]
    frames: list[pl.DataFrame] = []
    blocks = (parse for part in parts for _, parse in part.read(used))
    for parse in blocks:
        frames.append(parse([]).head(count - sum(frame.height for frame in frames)))
        if sum(frame.height for frame in frames) == count:
            break
    rows = pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame(schema=used)
    read = set(used)
    return Head(rows, tuple(name for name in names if name not in read))


def _generated(card: Card, count: int) -> dict[str, Head]:
    size, heads = synthetic.SIZES[card.id], {}
    for split, (start, stop) in size.spans().items():
        rows = synthetic.generate(size, start, min(start + count, stop))
        columns: dict[str, np.ndarray] = {"label": rows.label}
        columns |= dict(zip(synthetic.DENSE, rows.dense.T, strict=True))
        columns |= dict(zip(synthetic.SPARSE, rows.sparse.T, strict=True))
        heads[split] = Head(pl.DataFrame(columns).fill_nan(None))
    return heads
