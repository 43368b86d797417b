"""A person's own files as a data set: where they lie, their md5, their splits, and the way into the
store."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.data.card import TableSpec
from benchmark.errors import BenchmarkError, MissingData
from benchmark.utils import files
from benchmark.utils.parallel import WORKERS

Paths = Mapping[str, Path]  # train, valid and test, or `all`


def find_files(table: TableSpec, folders: Sequence[Path]) -> Paths:
    """The table's files in that of the folders which holds most of them. Raises MissingData naming
    them."""
    candidates = [
        {key: _first(folder, names) for key, names in table.files.named.items()}
        for folder in folders
    ]
    paths = max(candidates, key=lambda paths: sum(path.is_file() for path in paths.values()))
    absent = {key: path for key, path in paths.items() if not path.is_file()}
    if missing := [
        " or ".join([str(path), *table.files.named[key][1:]]) for key, path in absent.items()
    ]:
        raise MissingData(
            f"there is no file {' and no file '.join(missing)}; put it there or correct the path"
        )
    return paths


def md5_sums(paths: Paths, memory: Path) -> dict[str, str]:
    """The md5 of each file by its key, of its content where its name ends in .gz. `memory` is a
    JSON file that remembers the sums by path, size and time."""
    known = _remembered(memory)
    unknown = [path for path in dict.fromkeys(paths.values()) if _state(path) not in known]
    with ThreadPoolExecutor(WORKERS) as pool:
        fresh = dict(zip(unknown, pool.map(md5, unknown), strict=True))
    sums = {path: fresh.get(path) or known[_state(path)] for path in paths.values()}
    remember(sums, memory)
    return {key: sums[path] for key, path in paths.items()}


def remember(sums: Mapping[Path, str], memory: Path) -> None:
    """Adds the known md5 of files to the memory."""
    known = _remembered(memory)
    fresh = {_state(path): md5 for path, md5 in sums.items()}
    if not fresh.items() <= known.items():
        files.write_text(memory, json.dumps(known | fresh, indent=1, sort_keys=True))


def _first(folder: Path, names: Sequence[str]) -> Path:
    paths = [folder / Path(name).expanduser() for name in names]
    return next((path for path in paths if path.is_file()), paths[0])


def _remembered(memory: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known


def _state(path: Path) -> str:
    found = path.stat()
    content = "|content" if path.suffix == ".gz" else ""
    return f"{path.resolve()}|{found.st_size}|{found.st_mtime_ns}{content}"


def md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BenchmarkError(f"{path} is no whole gzip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read: {error.strerror}") from None
