"""Files as people have them: packed, in another encoding, or no text at all."""

import bz2
import gzip
import io
import lzma
import zipfile

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data.readers import content
from benchmark.data.readers import text as lines
from benchmark.data.sources import local
from benchmark.errors import BenchmarkError
from tests.data.tables import OTHER, TRAIN, assert_same_arrays, encode_texts

ACCENTS = "y,x,c\n1,1.5,café\n0,,naïve\n1,-3,café\n"


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.csv", text)
    return file.getvalue()


def parquet(text: bytes) -> bytes:
    file = io.BytesIO()
    pl.read_csv(text).write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize("block", [3, lines.BLOCK_BYTES])
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("latin-1", ACCENTS.encode("latin-1")),
        ("cp1252", ACCENTS.replace("\n", "\r\n").encode("cp1252")),
        ("utf-16", ACCENTS.encode("utf-16")),
        ("utf-16-le", ACCENTS.encode("utf-16")),
        ("utf-16-be", ACCENTS.encode("utf-16-be")),
        ("utf-32", ACCENTS.rstrip("\n").encode("utf-32")),
        ("utf-8-sig", ACCENTS.encode("utf-8-sig")),
        ("UTF8", ACCENTS.encode()),
        ("latin-1", gzip.compress(ACCENTS.encode("latin-1"), mtime=0)),
    ],
)
def test_any_encoding_gives_the_same_rows(tmp_path, monkeypatch, encoding, content, block):
    plain = encode_texts(tmp_path / "plain", {"train.csv": ACCENTS})
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    other = OTHER.encode(encoding)
    texts = {"train.csv": content, "valid.csv": other, "test.csv": other}
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, encoding=encoding))


@pytest.mark.parametrize("block", [3, lines.BLOCK_BYTES])
def test_a_byte_that_an_encoding_lacks_is_named_with_its_line_and_the_key(
    tmp_path, monkeypatch, block
):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    message = r"train\.csv, line 3: byte 0x81 is not cp1252; correct the key `encoding`"
    with pytest.raises(BenchmarkError, match=message):
        encode_texts(tmp_path, {"train.csv": b"y,x,c\n1,1,a\n0,2,\x81\n"}, encoding="cp1252")


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        (ACCENTS.encode("latin-1"), {}, r"line 2: not UTF-8 \(byte 0xe9\).* by the key `encoding`"),
        (ACCENTS.encode("utf-16"), {}, 'is UTF-16, not utf-8; say encoding = "utf-16"'),
        (ACCENTS.encode("utf-32"), {}, 'is UTF-32, not utf-8; say encoding = "utf-32"'),
        (
            ACCENTS.encode("utf-8-sig"),
            {"encoding": "latin-1"},
            'is UTF-8, not iso8859-1; say encoding = "utf-8"',
        ),
        (ACCENTS.encode("utf-16-le"), {}, "line 1: a NUL byte.* by the key `encoding`"),
    ],
)
def test_a_file_in_another_encoding_names_the_key(tmp_path, content, changes, message):
    with pytest.raises(BenchmarkError, match=r"train\.csv.*" + message):
        encode_texts(tmp_path, {"train.csv": content}, **changes)


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_gzip_is_known_by_its_bytes_whatever_the_name(tmp_path, name, pack):
    plain = encode_texts(tmp_path / "plain", {})
    files = {"train": (name,), "valid": ("valid.csv",), "test": ("test.csv",)}
    texts = {name: pack(TRAIN.encode())}
    assert_same_arrays(plain, encode_texts(tmp_path / "other", texts, files=files))
    assert local.md5(tmp_path / "other" / name) == local.md5(tmp_path / "plain" / "train.csv")


@pytest.mark.parametrize("format", ["csv", "libsvm"])
@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (zipped, "is a zip file, not text; unpack it first"),
        (lzma.compress, "is an xz file, not text; unpack it first"),
        (bz2.compress, "is a bzip2 file, not text; unpack it first"),
        (lambda text: pa.compress(text, "zstd", asbytes=True), "is a zstd file, not text"),
        (parquet, 'is a parquet file, not text; say format = "parquet" in the card'),
    ],
)
def test_a_file_that_is_no_text_is_named_by_its_bytes(tmp_path, format, pack, message):
    with pytest.raises(BenchmarkError, match=r"train\.csv " + message):
        encode_texts(tmp_path, {"train.csv": pack(TRAIN.encode())}, format=format)


@pytest.mark.parametrize(
    ("pack", "message"),
    [
        (bytes, "is no parquet file, but perhaps text; say format"),
        (zipped, "is no parquet file, but a zip file"),
        (lambda _: b"PAR1", "cannot be read"),
        (lambda _: b"", "is no parquet file"),
    ],
)
def test_a_file_that_is_no_parquet_is_named_by_its_bytes(tmp_path, pack, message):
    texts = dict.fromkeys(("valid.csv", "test.csv"), parquet(OTHER.encode()))
    with pytest.raises(BenchmarkError, match=r"train\.csv " + message):
        texts["train.csv"] = pack(TRAIN.encode())
        encode_texts(tmp_path, texts, format="parquet")


def test_names_that_begin_as_a_mark_are_text(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("PAR1,BZh9,PK\n")
    assert content.kind(b"PAR1,BZh9") is content.kind(b"BZh9,PK") is None
    assert list(lines.blocks(tmp_path / "a.csv")) == [(1, b"PAR1,BZh9,PK\n")]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.text("aé\t ,", min_size=1), min_size=1),
    end=st.sampled_from(["", "\n", "\n\r\n", "\n\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    block=st.integers(1, 20),
)
def test_blocks_are_the_lines_in_order(tmp_path, monkeypatch, rows, end, encoding, block):
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    (tmp_path / "rows").write_bytes(("\n".join(rows) + end).encode(encoding))
    found = list(lines.blocks(tmp_path / "rows", encoding))
    assert b"".join(text for _, text in found).decode().split("\n") == [*rows, ""]
    starts = [1 + sum(text.count(b"\n") for _, text in found[:i]) for i in range(len(found))]
    assert [line for line, _ in found] == starts
