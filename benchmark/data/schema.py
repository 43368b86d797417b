"""The shape of a data set as a model sees it, and its arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PADDING_ID = 0


@dataclass(frozen=True)
class Schema:
    """Columns in the order of the arrays.

    Ids of sparse field j lie in [0, cardinalities[j]): 0 is padding, 1.. the vocabulary in order of
    falling
    frequency, and cardinalities[j] - 1 stands for every out-of-vocabulary or missing value.
    """

    dense: tuple[str, ...]
    sparse: tuple[str, ...]
    cardinalities: tuple[int, ...]
    group: str | None = None

    def __post_init__(self) -> None:
        if len(self.sparse) != len(self.cardinalities):
            raise ValueError(
                f"{len(self.sparse)} sparse fields but {len(self.cardinalities)} cardinalities"
            )
        names = self.dense + self.sparse
        if len(set(names)) != len(names):
            raise ValueError(
                f"field names repeat: {sorted(n for n in set(names) if names.count(n) > 1)}"
            )
        if not names:
            raise ValueError("a schema needs at least one field")
        if any(c < 2 for c in self.cardinalities):
            raise ValueError(
                "a cardinality counts padding and out-of-vocabulary, so it is at least 2"
            )

    @property
    def num_fields(self) -> int:
        return len(self.dense) + len(self.sparse)


@dataclass(frozen=True)
class Split:
    """One split: dense [n, n_dense] float32, sparse [n, n_sparse] int32, label [n] uint8, group [n]
    int32 or None."""

    dense: NDArray[np.float32]
    sparse: NDArray[np.int32]
    label: NDArray[np.uint8]
    group: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def positives(self) -> int:
        return int(self.label.sum(dtype=np.int64))
