"""What a saved model needs to read raw rows: the table's rules, dense scales and vocabularies.

<folder>/encoding.json   <folder>/<j>.parquet: the tokens of sparse field j by id, from 1
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import ValidationError

from benchmark.data.card import TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.readers import rows
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Dense, Ids
from benchmark.utils.files import sha256, write_text

FACTS = "encoding.json"


@contextmanager
def writing(
    folder: Path, table: TableSpec, dense: DenseRule
) -> Iterator[Callable[[pl.Series], None]]:
    """Write an encoding: call the yielded function with the vocabulary of each sparse field."""
    digests: list[str] = []
    folder.mkdir()

    def keep(vocabulary: pl.Series) -> None:
        path = folder / f"{len(digests)}.parquet"
        vocabulary.alias("token").to_frame().write_parquet(path, compression="lz4")
        digests.append(sha256(path))

    yield keep
    facts = {
        "table": table.model_dump(mode="json"),
        "means": dense.means,
        "deviations": dense.deviations,
        "vocabularies": digests,
    }
    write_text(folder / FACTS, json.dumps(facts, indent=1) + "\n")


class RawEncoder:
    """Encode raw rows as the store in whose folder the encoding lies.

    Raises BenchmarkError if the encoding is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            self._table = TableSpec.model_validate_json(json.dumps(facts["table"]))
            self._dense = DenseRule(self._table, facts["means"], facts["deviations"])
            paths = [folder / f"{j}.parquet" for j in range(len(self._table.sparse))]
            for path, digest in zip(paths, facts["vocabularies"], strict=True):
                if sha256(path) != digest:
                    raise ValueError(f"{path.name} was altered")
            vocabularies = [pl.read_parquet(path)["token"] for path in paths]
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise BenchmarkError(
                f"{folder}: the encoding of raw rows is not whole: {error}"
            ) from None
        fields = zip(self._table.sparse, vocabularies, strict=True)
        self._ids = [_ids(name, vocabulary) for name, vocabulary in fields]

    def read(self, path: Path) -> Iterator[tuple[Dense, Ids]]:
        """Yield dense [n, n_dense] and sparse [n, n_sparse] of a file, some rows at a time.

        The file has the form of the training files; its label is not needed. Raises BenchmarkError
        naming the line of a broken row."""
        columns = (*self._table.dense, *self._table.sparse)
        rows.require_columns(path, self._table, columns)
        for block in rows.blocks(path, self._table, columns):
            frame = block.frame()
            yield self._dense.apply(frame), _matrix(frame, self._ids)


def _ids(name: str, vocabulary: pl.Series) -> pl.Expr:
    position = pl.col(name).cast(pl.Enum(vocabulary), strict=False).to_physical().cast(pl.Int32)
    return (position + 1).fill_null(len(vocabulary) + 1)


def _matrix(frame: pl.DataFrame, ids: Sequence[pl.Expr]) -> Ids:
    if not ids:
        return np.empty((frame.height, 0), np.int32)
    return np.ascontiguousarray(frame.select(ids).to_numpy())
