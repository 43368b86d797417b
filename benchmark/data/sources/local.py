"""A user's own files: where they lie, and their md5."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmark.data.card import TableSpec
from benchmark.errors import BenchmarkError, MissingData
from benchmark.utils import files
from benchmark.utils.parallel import WORKERS

Paths = Mapping[str, Path]
"""Paths of train, valid and test, or of `all`."""


def find_files(table: TableSpec, folders: Sequence[Path]) -> Paths:
    """The table's files in the folder that holds most of them. Raises MissingData."""
    named = table.files.named
    candidates = [_paths_in(folder, named) for folder in folders]
    paths = max(candidates, key=lambda paths: sum(path.is_file() for path in paths.values()))
    absent = [key for key, path in paths.items() if not path.is_file()]
    if absent:
        missing = [" or ".join([str(paths[key]), *named[key][1:]]) for key in absent]
        files = " and no file ".join(missing)
        raise MissingData(f"there is no file {files}; put it there or correct the path")
    return paths


def _paths_in(folder: Path, named: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    paths = {}
    for key, names in named.items():
        options = [folder / Path(name).expanduser() for name in names]
        paths[key] = next((path for path in options if path.is_file()), options[0])
    return paths


def md5_sums(paths: Paths, memory: Path) -> dict[str, str]:
    """The md5 of each file by its key; of the unpacked content for names that end in .gz. `memory`
    is a JSON file that keeps the sums by path, size and time."""
    cached = _read_memory(memory)
    with ThreadPoolExecutor(WORKERS) as pool:
        sums = list(pool.map(lambda path: cached.get(_state(path)) or md5(path), paths.values()))
    remember(dict(zip(paths.values(), sums, strict=True)), memory)
    return dict(zip(paths, sums, strict=True))


def remember(sums: Mapping[Path, str], memory: Path) -> None:
    """Add the md5 of files to the memory."""
    cached = _read_memory(memory)
    new = {_state(path): md5 for path, md5 in sums.items()}
    if not new.items() <= cached.items():
        files.write_text(memory, json.dumps(cached | new, indent=1, sort_keys=True))


def md5(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False))
        return digest.hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror}") from None


def _read_memory(memory: Path) -> dict[str, str]:
    try:
        return dict(json.loads(memory.read_bytes()))
    except (OSError, ValueError):
        return {}


def _state(path: Path) -> str:
    stat = path.stat()
    content = "|content" if path.suffix == ".gz" else ""
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}{content}"
