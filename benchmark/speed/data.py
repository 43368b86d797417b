"""Encoding, opening and reading a data set of Criteo's shape, beside a plain `polars.read_csv` of
the same file."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmark.data.batches import batches
from benchmark.data.shuffle import Shuffle
from benchmark.data.sources.synthetic import DENSE, SPARSE, FieldSize, generate, planted
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.speed.apart import apart
from benchmark.speed.encoding import encode, read, timed_store
from benchmark.speed.measurements import Figures, Values, new_figures
from benchmark.utils.memory import private_bytes
from benchmark.utils.types import Notify

BATCH = 4096
CHUNK = 1 << 16
VOCABULARY = (4, 560_000)
"""Frequent values of C1 and C26: 1.2 million rows then hold 1.26 million distinct ids; of Criteo
they hold 1.31."""
PASSES: tuple[tuple[str, Shuffle], ...] = (
    ("epoch", "rows"),
    ("blocks_epoch", "blocks"),
    ("evicted_epoch", "rows"),
    ("evicted_blocks_epoch", "blocks"),
)

CARD = f"""
id = "speed"
title = "Planted rows of Criteo's shape"
embedding_dim = 20

[table]
format = "csv"
files = {{ train = "train.csv", valid = "valid.csv", test = "test.csv" }}
dense = {list(DENSE)}
sparse = {list(SPARSE)}
"""


def measure(rows: int, folder: Path | None, repeats: int, notify: Notify) -> Figures:
    """Write csv files of `rows` rows in all below `folder` (else the system's temporary one), read
    and encode them `repeats` times in turn, each in a process of its own, pass over their batches,
    and remove everything.

    Raises BenchmarkError for a folder without room or access."""
    try:
        with tempfile.TemporaryDirectory(
            prefix="benchmark-speed-", dir=folder, ignore_cleanup_errors=True
        ) as place:
            values = _values(rows, Path(place), repeats, notify)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise BenchmarkError(
            f"{where}: {error.strerror or error}; make room or choose another --folder"
        ) from None
    threads = os.cpu_count() or 1
    return new_figures("data", f"{rows:,} rows", values, threads=threads, repeats=repeats)


def write_csv(size: FieldSize, folder: Path) -> None:
    """Write the planted rows as train.csv, valid.csv and test.csv: a label, whole numbers with
    gaps, and eight hexadecimal digits for a category."""
    vocabularies = [
        _hex_names(j, len(field.cumulative)) for j, field in enumerate(planted(size)[len(DENSE) :])
    ]
    for split, (begin, end) in size.spans().items():
        with (folder / f"{split}.csv").open("wb") as file:
            file.write((",".join(("label", *DENSE, *SPARSE)) + "\n").encode())
            for start in range(begin, end, CHUNK):
                rows = generate(size, start, min(start + CHUNK, end))
                columns = [pl.Series("label", rows.label)]
                for name, numbers in zip(DENSE, rows.dense.T, strict=True):
                    columns.append(pl.Series(name, numbers).fill_nan(None).cast(pl.Int64))
                for name, vocabulary, ids in zip(SPARSE, vocabularies, rows.sparse.T, strict=True):
                    columns.append(vocabulary.gather(ids).alias(name))
                pl.DataFrame(columns).write_csv(file, include_header=False)


def _hex_names(field: int, count: int) -> pl.Series:
    """Distinct names of eight hexadecimal digits, by a bijection of 32 bits."""
    numbers = np.arange(count, dtype=np.uint32) + np.uint32(field << 27)
    mixed = numbers * np.uint32(2_654_435_761)
    return pl.Series([f"{number:08x}" for number in mixed.tolist()])


def _values(rows: int, folder: Path, repeats: int, notify: Notify) -> Values:
    tenth = rows // 10
    notify(f"writing {rows:,} rows below {folder}")
    write_csv(FieldSize("speed", (rows - 2 * tenth, tenth, tenth), VOCABULARY, 1 / 300), folder)
    (folder / "card.toml").write_text(CARD)
    reads, seconds, peaks = [], [], []
    for repeat in range(1, repeats + 1):
        notify(f"reading and encoding, {repeat} of {repeats}")
        reads.append(apart(read, folder))
        shutil.rmtree(folder / "cache", ignore_errors=True)
        duration, peak = apart(encode, folder)
        seconds.append(duration)
        peaks.append(peak)
    notify("passing over batches")
    store, opened = timed_store(folder)
    store_bytes = sum(path.stat().st_size for path in store.folder.iterdir())
    return {
        "csv_bytes": float(sum(path.stat().st_size for path in folder.glob("*.csv"))),
        "distinct_ids": float(sum(store.schema.cardinalities) - 2 * len(SPARSE)),
        "encode_rows_per_s": rows / median(seconds),
        "read_rows_per_s": median(reads),
        "encode_time_over_read_time": median(
            duration / rows * rate for duration, rate in zip(seconds, reads, strict=True)
        ),
        "peak_memory_gib": max(peaks),
        "store_bytes_per_row": store_bytes / rows,
        "open_ms": 1000 * opened,
        **apart(_passes, folder, repeats),
    }


def _passes(folder: Path, repeats: int) -> Values:
    """Rows per second of shuffled passes over train: from memory, by blocks, and both after the
    system forgot the files; and the memory that a pass holds beside the pages of the map."""
    store, _ = timed_store(folder)
    _pass(store, "rows")
    before = private_bytes()
    rates: dict[str, list[float]] = {name: [] for name, _ in PASSES}
    for _ in range(repeats):
        for name, shuffle in PASSES:
            if name.startswith("evicted"):
                _evict(store)
            rates[name].append(_pass(store, shuffle))
    held = (private_bytes() - before) / store.fingerprint.rows["train"]
    values = {f"{name}_rows_per_s": median(each) for name, each in rates.items()}
    return values | {"private_bytes_per_row_while_reading": held}


def _pass(store: Store, shuffle: Shuffle) -> float:
    train = store.split("train")
    began = time.perf_counter()
    rows = sum(len(batch) for batch in batches(train, BATCH, seed=0, epoch=1, shuffle=shuffle))
    return rows / (time.perf_counter() - began)


def _evict(store: Store) -> None:
    for path in filter(Path.is_file, store.folder.rglob("*")):
        with path.open("rb") as file:
            os.fsync(file)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
