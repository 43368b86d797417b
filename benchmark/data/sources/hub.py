"""Files of a data set repository of the Hugging Face hub, read as streams; none of them is kept.

`datasets` finds them and streams Parquet. Text is read by this package's own readers, so that a csv
file gives the same rows from the hub as from the disk: `datasets` reads csv with pandas, which
guesses types ("007" becomes 7), fills short rows and may shift the columns of long ones."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl

from benchmark.data.card import Card, TableSpec
from benchmark.data.encoding.table import Raw
from benchmark.data.readers import inputs
from benchmark.data.readers.inputs import CHUNK_ROWS, Input, Inputs
from benchmark.data.readers.joins import Side, read_sides
from benchmark.data.repository import HubDataset
from benchmark.data.sources.client import CACHE, client_errors, library
from benchmark.errors import BenchmarkError
from benchmark.utils.types import Notify

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES = 1 << 23


@dataclass(frozen=True)
class HubFile:
    """A file at a fixed revision, which opens as a path does."""

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

    def open(self, mode: Literal["rb"]) -> BufferedReader:
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

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        with client_errors(self._source.url, self._source.terms):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)


def rows(card: Card, hub: HubDataset, table: TableSpec, cache: Path, notify: Notify) -> Raw:
    """The rows of a data set on the hub. Raises BenchmarkError for what cannot be fetched."""
    notify(f"reading {hub.dataset} at revision {hub.revision} of the hub; terms: {card.terms}")
    found = HubTable.find(card, hub, table, cache)
    sources = {hub.dataset: hub.revision, **found.digests(hub)}
    return Raw(found.inputs(), sources, found.sides())


@dataclass(frozen=True)
class HubTable:
    """The files of a table in a repository, by the keys of the card."""

    table: TableSpec
    files: Mapping[str, Sequence[HubFile]]
    cache: Path

    @classmethod
    def find(cls, card: Card, hub: HubDataset, table: TableSpec, cache: Path) -> "HubTable":
        """Find the files, in the order of the card and by name within a pattern.

        Raises BenchmarkError for a pattern that no file matches, a configuration or split that the
        data set has not, a file that is read twice, and whatever goes wrong on the way."""
        make = partial(library(cache).load_dataset_builder, cache_dir=str(cache / CACHE))
        from huggingface_hub import HfApi  # after the library, which says where its caches lie

        root = f"hf://datasets/{hub.dataset}@{hub.revision}/"
        with client_errors(root, card.terms):  # a pattern does not tell what is not there
            HfApi().dataset_info(hub.dataset, revision=hub.revision)
            builder = hub.config and make(hub.dataset, hub.config, revision=hub.revision)
        found = {}
        for key, names in (table.files | table.side_files).items():
            urls: list[str] = []
            for name in names:
                if not builder or key in table.side_files:
                    with client_errors(root + name, card.terms):
                        urls += make("text", data_files=[root + name]).config.data_files["train"]
                elif name in builder.config.data_files:
                    urls += builder.config.data_files[name]
                else:
                    splits = ", ".join(builder.config.data_files)
                    raise BenchmarkError(
                        f"{root}: {hub.config} has no split '{name}', but {splits}"
                    )
            if not urls:
                raise BenchmarkError(f"{root}: no file matches {', '.join(names)} (files.{key})")
            found[key] = [HubFile(url, card.terms) for url in urls]
        paths = Counter(file.path for files in found.values() for file in files)
        if repeated := sorted(path for path, count in paths.items() if count > 1):
            raise BenchmarkError(f"{root}: the card reads {', '.join(repeated)} more than once")
        return cls(table, found, cache)

    def digests(self, hub: HubDataset) -> dict[str, str]:
        """What the hub knows each file by: its SHA-256, or the id of a small one in git. What was
        encoded is pinned by the digest of the arrays."""
        from huggingface_hub import HfApi, RepoFile

        files = [file for files in self.files.values() for file in files]
        with client_errors(files[0].url, files[0].terms):
            found = HfApi().get_paths_info(
                hub.dataset,
                [file.path for file in files],
                revision=hub.revision,
                repo_type="dataset",
            )
        known = [file for file in found if isinstance(file, RepoFile)]
        return {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in known}

    def inputs(self) -> Inputs:
        """The rows of train, valid and test, or of `all`."""
        return {
            key: [self._input(file, self.table) for file in self.files[key]]
            for key in self.table.files
        }

    def sides(self) -> list[Side]:
        """The side files, read into memory."""
        return read_sides(self.table, self.files, self._input)

    def _input(self, file: HubFile, table: TableSpec) -> Input:
        if table.format != "parquet":
            return inputs.of_file(file, table)
        schema, frames = partial(_schema, file, self.cache), partial(_frames, file, self.cache)
        return inputs.of_frames(schema, frames, str(file), table)


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
        library(cache).load_dataset, "parquet", cache_dir=str(cache / CACHE), batch_size=CHUNK_ROWS
    )
    return load(data_files=[file.url], split="train", streaming=True, **options)
