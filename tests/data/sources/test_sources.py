"""Registered functions that make the rows of a table from files of any form."""

from functools import partial
from pathlib import Path

import polars as pl
import pytest

from benchmark import registry
from benchmark.data import catalog
from benchmark.data.encoding import table as table_encoding
from benchmark.data.encoding.table import Raw
from benchmark.data.readers import inputs
from benchmark.data.sources import local
from benchmark.data.store import open_or_make
from benchmark.errors import BenchmarkError, UsageError
from tests.data.tables import (
    SPLIT_FRAMES,
    assert_same_arrays,
    encode_texts,
    ignore,
    make_table,
)

CARD = """
id = "made"
title = "Made rows"

[table]
source = "halves"
files = { clicks = "clicks.txt", users = "users.txt" }
label = "y"
dense = ["x"]
sparse = ["c"]
"""
SPLIT_BY_C = 'method = "column"\ncolumn = "c"\ntrain = "== a"\nvalid = "== b"\ntest = "== d"'


def fail(_: pl.Series) -> pl.Series:
    raise ValueError("no luck")


FAILING = pl.col("x").map_batches(fail, return_dtype=pl.Float64)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with the card and its files, a cache, and a registry that forgets new sources."""
    registry.sources.names()
    monkeypatch.setattr(registry.sources, "_items", dict(registry.sources._items))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "card.toml").write_text(CARD)
    for name in ("clicks.txt", "users.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def open_card(folder: Path):
    return catalog.open_data(str(folder / "card.toml"), data_root=None, notify=ignore)[1]


def test_a_source_gets_the_files_by_key_and_gives_a_frame_a_split(folder):
    given: dict[str, Path] = {}

    @registry.sources.register("halves")
    def halves(files):
        given.update(files)
        return SPLIT_FRAMES

    store = open_card(folder)
    assert given == {"clicks": folder / "clicks.txt", "users": folder / "users.txt"}
    assert_same_arrays(encode_texts(folder / "plain", {}), store)
    assert store.fingerprint.sources == {
        name: local.md5(folder / name) for name in ("clicks.txt", "users.txt")
    }


def test_one_frame_is_divided_by_the_split_rule(folder):
    frame = pl.concat(list(SPLIT_FRAMES.values()), how="vertical_relaxed")
    registry.sources.register("halves")(lambda _: {"all": frame})
    with (folder / "card.toml").open("a") as file:
        file.write('[table.split]\nmethod = "ordered"\nparts = [3, 2, 2]\n')
    assert_same_arrays(encode_texts(folder / "plain", {}), open_card(folder))


def test_a_source_that_is_not_there_or_fails_is_one_message(folder):
    with pytest.raises(UsageError, match=r"unknown source 'halves'; known: "):
        open_card(folder)

    @registry.sources.register("halves")
    def halves(files):
        return {"train": files["click"]}

    with pytest.raises(BenchmarkError, match="source halves failed: KeyError: 'click'"):
        open_card(folder)
    registry.sources._items["halves"] = partial(halves)
    with pytest.raises(BenchmarkError, match="source halves is no function that `def` makes"):
        open_card(folder)


def test_a_source_without_a_file_is_refused(folder):
    exec("def halves(files): ...", made := {})
    registry.sources.register("halves")(made["halves"])
    with pytest.raises(BenchmarkError, match="source halves is in no file; write it to one"):
        open_card(folder)


@pytest.mark.parametrize("rule", ['method = "ordered"', SPLIT_BY_C])
def test_rows_of_another_order_each_time_are_refused(folder, rule):
    frame = pl.LazyFrame({"y": [0, 1] * 50, "x": 1.0, "c": ["a", "a", "b", "b", "d"] * 20})
    orders = iter(range(1, 100))
    register_io = pl.io.plugins.register_io_source

    def rows(columns, *_):
        shuffled = frame.collect().sample(fraction=1, shuffle=True, seed=next(orders))
        yield shuffled.select(columns or pl.all())

    made = register_io(rows, schema=frame.collect_schema())
    registry.sources.register("halves")(lambda _: {"all": made})
    with (folder / "card.toml").open("a") as file:
        file.write(f"[table.split]\n{rule}\n")
    with pytest.raises(
        BenchmarkError, match="all, rows 1 to 100: not the rows that were read befo"
    ):
        open_card(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"all": SPLIT_FRAMES["train"]}, "halves made all instead of train, valid, test"),
        (None, "source halves made NoneType instead of train, valid, test"),
        ({1: SPLIT_FRAMES["train"]}, "source halves made 1 instead of train, valid, test"),
        (
            SPLIT_FRAMES | {"valid": SPLIT_FRAMES["valid"].with_columns(FAILING)},
            "source halves, valid cannot be read from row 1 on: ValueError: no luck",
        ),
        (
            SPLIT_FRAMES | {"valid": pl.DataFrame()},
            "source halves made a DataFrame for valid; give a polars LazyFrame",
        ),
        (
            SPLIT_FRAMES | {"valid": pl.scan_csv("nowhere.csv")},
            "source halves, valid cannot be read: .*No such file",
        ),
        (
            SPLIT_FRAMES | {"test": SPLIT_FRAMES["test"].with_columns(x=pl.lit("?").cast(int))},
            "source halves, test cannot be read.*: conversion from `str` to `i64`",
        ),
        (
            SPLIT_FRAMES | {"valid": pl.LazyFrame({"y": [0]})},
            "source halves, valid has no column 'x', 'c'; it has: y",
        ),
        (
            SPLIT_FRAMES | {"test": pl.LazyFrame({"y": [0, 1], "x": [1, 2], "c": [[1], [2]]})},
            r"source halves, test: column 'c' has the type List\(Int64\)",
        ),
        (
            SPLIT_FRAMES | {"test": pl.LazyFrame({"y": [0, 3], "x": [1, 2], "c": [1, 2]})},
            "source halves, test, row 2, column 'y': 3, expected 0 or 1",
        ),
    ],
)
def test_frames_that_contradict_the_card_name_source_split_row_and_column(folder, change, message):
    registry.sources.register("halves")(lambda _: change)
    with pytest.raises(BenchmarkError, match=message) as caught:
        open_card(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "halves"', "", r'card.toml: table: give a format \("csv", .*, or a source$'),
        ('"halves"', '"halves"\nformat = "csv"', r"give a format .*, or a source"),
        ('"users.txt"', '["a", "b"]', "files.users: a source takes one file for each key"),
    ],
)
def test_a_wrong_card_of_a_source_is_one_message(folder, old, new, message):
    (folder / "card.toml").write_text(CARD.replace(old, new))
    with pytest.raises(UsageError, match=message):
        open_card(folder)


def test_rows_come_from_any_frames_in_pieces(tmp_path):
    table = make_table()
    collected = {split: rows.collect() for split, rows in SPLIT_FRAMES.items()}
    made = {
        split: [
            inputs.of_frames(
                lambda rows=rows: rows.schema,
                lambda names, rows=rows: rows.select(names).iter_slices(1),
                split,
                table,
            )
        ]
        for split, rows in collected.items()
    }
    store = open_or_make(
        tmp_path / "store",
        lambda writer: table_encoding.write(table, Raw(made, {}), writer, ignore),
        ignore,
    )
    assert_same_arrays(encode_texts(tmp_path / "plain", {}), store)
