"""Readers of cards, tables and encoded stores, each with small valid files."""

import gzip
import json
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.data import catalog, inventory
from benchmark.data.card import Card, TableSpec
from benchmark.data.encoding.raw import RawEncoder
from benchmark.data.init import write_card
from benchmark.data.readers.inputs import of_file
from benchmark.data.readers.joins import read_sides
from benchmark.data.sources import download, local
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from benchmark.utils import toml
from benchmark.utils.files import canonical_sha256
from tests.data import hub
from tests.data.readers import test_joins
from tests.data.readers.test_fuzz_readers import LIBSVM, PARQUET
from tests.data.tables import OTHER, TRAIN, encode_files, encode_texts, ignore, make_table
from tests.fuzz.fuzz import Target

OTHERS = {"valid.csv": OTHER.encode(), "test.csv": OTHER.encode()}
CARD = b"""id = "mine"
title = "My clicks"
[table]
format = "csv"
files = { all = ["train.csv", "b"] }
separator = "::"
encoding = "latin-1"
missing = ["NULL"]
header = ["y", "x", "c"]
label = "y"
positive = "> 3"
drop = "== 3"
dense = ["x"]
sparse = ["c", "hour"]
group = "c"
[table.derive]
hour = { rule = "hour_of_day", of = "hour" }
[[table.join]]
file = "users.csv"
on = ["c", "id"]
[[table.filter]]
column = "c"
keep = ["a", true, 7]
[table.split]
method = "ordered"
[expected.train]
rows = 3
"""


def below(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths in it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def card(_: Path) -> Target:
    return Target("card", {"card.toml": CARD}, lambda at: catalog.find_card(str(at / "card.toml")))


def _rows(name: str, valid: Mapping[str, bytes], **changes: Any) -> Target:
    """Encodes the files of a table to a store."""
    table = make_table(**changes)

    def read(folder: Path) -> None:
        kept = folder / "kept"
        kept.mkdir()
        for path in folder.glob("*.csv"):
            (kept / path.name).hardlink_to(path)
        encode_files(kept, table)

    return Target(name, valid, read)


def csv(_: Path) -> Target:
    return _rows("csv", {"train.csv": TRAIN.encode(), **OTHERS})


def quoted(_: Path) -> Target:
    train = TRAIN.replace("a", '"a;""b"').replace(",", ";").replace("1.5", "NULL")
    others = {name: text.replace(b",", b";") for name, text in OTHERS.items()}
    changes = {"separator": ";", "missing": ("NULL",), "encoding": "cp1252", "dense_rule": "none"}
    return _rows("quoted", {"train.csv": train.encode(), **others}, **changes)


def headerless(_: Path) -> Target:
    train = b"5::1.5::a\n0::::b\n3::2::a\n4::-3::a\n"
    others = dict.fromkeys(OTHERS, train)
    changes = {"separator": "::", "header": ("y", "x", "c"), "positive": "> 3", "drop": "== 3"}
    return _rows("headerless", {"train.csv": train, **others}, **changes)


def packed(_: Path) -> Target:
    return _rows("gzip", {"train.csv": gzip.compress(TRAIN.encode(), mtime=0), **OTHERS})


def libsvm(_: Path) -> Target:
    changes = {"format": "libsvm", "dense": ("2",), "sparse": ("10",)}
    return _rows("libsvm", dict.fromkeys(["train.csv", *OTHERS], LIBSVM), **changes)


def libffm(_: Path) -> Target:
    text = b"1 2:7:1.5 10:3:1 # first\n0 10:5:1 3:9:1\n1\t10:3:1  2:7:-3\n"
    changes = {"format": "libffm", "dense": ("2",), "sparse": ("10",)}
    return _rows("libffm", dict.fromkeys(["train.csv", *OTHERS], text), **changes)


def parquet(_: Path) -> Target:
    return _rows("parquet", dict.fromkeys(["train.csv", *OTHERS], PARQUET), format="parquet")


def join(_: Path) -> Target:
    files = {name: text.encode() for name, text in test_joins.TEXTS.items()}
    files["test.csv"] = files["valid.csv"]
    table = TableSpec.model_validate_json(json.dumps(tomllib.loads(test_joins.CARD)["table"]))

    def read(folder: Path) -> None:
        read_sides(table, local.find_files(table, [folder]), of_file)

    return Target("join", files, read)


def first_card(_: Path) -> Target:
    rows = [f"{i % 2},{i * 0.5},k{i % 3},2024-01-{i + 1:02d},NA\n" for i in range(9)]
    files = {
        "a.csv": ("click,price,kind,day,user_id\n" + "".join(rows)).encode(),
        "b.csv": "".join(rows).replace(",", ";").replace("k", "é").encode("latin-1"),
        "c.csv": gzip.compress(LIBSVM, mtime=0),
        "d.csv": PARQUET,
    }

    def read(at: Path) -> None:
        for name in files:
            with suppress(BenchmarkError):
                written = write_card([at / name], at / "kept" / f"{name}.toml", None)
                catalog.open_data(str(written.path), data_root=None, notify=ignore)

    return Target("init", files, read)


def zipped(folder: Path) -> Target:
    path = hub.write_card(folder, hub.TEXTS, hub.ROWS, hub.TABLE)
    made = toml.validate(Card, toml.read(path), "card")
    ways = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
    files = {f"{way}.zip": hub.zipped(hub.TEXTS, way) for way in ways}

    def read(at: Path) -> None:
        for name in files:
            download.unpack(made, at / name, at / "kept" / name)

    return Target("zip", files, read)


def md5_memory(_: Path) -> Target:
    files = {"md5.json": b'{"/a/b|1|2|3|4": "0123456789abcdef0123456789abcdef"}', "rows": b"y\n"}
    return Target("md5", files, lambda at: local.md5_sums({"all": at / "rows"}, at / "md5.json"))


def store(folder: Path) -> Target:
    made = encode_texts(folder / "made", {}, group="c").folder
    files = below(made)
    empty = Card(id="mine", title="Mine", table=make_table())

    def read(at: Path) -> None:
        list(inventory.check(empty, at))
        opened = Store.open(at)
        for split in ("train", "valid", "test"):
            opened.split(split).label.sum()
        RawEncoder(at / "encoding")

    return Target("store", files, read, partial(sealed_by, "digest"))


def sealed_by(key: str, content: dict[str, Any]) -> dict[str, Any]:
    """The content with its own digest under the key; encoding.json has none."""
    if key in content:
        rest = {name: value for name, value in content.items() if name != key}
        return rest | {key: canonical_sha256(rest)}
    return content


MAKERS: Mapping[str, Callable[[Path], Target]] = {
    "card": card,
    "csv": csv,
    "quoted": quoted,
    "headerless": headerless,
    "gzip": packed,
    "libsvm": libsvm,
    "libffm": libffm,
    "parquet": parquet,
    "join": join,
    "init": first_card,
    "zip": zipped,
    "md5": md5_memory,
    "store": store,
}
