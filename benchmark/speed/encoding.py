"""What is measured in a process of its own, where nothing is loaded but what reading and encoding
need."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmark.data import catalog
from benchmark.data.store import Store
from benchmark.utils.memory import peak_memory_gib

MOST_READ = 1_200_000


@dataclass(frozen=True)
class Encoding:
    seconds: float
    peak_gib: float


def read(place: Path) -> float:
    """Rows per second of a plain read, of as many as memory surely holds."""
    began = time.perf_counter()
    rows = pl.read_csv(place / "train.csv", n_rows=MOST_READ).height
    return rows / (time.perf_counter() - began)


def encode(place: Path) -> Encoding:
    began = time.perf_counter()
    opened_in(place)
    seconds = time.perf_counter() - began
    return Encoding(seconds, peak_memory_gib())


def opened_in(place: Path) -> tuple[Store, float]:
    """The store, made now unless it was before, and the seconds that took."""
    os.environ["BENCHMARK_CACHE"] = str(place / "cache")
    began = time.perf_counter()
    _, store = catalog.open_data(str(place / "card.toml"), data_root=None, notify=lambda _: None)
    return store, time.perf_counter() - began
