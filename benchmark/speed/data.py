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
from benchmark.data.sources.planted import DENSE, SPARSE, FieldSize, generate, planted
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.records.environment import current
from benchmark.speed.apart import apart
from benchmark.speed.encoding import Encoding, encode, opened_in, read
from benchmark.speed.measurements import Figures, now
from benchmark.utils.memory import private_bytes
from benchmark.utils.types import Notify

BATCH = 4096
CHUNK = 1 << 16
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


def measure(rows: int, folder: Path | None, repeats: int, notify: Notify) -> Figures:
    """Writes csv files of `rows` rows in all below `folder` (else the system's temporary one),
    reads and encodes them `repeats` times in turn, each in a process of its own, passes over their
    batches, and removes everything.

    Raises BenchmarkError for a folder without room or access."""
    try:
        place = Path(tempfile.mkdtemp(prefix="benchmark-speed-", dir=folder))
        try:
            return _measure(rows, place, repeats, notify)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise BenchmarkError(
            f"{where}: {error.strerror or error}; make room or choose another --folder"
        ) from None


def write_csv(size: FieldSize, folder: Path) -> None:
    """The planted rows as train.csv, valid.csv and test.csv: a label, whole numbers with gaps, and
    eight hexadecimal digits a category."""
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


def _measure(rows: int, place: Path, repeats: int, notify: Notify) -> Figures:
    tenth = rows // 10
    notify(f"writing {rows:,} rows below {place}")
    write_csv(FieldSize("speed", (rows - 2 * tenth, tenth, tenth), VOCABULARY, 1 / 300), place)
    (place / "card.toml").write_text(CARD)
    reads: list[float] = []
    encodings: list[Encoding] = []
    for repeat in range(1, repeats + 1):
        notify(f"reading and encoding, {repeat} of {repeats}")
        reads.append(apart(read, place))
        shutil.rmtree(place / "cache", ignore_errors=True)
        encodings.append(apart(encode, place))
    notify("passing over batches")
    store, opened = opened_in(place)
    passes = apart(_passes, place, repeats)
    return Figures(
        topic="data",
        subject=f"{rows:,} rows",
        threads=os.cpu_count() or 1,
        repeats=repeats,
        values={
            "csv_bytes": float(sum(path.stat().st_size for path in place.glob("*.csv"))),
            "distinct_ids": float(sum(store.schema.cardinalities) - 2 * len(SPARSE)),
            "encode_rows_per_s": rows / median(encoding.seconds for encoding in encodings),
            "read_rows_per_s": median(reads),
            "encode_time_over_read_time": median(
                e.seconds / rows * r for e, r in zip(encodings, reads, strict=True)
            ),
            "peak_memory_gib": max(encoding.peak_gib for encoding in encodings),
            "store_bytes_per_row": sum(path.stat().st_size for path in store.folder.iterdir())
            / rows,
            "open_ms": 1000 * opened,
            **passes,
        },
        environment=current(),
        created=now(),
    )


def _hex_names(field: int, count: int) -> pl.Series:
    """A name of eight hexadecimal digits for each value; a bijection of 32 bits keeps them
    distinct."""
    numbers = (np.arange(count, dtype=np.uint32) + np.uint32(field << 27)) * np.uint32(
        2_654_435_761
    )
    return pl.Series([f"{number:08x}" for number in numbers.tolist()])


def _passes(place: Path, repeats: int) -> dict[str, float]:
    """Rows per second of shuffled passes over train: from memory, by blocks, and after the system
    forgot the files;
    and the memory that a pass holds beside the pages of the map."""
    store, _ = opened_in(place)
    _pass(store, "rows")
    before = private_bytes()
    kinds: dict[str, list[float]] = {
        "epoch": [],
        "blocks_epoch": [],
        "evicted_epoch": [],
        "evicted_blocks_epoch": [],
    }
    for _ in range(repeats):
        for kind, rates in kinds.items():
            if kind.startswith("evicted"):
                _evict(store)
            rates.append(_pass(store, "blocks" if "blocks" in kind else "rows"))
    rows = store.fingerprint.rows["train"]
    held = (private_bytes() - before) / rows
    rates_per_s = {f"{kind}_rows_per_s": median(rates) for kind, rates in kinds.items()}
    return rates_per_s | {"private_bytes_per_row_while_reading": held}


def _pass(store: Store, shuffle: Shuffle) -> float:
    train = store.split("train")
    began = time.perf_counter()
    rows = sum(len(batch) for batch in batches(train, BATCH, seed=0, epoch=1, shuffle=shuffle))
    return rows / (time.perf_counter() - began)


def _evict(store: Store) -> None:
    for path in store.folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
