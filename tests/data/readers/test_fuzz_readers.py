"""Broken and odd files, against readers written for clarity alone: the same store, or a
BenchmarkError from both.

BENCHMARK_FUZZ_EXAMPLES raises the number of files that each test tries."""

import codecs
import csv
import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmark.data.readers import text as lines
from benchmark.data.store import Store
from benchmark.errors import BenchmarkError
from tests.data.tables import OTHER, TRAIN, encode_texts

FUZZ = settings(
    max_examples=int(os.environ.get("BENCHMARK_FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PIECES = [
    b"0",
    b"1",
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b'""',
    b'"a,b"',
    b"a",
    b"007",
    b"12.0",
    b" ",
    b"\t",
    b"\0",
]
PIECES += [
    b"\xc3\xa9",
    b"\xc3",
    b"\xff",
    b"\xe2\x80\xa8",
    b"\x1c",
    codecs.BOM_UTF8,
    b"1e39",
    b"3.4e38",
    b"nan",
    b"inf",
]
PIECES += [
    b"-",
    b"+",
    b".",
    b"e",
    b"_",
    b"y",
    b"x",
    b"c",
    b"#",
    b":",
    b"2:1",
    b"10:b",
    b"1,2,a\n",
    b"0,,\n",
    b"1 2:3\n",
]
PIECE = st.one_of(st.sampled_from(PIECES), st.binary(max_size=3))
BLOCKS = st.one_of(st.integers(1, 40), st.just(lines.BLOCK_BYTES))
Row = tuple[float, float, str]  # label, number (missing = NaN), token


class Refused(Exception):
    """By the plain reader."""


def edited(valid: bytes) -> st.SearchStrategy[bytes]:
    """The file with a few pieces put in or in the place of others, or any pieces in a row."""
    edit = st.tuples(st.integers(0, len(valid)), st.integers(0, 4), PIECE)

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        content = valid
        for place, length, piece in edits:
            content = content[:place] + piece + content[place + length :]
        return content

    cut = st.integers(0, len(valid)).map(lambda place: valid[:place])
    soup = st.lists(PIECE, max_size=20).map(b"".join)
    header = soup.map(lambda rows: valid[: valid.index(b"\n") + 1] + rows)
    return st.one_of(st.lists(edit, min_size=1, max_size=4).map(apply), cut, soup, header)


def plain_lines(content: bytes) -> list[str]:
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise Refused("encoding") from None
    result = [line.removesuffix("\r") for line in text.split("\n")]
    while result and not result[-1]:
        result.pop()
    if not result or any("\r" in line or "\0" in line for line in result):
        raise Refused("text")
    return result


def plain_number(text: str) -> float:
    text = text.strip(" \t")
    if text == "" or re.fullmatch("[+-]?nan", text, re.IGNORECASE):
        return float("nan")
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise Refused("number")
    if abs(float(text)) > float(np.finfo(np.float32).max):
        raise Refused("float32")
    return float(text)


def plain_csv(content: bytes) -> list[Row]:
    try:
        header, *rows = [
            next(csv.reader([line], strict=True), [""]) for line in plain_lines(content)
        ]
    except csv.Error:
        raise Refused("csv") from None
    header = [re.sub('^"(.*)"$', r"\1", name.strip()) for name in header]
    if (
        any(header.count(name) != 1 for name in "yxc")
        or any(len(row) != len(header) for row in rows)
        or any(row == header for row in rows)
    ):
        raise Refused("columns")
    named = [dict(zip(header, row, strict=True)) for row in rows]
    return [(plain_number(row["y"]), plain_number(row["x"]), row["c"]) for row in named]


SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def plain_libsvm(content: bytes) -> list[Row]:
    rows, seen = [], set()
    for line in plain_lines(content):
        if line.lstrip(" \t").startswith("#"):
            continue
        label, *words = re.findall(f"[^{SPACE}]+", line.partition("#")[0]) or [""]
        if ":" in label:
            raise Refused("label")
        pairs = [word.partition(":")[::2] for word in words]
        if any(re.fullmatch(r"[^:]+:[-+]?[0-9.]+([eE][-+]?[0-9]+)?", value) for _, value in pairs):
            raise Refused("libffm")
        if not all(index and value for index, value in pairs) or len(dict(pairs)) != len(pairs):
            raise Refused("pairs")
        seen |= set(dict(pairs))
        rows.append((label, dict(pairs)))
    if not {"2", "10"} <= seen:
        raise Refused("columns")
    return [
        (plain_number(label), plain_number(pairs.get("2", "")), pairs.get("10", ""))
        for label, pairs in rows
    ]


def assert_agrees(
    plain: Callable[[bytes], list[Row]], content: bytes, encode: Callable[[bytes], Store]
) -> None:
    try:
        rows = plain(content)
        if {label for label, _, _ in rows} != {0, 1}:
            raise Refused("labels")
    except Refused:
        with pytest.raises(BenchmarkError) as refused:
            encode(content)
        assert "train.csv" in str(refused.value) or "split" in str(refused.value)
        assert len(str(refused.value)) < 2000
        return
    train = encode(content).split("train")
    counts = Counter(token for _, _, token in rows if token)
    expected_error = sorted(counts, key=lambda token: (-counts[token], token.encode()))
    assert train.label.tolist() == [label for label, _, _ in rows]
    assert train.sparse[:, 0].tolist() == [
        expected_error.index(token) + 1 if token else len(expected_error) + 1 for *_, token in rows
    ]
    np.testing.assert_array_equal(
        train.dense[:, 0], np.nan_to_num(np.float32([number for _, number, _ in rows]))
    )


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    """Encodes a train split with fixed other splits, without waiting for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)

    def make(content: bytes, other: bytes, block: int, **changes) -> Store:
        monkeypatch.setattr(lines, "BLOCK_BYTES", block)
        shutil.rmtree(tmp_path)
        texts = {"train.csv": content, "valid.csv": other, "test.csv": other}
        return encode_texts(tmp_path, texts, dense_rule="none", **changes)

    return make


@FUZZ
@given(content=edited(TRAIN.encode()), block=BLOCKS)
@example(content=b'y,x,c\n1, 2\t,a\n0,  ,"b"\n', block=8)
@example(content=b'y",x,c\n1,2,a\n0,3,b\n', block=8)
@example(content=b' "y",x, c \n1,2,a\n0,3,b\n', block=8)
@example(content=b"y,x,c\n1,2,a\n0,3,caf\xc3", block=8)
@example(content=b"y,x,c\n1,2,a\n\n\r\n0,3,b\n", block=8)
def test_csv(encoder, content, block):
    assert_agrees(plain_csv, content, lambda content: encoder(content, OTHER.encode(), block))


LIBSVM = b"1 2:1.5 10:a # first\n0 10:b 3:9\n1\t10:a  2:-3\n"


@FUZZ
@given(content=edited(LIBSVM), block=BLOCKS)
def test_libsvm(encoder, content, block):
    changes = {"format": "libsvm", "dense": ("2",), "sparse": ("10",)}
    assert_agrees(
        plain_libsvm,
        content,
        lambda content: encoder(content, b"0 2:0 10:b\n1 2:2 10:z\n", block, **changes),
    )


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


PARQUET = parquet(pl.DataFrame({"y": [1, 0, 1], "x": [1.5, None, -3.0], "c": ["a", "b", "a"]}))


@FUZZ
@given(content=edited(PARQUET))
def test_parquet(encoder, content):
    """What a damaged page holds cannot be known, but it must be a store or a BenchmarkError."""
    try:
        store = encoder(content, PARQUET, lines.BLOCK_BYTES, format="parquet")
    except BenchmarkError as error:
        assert "train" in str(error)
    else:
        assert set(store.split("train").label.tolist()) == {0, 1}
