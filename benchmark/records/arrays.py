"""The arrays beside a record: one compressed file, written whole, read without pickle."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.utils.files import write_atomically
from benchmark.utils.forms import content, shortened
from benchmark.utils.paths import shown

MOST_BYTES = 64 * 2**20
"""Of a file, and of the arrays in it; the largest so far have 0.25 MB."""
MOST_ARRAYS = 64

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


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


def load(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> Arrays:
    """The wanted arrays, by name. Raises BenchmarkError naming a missing or damaged file."""
    return _opened(path, lambda file: _bounded(file, sorted(filter(wanted, file.files))))


def names(path: Path) -> set[str]:
    """The names of all arrays of a file, with the errors of `load`."""
    return _opened(path, lambda file: set(file.files))


def _opened(path: Path, take: Callable[[NpzFile[Any]], T]) -> T:
    """What is taken of an open file, with the errors of `load`."""
    try:
        packed = content(path, MOST_BYTES)
        _require_bounded(packed)
        with np.load(io.BytesIO(packed), allow_pickle=False) as file:
            return take(file)
    except FileNotFoundError:
        why = "the file of scores and curves is missing"
    except Exception as error:
        why = f"the file of scores and curves is damaged: {shortened(str(error))}"
    raise BenchmarkError(f"{shown(path)}: {why}; restore it, or run its record again")


def _bounded(file: NpzFile[Any], wanted: Iterable[str]) -> Arrays:
    """The wanted arrays. Raises ValueError for more elements than bytes: the texts of an array may
    be empty, of which any number takes no room in a file."""
    arrays = {name: file[name] for name in wanted}
    if any(array.size > MOST_BYTES for array in arrays.values()):
        raise ValueError("an array has more elements than bytes")
    return arrays


def _require_bounded(packed: bytes) -> None:
    """Raise ValueError for more than any record packs, before it is unpacked."""
    members = zipfile.ZipFile(io.BytesIO(packed)).infolist()
    if len({member.filename for member in members}) < len(members) or len(members) > MOST_ARRAYS:
        raise ValueError(f"it has an array twice, or more than {MOST_ARRAYS}")
    if (size := sum(member.file_size for member in members)) > MOST_BYTES:
        raise ValueError(f"it unpacks to {size:,} bytes, the limit is {MOST_BYTES:,}")
    # those of other methods may ask for gigabytes to unpack a few bytes
    if any(member.compress_type != zipfile.ZIP_DEFLATED for member in members):
        raise ValueError("an array is not deflated")


def malformed(path: Path, what: str) -> BenchmarkError:
    """The error for a file whose arrays are not those that were written."""
    fault = f"the file does not hold {what} of a record; restore it, or run its record again"
    return BenchmarkError(f"{shown(path)}: {fault}")
