"""All records of a results folder as one tidy table, a row a record, and its files."""

from pathlib import Path
from typing import Literal

import polars as pl

from benchmark.errors import BenchmarkError, UsageError
from benchmark.records import record as records
from benchmark.records.archive import Archive
from benchmark.records.record import Record
from benchmark.reports.tidy.columns import COLUMNS, Kept
from benchmark.utils.files import published, write_atomically
from benchmark.utils.paths import shown

Format = Literal["parquet", "csv", "datasets"]

ORDER = ("dataset", "study", "recipe", "variant", "model", "seed", "record")


def frame(results: Path) -> pl.DataFrame:
    """The table of every record below a results folder, sorted by where they stand; without any
    record it has its columns and no row.

    Raises UsageError without the folder, BenchmarkError naming a record that cannot be read: none
    is left out silently."""
    if not results.is_dir():
        raise UsageError(f"{shown(results)}: there is no such folder; name one with records")
    kept = [Kept(_load(path), path, results) for path in Archive(results).all_paths()]
    values = {column.name: [column.of(each) for each in kept] for column in COLUMNS}
    schema = {column.name: column.form for column in COLUMNS}
    return pl.DataFrame(values, schema=schema).sort(ORDER, nulls_last=False)


def export(table: pl.DataFrame, form: Format, path: Path) -> None:
    """Write a table as a Parquet or csv file, or as a new folder for `datasets.load_from_disk`.

    Raises UsageError if the folder exists, BenchmarkError if it cannot be written."""
    if form == "parquet":
        write_atomically(path, table.write_parquet)
    elif form == "csv":
        write_atomically(path, table.write_csv)
    elif path.exists():
        raise UsageError(f"{path}: exists; remove it, or choose another folder with --out")
    else:
        _write_dataset(table, path)


def _write_dataset(table: pl.DataFrame, folder: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    try:
        with published(folder) as partial_folder:
            datasets.Dataset(table.to_arrow()).save_to_disk(partial_folder)
    except OSError as error:
        fault = f"cannot be written: {error.strerror or error}; make room or choose another folder"
        raise BenchmarkError(f"{folder}: {fault}") from None


def _load(path: Path) -> Record:
    try:
        return records.load(path)
    except BenchmarkError as error:
        first = str(error).partition("\n")[0]
        raise BenchmarkError(f"{first}; run it again, or move the record elsewhere") from None
