"""Where the rows of all shards are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.data.card import TableSpec
from benchmark.data.encoding.splits import Assigned, divided
from benchmark.data.encoding.table import require_rows
from benchmark.data.shards.exchange import Part, Shard
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Integers, Labels


class Layout:
    """Where the rows of all shards are, from the step `rows`: the split of each block's file, the
    number of its first row, and the split of each row."""

    def __init__(self, table: TableSpec, parts: Sequence[Part]) -> None:
        first, *others = parts
        for other in others:
            if other.files.get("blocks.arrow") != first.files.get("blocks.arrow"):
                fault = f"shards {first.shard} and {other.shard} read different rows"
                hint = "let all machines have the same versions, and a source give the same order"
                remedy = f"then delete {first.folder.parent.parent} and begin again"
                raise BenchmarkError(f"{fault}; {hint}, {remedy}")
        self.splits = first.frame("blocks")["split"].to_list()
        heights = np.zeros(len(self.splits), np.int64)
        for i, part in enumerate(parts):
            heights[i :: len(parts)] = part.frame("heights")["height"].to_numpy()
        self.firsts = np.cumsum(heights) - heights
        for split in dict.fromkeys(self.splits):
            of_split = np.array(self.splits) == split
            require_rows(table, split, int(heights[of_split].sum()))
        self.assignment = None
        if table.split is not None and self.splits:
            labels, codes = _rows_in_order(parts, heights)
            self.assignment = divided(table.split, labels, codes)

    def own(self, shard: Shard) -> range:
        """The numbers of the blocks of a shard."""
        return range(shard.number - 1, len(self.splits), shard.count)

    def of_splits(
        self, number: int, labels: Labels
    ) -> Iterator[tuple[str, slice | NDArray[np.intp]]]:
        """Yield each split, and which rows of block `number` with these labels it has."""
        if self.assignment is None:
            yield self.splits[number], slice(None)
        else:
            yield from self.assignment.parts(int(self.firsts[number]), labels)


def _rows_in_order(parts: Sequence[Part], heights: Integers) -> tuple[Labels, Assigned | None]:
    """The labels of all rows, and their splits where the values of a column decide."""
    count = len(parts)
    frames = [pl.DataFrame()] * len(heights)
    for i, part in enumerate(parts):
        if not len(own := heights[i::count]):
            continue
        table = part.frame("splits")
        ends = [0, *np.cumsum(own).tolist()]
        frames[i::count] = [table[first:last] for first, last in pairwise(ends)]
    whole = pl.concat(frames)
    codes = whole["split"].to_numpy() if "split" in whole.columns else None
    return whole["label"].to_numpy(), codes
