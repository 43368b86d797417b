import io
import zipfile

import pytest

from benchmark.data.catalog import find_card
from benchmark.data.sources import download
from tests.data.hub import TEXTS, zipped
from tests.data.tables import OTHER, TRAIN


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
    texts = others or {name: TEXTS[name] for name in ("valid.csv", "test.csv")}
    buffer = io.BytesIO(zipped(texts))
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"train.csv": TRAIN, "test.csv": OTHER}), "holds no valid.csv"),
        (twice(), "holds 2 times a train.csv"),
        (zipped({"../train.csv": TRAIN} | TEXTS), "holds 2 times a train.csv"),
        (
            zipped(TEXTS | {"train.csv": TRAIN + "0"}),
            "train.csv has md5 .*, but the card expects .*; nothing of it is kept",
        ),
        (encrypted(), "is no whole zip file: .*encrypted"),
        (flipped(), "is no whole zip file: Bad CRC-32"),
        (zipped(TEXTS)[:-30], "is no whole zip file"),
        (b"<html>", "is no whole zip file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_zip_that_is_not_what_it_should_be_leaves_nothing(tmp_path, card, content, message):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(download.BadArchive, match=message):
        download.unpack(find_card(card).card, archive, tmp_path / "files")
    assert sorted(tmp_path.iterdir()) == [archive, tmp_path / "card"]


@pytest.mark.parametrize("name", ["../train.csv", "/tmp/train.csv", "C:/train.csv"])
def test_a_member_is_written_by_the_name_of_the_card_wherever_it_points(tmp_path, card, name):
    (tmp_path / "a.zip").write_bytes(_with_member(name, TRAIN))
    download.unpack(find_card(card).card, tmp_path / "a.zip", tmp_path / "files")
    assert sorted(path.name for path in tmp_path.rglob("*.csv")) == sorted(TEXTS)
    assert (tmp_path / "files" / "train.csv").read_text() == TRAIN
