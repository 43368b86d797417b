"""Files of a data set repository of the Hugging Face hub, read as streams; none of them is kept.

`datasets` finds them and streams Parquet. Text is read by this package's own readers, so that a csv
file gives the same rows from the hub as from the disk: `datasets` reads csv with pandas, which
guesses types ("007" becomes 7), fills short rows and may shift the columns of long ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import Any, cast

import polars as pl

from benchmark.data.card import Card, HubDataset, TableSpec
from benchmark.data.readers import inputs
from benchmark.data.readers.inputs import CHUNK_ROWS, Input, Inputs
from benchmark.data.sources.client import client_errors, library
from benchmark.errors import BenchmarkError

_BLOCK_BYTES = 1 << 23


@dataclass(frozen=True)
class HubFile:
    """A file at a fixed revision; to a reader of text it is as good as a path."""

    url: str
    """hf://datasets/OWNER/NAME@REVISION/PATH"""
    terms: str

    def __str__(self) -> str:
        return self.url

    @property
    def path(self) -> str:
        """The path within the repository."""
        return self.url.partition("@")[2].partition("/")[2]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix

    def open(self, mode: str) -> BufferedReader:
        """The bytes of the file, fetched some MiB at a time."""
        from huggingface_hub import HfFileSystem

        with client_errors(self.url, self.terms):
            file = HfFileSystem().open(self.url, mode, block_size=_BLOCK_BYTES)
        return BufferedReader(_Stream(file, self), _BLOCK_BYTES)


class _Stream(RawIOBase):
    """A remote file whose faults are BenchmarkErrors."""

    def __init__(self, file: RawIOBase, source: HubFile) -> None:
        self._file = file
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with client_errors(self._source.url, self._source.terms):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def find(card: Card, hub: HubDataset, table: TableSpec, cache: Path) -> dict[str, list[HubFile]]:
    """The files of each key of the table, in the order of the card and by name within a pattern.

    Raises BenchmarkError for a pattern that no file matches, a configuration or split that the data
    set has not, a file of two splits, and what `client_errors` names."""
    make = partial(library(cache).load_dataset_builder, cache_dir=str(cache))
    from huggingface_hub import HfApi  # after the library, which says where its caches lie

    root = f"hf://datasets/{hub.dataset}@{hub.revision}/"
    with client_errors(root, card.terms):  # which a pattern does not tell from one without a match
        HfApi().dataset_info(hub.dataset, revision=hub.revision)
    of_split: Mapping[str, Sequence[str]] = {}
    if hub.config is not None:
        with client_errors(root, card.terms):
            of_split = make(hub.dataset, hub.config, revision=hub.revision).config.data_files
    found = {}
    for key, names in table.files.items():
        urls: list[str] = []
        for name in names:
            if hub.config is None:
                with client_errors(root + name, card.terms):
                    urls += make("text", data_files=[root + name]).config.data_files["train"]
            elif name in of_split:
                urls += of_split[name]
            else:
                splits = ", ".join(of_split)
                raise BenchmarkError(f"{root}: {hub.config} has no split '{name}', but {splits}")
        if not urls:
            raise BenchmarkError(f"{root}: no file matches {', '.join(names)} (files.{key})")
        found[key] = [HubFile(url, card.terms) for url in urls]
    files = [file.path for parts in found.values() for file in parts]
    if repeated := sorted({path for path in files if files.count(path) > 1}):
        raise BenchmarkError(f"{root}: the card reads {', '.join(repeated)} more than once")
    return found


def digests(card: Card, hub: HubDataset, files: Mapping[str, Sequence[HubFile]]) -> dict[str, str]:
    """The revision, and by path what the hub knows each file by: its SHA-256, or the id of a small
    one in git. What was encoded is pinned by the digest of the arrays."""
    from huggingface_hub import HfApi, RepoFile

    paths = [file.path for parts in files.values() for file in parts]
    with client_errors(f"hf://datasets/{hub.dataset}@{hub.revision}", card.terms):
        found = HfApi().get_paths_info(
            hub.dataset, paths, revision=hub.revision, repo_type="dataset"
        )
    sums = {hub.dataset: hub.revision}
    for file in found:
        if isinstance(file, RepoFile):
            sums[file.path] = file.lfs.sha256 if file.lfs else file.blob_id
    return sums


def rows(files: Mapping[str, Sequence[HubFile]], table: TableSpec, cache: Path) -> Inputs:
    """The rows of the files of each key."""
    return {key: [_input(file, table, cache) for file in of_key] for key, of_key in files.items()}


def _input(file: HubFile, table: TableSpec, cache: Path) -> Input:
    if table.format != "parquet":
        return inputs.of_file(cast(Path, file), table)  # it only opens the file
    schema = partial(_schema, file, cache)
    return inputs.of_frames(schema, partial(_frames, file, cache), str(file), table)


def _schema(file: HubFile, cache: Path) -> pl.Schema:
    with client_errors(file.url, file.terms):
        features = _streamed(file, cache).features
        return cast(pl.DataFrame, pl.from_arrow(features.arrow_schema.empty_table())).schema


def _frames(file: HubFile, cache: Path, selection: Sequence[str]) -> Iterator[pl.DataFrame]:
    with client_errors(file.url, file.terms):
        rows = _streamed(file, cache, columns=list(selection))
        for table in rows.with_format("arrow").iter(batch_size=CHUNK_ROWS):
            yield cast(pl.DataFrame, pl.from_arrow(table))


def _streamed(file: HubFile, cache: Path, **options: object) -> Any:
    load = partial(
        library(cache).load_dataset, "parquet", cache_dir=str(cache), batch_size=CHUNK_ROWS
    )
    return load(data_files=[file.url], split="train", streaming=True, **options)
