"""The arrays beside a record: one compressed file, written whole, read without pickle."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.utils.files import write_atomically
from benchmark.utils.paths import shown

Arrays = Mapping[str, NDArray[Any]]


def digest(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of names."""
    value = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        value.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
        value.update(np.ascontiguousarray(array).tobytes())
    return value.hexdigest()


def save(arrays: Arrays, path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, lambda file: file.write(buffer.getvalue()))


def load(path: Path) -> Arrays:
    """Raises BenchmarkError naming a missing or damaged file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in sorted(file.files)}
    except FileNotFoundError:
        why = "the file of scores and curves is missing"
    except Exception as error:
        why = f"the file of scores and curves is damaged: {error}"
    raise BenchmarkError(f"{shown(path)}: {why}")


def malformed(path: Path, what: str) -> BenchmarkError:
    """The error for a file whose arrays are not those that were written."""
    return BenchmarkError(f"{shown(path)}: the file does not hold {what} of a record")
