"""Reading and encoding, measured in processes that load nothing else."""

import os
import time
from pathlib import Path

import polars as pl

from benchmark.data import catalog
from benchmark.data.store import Store
from benchmark.utils.memory import peak_memory_gib

MOST_READ = 1_200_000
"""Rows that memory surely holds."""


def read(folder: Path) -> float:
    """Rows per second of a plain read."""
    began = time.perf_counter()
    rows = pl.read_csv(folder / "train.csv", n_rows=MOST_READ).height
    return rows / (time.perf_counter() - began)


def encode(folder: Path) -> tuple[float, float]:
    """Seconds of an encoding, and its peak memory in GiB."""
    _, seconds = timed_store(folder)
    return seconds, peak_memory_gib()


def timed_store(folder: Path) -> tuple[Store, float]:
    """The store, made now unless it was before, and the seconds until it was open."""
    os.environ["BENCHMARK_CACHE"] = str(folder / "cache")
    began = time.perf_counter()
    _, store = catalog.open_data(str(folder / "card.toml"), data_root=None, notify=lambda _: None)
    return store, time.perf_counter() - began
