"""What raw rows are encoded by, kept beside the arrays of a store.

encoding/encoding.json    the table's rules, dense scales and digests of the vocabularies
encoding/<j>.parquet      the tokens of sparse field j by id, from 1
encoding/join<j>.parquet  the used columns of side file j
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from benchmark.data.card import TableSpec
from benchmark.data.encoding.encode import DenseRule
from benchmark.data.readers import csv, rows
from benchmark.data.readers.inputs import of_file
from benchmark.data.readers.joins import Side, joined
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError
from benchmark.utils.arrays import Dense, Ids
from benchmark.utils.files import sha256, write_text
from benchmark.utils.forms import shortened
from benchmark.utils.types import Notify

FACTS = "encoding.json"


def write_encoding(
    folder: Path,
    table: TableSpec,
    dense: DenseRule,
    vocabularies: Iterable[pl.Series],
    sides: Sequence[Side] = (),
) -> None:
    """Write what raw rows are encoded by, with the vocabulary of each sparse field."""
    folder.mkdir()
    digests = []
    for j, vocabulary in enumerate(vocabularies):
        path = folder / f"{j}.parquet"
        vocabulary.alias("token").to_frame().write_parquet(path, compression="lz4")
        digests.append(sha256(path))
    facts = {
        "table": table.model_dump(mode="json", exclude_defaults=True),
        "means": dense.means,
        "deviations": dense.deviations,
        "vocabularies": digests,
    }
    for j, side in enumerate(sides):
        side.rows.write_parquet(folder / f"join{j}.parquet", compression="lz4")
    if sides:
        facts["sides"] = [sha256(folder / f"join{j}.parquet") for j in range(len(sides))]
    write_text(folder / FACTS, json.dumps(facts, indent=1) + "\n")


def vocabularies(folder: Path) -> Iterator[pl.Series]:
    """Yield the tokens of each sparse field by id, from 1. Raises BenchmarkError for an encoding
    that is missing or damaged."""
    with _whole(folder):
        for j, digest in enumerate(json.loads((folder / FACTS).read_bytes())["vocabularies"]):
            yield _unaltered(folder / f"{j}.parquet", digest)["token"]


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, PolarsError) as error:
        fault = f"the encoding of raw rows is not whole: {shortened(str(error))}"
        raise BenchmarkError(f"{folder}: {fault}") from None


class RawEncoder:
    """Encode raw rows as the store in whose folder the encoding lies. Raises BenchmarkError if the
    encoding is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        self._ids: list[pl.Expr] = []
        self._sides: list[Side] = []
        with _whole(folder):
            facts = json.loads((folder / FACTS).read_bytes())
            rules = facts["table"]
            # older stores name every key of files, those without paths too
            rules["files"] = {key: paths for key, paths in rules["files"].items() if paths}
            table = TableSpec.model_validate_json(json.dumps(rules))
            self._table = table.without_choices()
            self._dense = DenseRule(self._table, facts["means"], facts["deviations"])
            for name, tokens in zip(self._table.sparse, vocabularies(folder), strict=True):
                position = pl.col(name).cast(pl.Enum(tokens), strict=False).to_physical()
                self._ids.append((position.cast(pl.Int32) + 1).fill_null(len(tokens) + 1))
            for j, digest in enumerate(facts.get("sides", [])):
                join = table.join[j]
                side = _unaltered(folder / f"join{j}.parquet", digest)
                self._sides.append(Side(join.file, join.on[0], side))

    def read(self, path: Path, notify: Notify) -> Iterator[tuple[Dense, Ids]]:
        """Yield dense [n, n_dense] and sparse [n, n_sparse] of a file, or of all files of a folder
        in the order of their names, some rows at a time.

        They have the form of the training files; the label is not needed. `notify` is told of a
        header line that is skipped, and of columns without a value in libsvm and libffm files.
        Raises BenchmarkError naming the line of a broken row."""
        table, files = self._table, local.parts_of(path)
        columns = (*table.dense, *table.sparse)
        inputs = [joined(of_file(file, table), self._sides) for file in files]
        if all(part.ragged for part in inputs):
            present = {name for part in inputs for name in part.columns()}
            needed = table.needed(columns)
            if not present & {*needed}:
                fault = f"none of the columns {', '.join(needed)} occurs"
                raise BenchmarkError(f"{path}: {fault}; is this a {table.format} file?")
            if absent := [name for name in needed if name not in present]:
                notify(f"{path}: {', '.join(absent)} missing in every row")
        else:
            rows.require_columns(inputs, table, columns)
        for file in files if table.header else ():
            if csv.first_line(file, table).names:
                notify(f"{file}, line 1: names of the columns, no row")
        for block in rows.blocks(inputs, table, columns):
            frame = block.frame()
            sparse = np.empty((frame.height, 0), np.int32)
            if self._ids:
                sparse = np.ascontiguousarray(frame.select(self._ids).to_numpy())
            yield self._dense.apply(frame), sparse


def _unaltered(path: Path, digest: str) -> pl.DataFrame:
    """The table of a parquet file. Raises ValueError if its SHA-256 is another one."""
    if sha256(path) != digest:
        raise ValueError(f"{path.name} was altered")
    return pl.read_parquet(path, glob=False)
