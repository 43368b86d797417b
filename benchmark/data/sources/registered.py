"""Rows that a registered source makes of files."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmark import registry
from benchmark.data.card import SPLITS, TableSpec
from benchmark.data.readers.inputs import Inputs, of_lazy
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError, reason
from benchmark.utils.files import sha256


def inputs(source: str, table: TableSpec, found: local.Found) -> Inputs:
    """The rows that a source makes of the files. Raises BenchmarkError if it fails, or makes no
    lazy frame a split."""
    name = f"source {source}"
    make = registry.sources.get(source)
    try:
        frames = make({key: found[key][0] for key in table.files})
    except BenchmarkError:
        raise
    except Exception as error:
        raise BenchmarkError(f"{name} failed: {reason(error)}") from error
    splits = list(SPLITS) if table.split is None else ["all"]
    if not isinstance(frames, Mapping) or set(frames) != set(splits):
        made = ", ".join(map(str, frames)) if isinstance(frames, Mapping) else type(frames).__name__
        raise BenchmarkError(f"{name} made {made or 'nothing'} instead of {', '.join(splits)}")
    for split, rows in frames.items():
        if not isinstance(rows, pl.LazyFrame):
            fault = f"made a {type(rows).__name__} for {split}; give a polars LazyFrame"
            raise BenchmarkError(f"{name} {fault}")
    return {split: [of_lazy(frames[split], f"{name}, {split}", table)] for split in splits}


def code(source: str) -> str:
    """SHA-256 of the file in which a source is defined: another one may make other rows."""
    make = registry.sources.get(source)
    if not inspect.isfunction(make):
        raise BenchmarkError(f"source {source} is no function that `def` makes; write it as one")
    file = Path(inspect.getfile(make))
    if not file.is_file():
        raise BenchmarkError(f"source {source} is in no file; write it to one, and import that")
    return sha256(file)
