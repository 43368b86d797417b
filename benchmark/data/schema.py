"""The shape of a data set as a model sees it, and the arrays of a split."""

from dataclasses import dataclass

import numpy as np

from benchmark.utils.arrays import Dense, Ids, Labels


@dataclass(frozen=True)
class Schema:
    """Columns in the order of the arrays.

    Ids of sparse field j lie in [0, cardinalities[j]): 0 is padding, 1 and up the vocabulary by
    falling frequency, and the last stands for out-of-vocabulary and missing values."""

    dense: tuple[str, ...]
    sparse: tuple[str, ...]
    cardinalities: tuple[int, ...]
    group: str | None = None

    def __post_init__(self) -> None:
        fields, sizes = len(self.sparse), len(self.cardinalities)
        if fields != sizes:
            raise ValueError(f"{fields} sparse fields but {sizes} cardinalities")
        names = self.dense + self.sparse
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"field names repeat: {repeated}")
        if not names:
            raise ValueError("a schema needs at least one field")
        if min(self.cardinalities, default=2) < 2:
            raise ValueError("a cardinality counts padding and out-of-vocabulary: at least 2")

    @property
    def num_fields(self) -> int:
        return len(self.dense) + len(self.sparse)


@dataclass(frozen=True)
class Split:
    """One split: dense [n, n_dense], sparse [n, n_sparse], label [n], group [n] or None."""

    dense: Dense
    sparse: Ids
    label: Labels
    group: Ids | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def positives(self) -> int:
        return int(self.label.sum(dtype=np.int64))
