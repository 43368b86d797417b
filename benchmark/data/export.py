"""A prepared data set as files for other tools: Parquet, or a folder of Hugging Face datasets.

<folder>/README.md              the card of the data set, with the YAML header that the hub reads
<folder>/data/<split>.parquet   or, for `datasets.load_from_disk`, <folder>/<split>/*.arrow
<folder>/vocabularies.parquet   field, id and token: what the ids of the sparse fields stand for
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.card import SPLITS, Card
from benchmark.data.catalog import cache_folder
from benchmark.data.encoding.raw import vocabularies
from benchmark.data.sources.client import library
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.escape import markdown
from benchmark.utils.files import published

Form = Literal["parquet", "datasets"]
ROW_GROUP = 1 << 17
VOCABULARIES = "vocabularies.parquet"


def export(card: Card, store: Store, form: Form, folder: Path) -> None:
    """Write a store to a new folder, which appears when it is complete; the same store gives the
    same bytes. Memory holds one row group and one vocabulary.

    Columns are the label (int8), the dense numbers (float32) and sparse ids (int32) by name, and
    the ids of the groups. Raises UsageError for a folder that exists, BenchmarkError if it cannot
    be written. Example::

        export(found.card, store, "parquet", Path("frappe"))
        datasets.load_dataset("frappe")["train"].features["user"]     # Value('int32')
        datasets.load_dataset("frappe", "vocabularies")["train"][0]
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already; name another folder with --out or remove it")
    schema = _columns(card, store)
    try:
        with published(folder) as partial:
            _WRITERS[form](schema, store, partial)
            if store.schema.sparse:
                _write_vocabularies(store, partial / VOCABULARIES)
            (partial / "README.md").write_text(readme(card, store, form), encoding="utf-8")
    except OSError as error:
        fault = f"cannot be written: {error.strerror or error}; make room or name another folder"
        raise BenchmarkError(f"{folder} {fault}") from None


def _columns(card: Card, store: Store) -> pa.Schema:
    label = card.table.label if card.table else "label"
    names = store.schema.dense + store.schema.sparse
    fields = [(label, pa.int8())]
    fields += [(name, pa.float32()) for name in store.schema.dense]
    fields += [(name, pa.int32()) for name in store.schema.sparse]
    if store.schema.group is not None:
        fields.append((group_column(store.schema.group, (label, *names)), pa.int32()))
    return pa.schema(fields)


def group_column(name: str, others: tuple[str, ...]) -> str:
    """The column of the group ids, which are numbered over all splits: the group may be a sparse
    field too, whose ids are those of its vocabulary."""
    while name in others:
        name = f"{name}_group"
    return name


def _tables(schema: pa.Schema, store: Store, split: str) -> Iterator[pa.Table]:
    """The rows of a split from the memory map, some at a time."""
    arrays = store.split(split)
    for first in range(0, len(arrays), ROW_GROUP):
        at = slice(first, first + ROW_GROUP)
        columns: list[Any] = [arrays.label[at].astype(np.int8)]
        columns += [*np.ascontiguousarray(arrays.dense[at].T)]
        columns += [*np.ascontiguousarray(arrays.sparse[at].T)]
        columns += [] if arrays.group is None else [np.asarray(arrays.group[at])]
        yield pa.table(columns, schema=schema)


def _write_parquet(schema: pa.Schema, store: Store, folder: Path) -> None:
    (folder / "data").mkdir()
    for split in SPLITS:
        with pq.ParquetWriter(folder / "data" / f"{split}.parquet", schema) as writer:
            for table in _tables(schema, store, split):
                writer.write_table(table)


def _write_datasets(schema: pa.Schema, store: Store, folder: Path) -> None:
    datasets = library(cache_folder())
    with TemporaryDirectory(dir=folder) as temporary:
        splits = {}
        for split in SPLITS:
            path = Path(temporary, f"{split}.arrow")
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
                for table in _tables(schema, store, split):
                    stream.write_table(table)
            splits[split] = datasets.Dataset(
                datasets.table.MemoryMappedTable.from_file(str(path)),
                split=datasets.NamedSplit(split),
                # else a random one is written
                fingerprint=f"{store.fingerprint.arrays[:16]}-{split}",
            )
        datasets.DatasetDict(splits).save_to_disk(folder)


_WRITERS: dict[Form, Callable[[pa.Schema, Store, Path], None]] = {
    "parquet": _write_parquet,
    "datasets": _write_datasets,
}


def _write_vocabularies(store: Store, path: Path) -> None:
    """A row for each id of each sparse field but 0 (padding) and the last (all other values)."""
    schema = pa.schema([("field", pa.string()), ("id", pa.int32()), ("token", pa.large_string())])
    fields = zip(store.schema.sparse, vocabularies(store.encoding_folder), strict=True)
    with pq.ParquetWriter(path, schema) as writer:
        for name, tokens in fields:
            ids = np.arange(1, len(tokens) + 1, dtype=np.int32)
            frame = pl.DataFrame({"id": ids, "token": tokens}).select(
                pl.lit(name).alias("field"), "id", "token"
            )
            writer.write_table(frame.to_arrow().cast(schema), row_group_size=ROW_GROUP)


def readme(card: Card, store: Store, form: Form) -> str:
    """The dataset card: the YAML header that the hub and `load_dataset` read, then title, source,
    caveat, citation, terms, columns and splits in words."""
    from huggingface_hub import DatasetCardData

    facts = store.fingerprint
    about = {"pretty_name": card.title, **_license(card.terms), **_configs(form, facts.sparse)}
    said = {
        "Source": card.source,
        "Caveat": card.caveat,
        "Citation": card.citation,
        "Terms": card.terms,
        "SHA-256 of the arrays": facts.arrays,
    }
    lines = ["---", DatasetCardData(**about).to_yaml(), "---", "", f"# {card.title}", ""]
    lines += [f"- {name}: {text}" for name, text in said.items() if text]
    lines += ["", _TERMS, "", "| split | rows | positives |", "|---|---|---|"]
    lines += [f"| {s} | {facts.rows[s]:,} | {facts.positives[s]:,} |" for s in SPLITS]
    lines += [
        "",
        _ENCODING,
        "",
        f"Dense columns: {markdown(', '.join(facts.dense)) or 'none'}.",
        "",
    ]
    lines += [_DENSE[card.table.dense_rule if card.table else "log"]] if facts.dense else []
    lines += ["", "| sparse column | ids, 0 and the last included |", "|---|---|"]
    sizes = zip(facts.sparse, facts.cardinalities, strict=True)
    lines += [f"| {markdown(name)} | {count:,} |" for name, count in sizes]
    return "\n".join(lines) + "\n"


_TERMS = """\
The terms are those of the owner of the data. Encoded rows are still the owner's rows: what may not
be redistributed stays with you and is not uploaded."""
_ENCODING = f"""\
Sparse columns hold ids. 0 is padding and does not occur; the ids from 1 on are the categories of
`{VOCABULARIES}` (field, id, token), by falling frequency in train; the last id stands for every
category that is rarer, missing or not in train. Groups are numbered over all splits."""
_DENSE = {
    "log": "Dense numbers v are written as sign(v) ln(1 + |v|), missing ones as 0.",
    "none": "Dense numbers are written as they are, missing ones as 0.",
    "standard": "Dense numbers are standardised by mean and deviation in train, missing ones 0.",
}


def _license(terms: str) -> dict[str, str]:
    """The hub's identifier of a Creative Commons licence; `other` and the words for all else."""
    if named := re.match(r"CC (BY(?:-NC)?(?:-SA|-ND)?) ([0-9]\.[0-9])\b", terms):
        return {"license": f"cc-{named[1].lower()}-{named[2]}"}
    return {"license": "other", "license_name": "terms-of-the-owner"}


def _configs(form: Form, sparse: tuple[str, ...]) -> dict[str, Any]:
    """What `load_dataset` reads by which name; `load_from_disk` needs none."""
    if form == "datasets":
        return {}
    files = [{"split": split, "path": f"data/{split}.parquet"} for split in SPLITS]
    configs = [
        {"config_name": "default", "data_files": files, "default": True},
        {"config_name": "vocabularies", "data_files": VOCABULARIES},
    ]
    return {"configs": configs if sparse else configs[:1]}
