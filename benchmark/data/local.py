"""A person's own files as a data set: where they lie, their md5, their splits, and the way into the store."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark import files
from benchmark.data import encode, rows
from benchmark.data.card import SPLITS, SplitRule, Table
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError, MissingData

Paths = Mapping[str, Path]  # train, valid and test, or `all`


def find_files(table: Table, folders: Sequence[Path]) -> Paths:
    """The table's files in that of the folders which holds most of them. Raises MissingData naming them."""
    candidates = [{key: _first(folder, names) for key, names in table.files.named.items()} for folder in folders]
    paths = max(candidates, key=lambda paths: sum(path.is_file() for path in paths.values()))
    absent = {key: path for key, path in paths.items() if not path.is_file()}
    if missing := [" or ".join([str(path), *table.files.named[key][1:]]) for key, path in absent.items()]:
        raise MissingData(f"there is no file {' and no file '.join(missing)}; put it there or correct the path")
    return paths


def md5_sums(paths: Paths, memory: Path) -> dict[str, str]:
    """The md5 of each file by its key, of its content where its name ends in .gz. `memory` is a JSON file that
    remembers the sums by path, size and time."""
    known = _remembered(memory)
    sums = {path: known.get(_state(path)) or md5(path) for path in dict.fromkeys(paths.values())}
    remember(sums, memory)
    return {key: sums[path] for key, path in paths.items()}


def remember(sums: Mapping[Path, str], memory: Path) -> None:
    """Adds the known md5 of files to the memory."""
    known = _remembered(memory)
    fresh = {_state(path): md5 for path, md5 in sums.items()}
    if not fresh.items() <= known.items():
        files.write_text(memory, json.dumps(known | fresh, indent=1, sort_keys=True))


def write(
    table: Table, paths: Paths, sources: dict[str, str], writer: StoreWriter, notify: Callable[[str], None]
) -> None:
    """Encodes the files into the writer's store and publishes it. `sources` (file name -> md5) goes into its
    fingerprint. Raises BenchmarkError for files that contradict the card or hold a broken row."""
    for split, path in paths.items():
        if table.format != "libsvm" or split in ("train", "all"):  # elsewhere a rare index may never occur
            rows.require_columns(path, table)
    assigned = None
    if table.split is not None:
        notify(f"reading the labels of {paths['all'].name}")
        assigned = assign(_labels(table, paths["all"]), table.split)
    notify(f"counting the categories of {paths['train' if assigned is None else 'all'].name}")
    fitted = (*table.sparse, *table.dense) if table.dense_rule == "standard" else table.sparse
    train = _frames(table, paths, assigned, ("train",), fitted) if fitted else ()
    encoder = encode.fit(table, (frame for _, frame in train))
    groups = encode.GroupIds()
    for split, frame in _frames(table, paths, assigned, SPLITS, table.columns):
        group = None if table.group is None else groups.ids(frame[table.group])
        writer.append(split, encoder.dense(frame), encoder.sparse(frame), frame[table.label].to_numpy(), group)
    writer.publish(encoder.schema, sources)


def assign(labels: NDArray[np.uint8], rule: SplitRule) -> NDArray[np.uint8]:
    """[n] the split (0 train, 1 valid, 2 test) of each row with labels [n]; stratified keeps the ratio of classes."""
    generator = np.random.Generator(np.random.Philox(rule.seed))
    assigned = np.empty(len(labels), np.uint8)
    strata = [np.flatnonzero(labels == c) for c in (0, 1)] if rule.method == "stratified" else [np.arange(len(labels))]
    for stratum in strata:
        order = stratum if rule.method == "ordered" else generator.permutation(stratum)
        bounds = np.cumsum(rule.parts) * len(order) // sum(rule.parts)
        for split, part in enumerate(np.split(order, bounds[:-1])):
            assigned[part] = split
    return assigned


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


def _labels(table: Table, path: Path) -> NDArray[np.uint8]:
    parts = [frame[table.label].to_numpy() for frame in rows.read_rows(path, table, [table.label])]
    return np.concatenate([np.empty(0, np.uint8), *parts])


def _frames(
    table: Table,
    paths: Paths,
    assigned: NDArray[np.uint8] | None,
    splits: Sequence[str],
    columns: Sequence[str],
) -> Iterator[tuple[str, pl.DataFrame]]:
    """(split, rows) of the splits asked for, in file order."""
    if assigned is None:
        for split in splits:
            for frame in rows.read_rows(paths[split], table, columns):
                yield split, frame
        return
    first = 0
    for frame in rows.read_rows(paths["all"], table, columns):
        part = assigned[first : first + frame.height]
        first += frame.height
        for split in splits:
            yield split, frame.filter(pl.Series(part == SPLITS.index(split)))
