import io
import stat
import zipfile

import pytest

from benchmark.data.sources import download
from tests.data.hub import TEXTS, zipped
from tests.data.tables import OTHER, TRAIN


def link() -> bytes:
    info = zipfile.ZipInfo("train.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return _with_member(info, "/etc/passwd")


def twice() -> bytes:
    return _with_member("more/train.csv", TRAIN, TEXTS)


def encrypted() -> bytes:
    content = bytearray(zipped(TEXTS))
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


def flipped() -> bytes:
    content = bytearray(zipped(TEXTS, zipfile.ZIP_STORED))
    content[content.find(TRAIN.encode())] ^= 1
    return bytes(content)


def _with_member(name, text: str, others=None) -> bytes:
    texts = others or {"valid.csv": OTHER, "test.csv": OTHER}
    buffer = io.BytesIO(zipped(texts))
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"train.csv": TRAIN, "test.csv": OTHER}), "holds no valid.csv"),
        (twice(), "holds 2 times a train.csv"),
        (zipped({"../train.csv": TRAIN} | TEXTS), r"'\.\./train\.csv' points outside"),
        (zipped({"/tmp/x.csv": TRAIN} | TEXTS), "'/tmp/x.csv' points outside"),
        (zipped({"..\\x.csv": TRAIN} | TEXTS), "points outside"),
        (zipped({"C:/x.csv": TRAIN} | TEXTS), "points outside"),
        (link(), "'train.csv' points outside or is a link"),
        (
            zipped(TEXTS | {"train.csv": "0" * 2_000_000}),
            "would unpack to 2,000,000 bytes, more than the 1,000",
        ),
        (encrypted(), "is no whole zip file: .*encrypted"),
        (flipped(), "is no whole zip file: Bad CRC-32"),
        (zipped(TEXTS)[:-30], "is no whole zip file"),
        (b"<html>", "is no whole zip file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_zip_that_is_not_what_it_should_be_leaves_nothing(tmp_path, content, message):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    contents = {name: download.Member(name, "", limit=1000) for name in TEXTS}
    with pytest.raises(download.BadArchive, match=message):
        download.unpack(archive, contents, tmp_path / "files")
    assert list(tmp_path.iterdir()) == [archive]
