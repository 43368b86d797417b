"""What a model needs to read raw rows after training: the table's rules, the numbers of its dense
rule, vocabularies.

<folder>/encoding.json   <folder>/<j>.parquet: the tokens of sparse field j by id, from 1
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmark.data.card import TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.readers import rows
from benchmark.errors import BenchmarkError
from benchmark.utils.files import write_text

FACTS = "encoding.json"


@contextmanager
def writing(
    folder: Path, table: TableSpec, dense: DenseRule
) -> Iterator[Callable[[pl.Series], None]]:
    """Takes the vocabularies of the table's sparse fields one by one, then completes the folder."""
    digests: list[str] = []
    folder.mkdir()

    def keep(vocabulary: pl.Series) -> None:
        path = folder / f"{len(digests)}.parquet"
        vocabulary.alias("token").to_frame().write_parquet(path, compression="lz4")
        digests.append(_sha256(path))

    yield keep
    facts = {
        "table": table.model_dump(mode="json"),
        "means": dense.means,
        "deviations": dense.deviations,
        "vocabularies": digests,
    }
    write_text(folder / FACTS, json.dumps(facts, indent=1) + "\n")


class RawEncoder:
    """Raw rows to arrays, by what `folder` holds. Raises BenchmarkError where that is missing or
    damaged."""

    def __init__(self, folder: Path) -> None:
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            self._table = TableSpec.model_validate_json(json.dumps(facts["table"]))
            self._dense = DenseRule(self._table, facts["means"], facts["deviations"])
            paths = [folder / f"{j}.parquet" for j in range(len(self._table.sparse))]
            for path, digest in zip(paths, facts["vocabularies"], strict=True):
                if _sha256(path) != digest:
                    raise ValueError(f"{path.name} was altered")
            vocabularies = [pl.read_parquet(path)["token"] for path in paths]
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise BenchmarkError(
                f"{folder}: the encoding of raw rows is not whole: {error}"
            ) from None
        self._ids = [
            _ids(name, known) for name, known in zip(self._table.sparse, vocabularies, strict=True)
        ]

    def read(self, path: Path) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        """dense [n, n_dense] and sparse [n, n_sparse] of a file in the form of the training files,
        some rows at a time; without a need for its label. Raises BenchmarkError naming the line of
        a broken row."""
        columns = (*self._table.dense, *self._table.sparse)
        rows.require_columns(path, self._table, columns)
        for block in rows.blocks(path, self._table, columns):
            frame = block.frame()
            yield self._dense.apply(frame), _matrix(frame, self._ids)


def _ids(name: str, vocabulary: pl.Series) -> pl.Expr:
    place = pl.col(name).cast(pl.Enum(vocabulary), strict=False).to_physical().cast(pl.Int32)
    return (place + 1).fill_null(len(vocabulary) + 1)


def _matrix(frame: pl.DataFrame, ids: Sequence[pl.Expr]) -> NDArray[np.int32]:
    if not ids:
        return np.empty((frame.height, 0), np.int32)
    return np.ascontiguousarray(frame.select(ids).to_numpy())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
