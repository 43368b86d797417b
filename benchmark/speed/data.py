"""Encoding and reading a data set of Criteo's shape, beside a plain `polars.read_csv` of it."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import polars as pl

from benchmark.data import catalog
from benchmark.data.shuffle import Shuffle
from benchmark.data.sources.synthetic import DENSE, SPARSE, FieldSize, generate, planted
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.speed.timing import ratio
from benchmark.utils.memory import apart, peak_memory_gib
from benchmark.utils.types import Notify

BATCH = 4096
CHUNK = 1 << 16
MOST_READ = 1_200_000
"""Rows of a plain read, which memory surely holds."""
VOCABULARY = (4, 560_000)
"""Frequent values of C1 and C26: 1.2 million rows then hold 1.26 million distinct ids; of Criteo
they hold 1.31."""

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


def measure(rows: int, folder: Path | None, repeats: int, notify: Notify) -> dict[str, float]:
    """Write csv files of `rows` rows in all below `folder` (else the system's temporary one), read
    and encode them `repeats` times in turn, each in a process of its own, pass over their batches,
    and remove everything.

    Raises BenchmarkError for a folder without room or access."""
    try:
        with tempfile.TemporaryDirectory(
            prefix="benchmark-speed-", dir=folder, ignore_cleanup_errors=True
        ) as place:
            return _values(rows, Path(place), repeats, notify)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise BenchmarkError(
            f"{where}: {error.strerror or error}; make room or choose another --folder"
        ) from None


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
    numbers = range(field << 27, (field << 27) + count)
    return pl.Series([f"{number * 2_654_435_761 % 2**32:08x}" for number in numbers])


def _values(rows: int, folder: Path, repeats: int, notify: Notify) -> dict[str, float]:
    tenth = rows // 10
    notify(f"writing {rows:,} rows below {folder}")
    write_csv(FieldSize("speed", (rows - 2 * tenth, tenth, tenth), VOCABULARY, 1 / 300), folder)
    (folder / "card.toml").write_text(CARD)
    reads, encodings, peaks = [], [], []
    for repeat in range(1, repeats + 1):
        notify(f"reading and encoding, {repeat} of {repeats}")
        reads.append(apart(_read, folder))
        shutil.rmtree(folder / "cache", ignore_errors=True)
        rate, peak = apart(_encode, folder, rows)
        encodings.append(rate)
        peaks.append(peak)
    notify("passing over batches")
    store = _open(folder)
    store_bytes = sum(path.stat().st_size for path in store.folder.iterdir())
    return {
        "distinct_ids": float(sum(store.schema.cardinalities) - 2 * len(SPARSE)),
        "encode_rows_per_s": median(encodings),
        "read_rows_per_s": median(reads),
        "encode_time_over_read_time": ratio(reads, encodings),
        "peak_memory_gib": max(peaks),
        "store_bytes_per_row": store_bytes / rows,
        **apart(_passes, folder, repeats),
    }


def _read(folder: Path) -> float:
    """Rows per second of a plain read."""
    began = time.perf_counter()
    rows = pl.read_csv(folder / "train.csv", n_rows=MOST_READ).height
    return rows / (time.perf_counter() - began)


def _encode(folder: Path, rows: int) -> tuple[float, float]:
    """Rows per second of an encoding, and its peak memory in GiB."""
    began = time.perf_counter()
    _open(folder)
    return rows / (time.perf_counter() - began), peak_memory_gib()


def _open(folder: Path) -> Store:
    """The store, encoded now if it was not before."""
    os.environ["BENCHMARK_CACHE"] = str(folder / "cache")
    return catalog.open_data(str(folder / "card.toml"), data_root=None, notify=lambda _: None)[1]


def _passes(folder: Path, repeats: int) -> dict[str, float]:
    """Rows per second of passes over train: shuffled by rows from memory, by blocks from disk."""
    store = _open(folder)
    _pass(store, "rows")
    warm, cold = [], []
    for _ in range(repeats):
        warm.append(_pass(store, "rows"))
        _evict(store)
        cold.append(_pass(store, "blocks"))
    return {"epoch_rows_per_s": median(warm), "evicted_blocks_epoch_rows_per_s": median(cold)}


def _pass(store: Store, shuffle: Shuffle) -> float:
    # imported here: the memory of reading and encoding is measured without torch
    from benchmark.data.batches import batches

    train = store.split("train")
    began = time.perf_counter()
    rows = sum(len(batch) for batch in batches(train, BATCH, seed=0, epoch=1, shuffle=shuffle))
    return rows / (time.perf_counter() - began)


def _evict(store: Store) -> None:
    for path in filter(Path.is_file, store.folder.rglob("*")):
        with path.open("rb") as file:
            os.fsync(file)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
