"""A hub that fails for a while, breaks off, drips or is named wrongly."""

import time
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from benchmark.data import catalog
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils import patience
from tests.data.hub import ROWS, TABLE, TEXTS, write_card, write_stream_card, zipped
from tests.data.tables import ignore

FILES = 'train = "train.csv", valid = "valid.csv", test = "test.csv"'


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """How long would have been waited between attempts."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def open_data(card: object) -> dict[str, int]:
    return catalog.open_data(str(card), data_root=None, notify=ignore)[1].fingerprint.rows


def test_answers_that_pass_are_waited_for_as_the_hub_asks(card, hub, pauses):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    hub.first = [(503, ""), (429, "7"), (500, "x"), (502, later)]
    assert open_data(card) == ROWS
    assert pauses[:3] == [1, 7, 4]
    assert pauses[3] == pytest.approx(50, abs=2)


def test_a_stream_waits_too(tmp_path, stream_hub, pauses):
    stream_hub.files = {f"we/Rows/{name}": text.encode() for name, text in TEXTS.items()}
    stream_hub.first = [(503, ""), (429, "2")]
    assert open_data(write_stream_card(tmp_path, FILES)) == ROWS
    assert pauses == [1, 2]


@pytest.mark.parametrize(("answer", "waited"), [((429, "121"), 0), ((503, ""), 63)])
def test_a_hub_that_stays_out_is_given_up(card, hub, pauses, answer, waited):
    hub.first = [answer] * 50
    with pytest.raises(BenchmarkError, match=rf"answers {answer[0]}; try again later, what"):
        open_data(card)
    assert sum(pauses) == waited


def test_a_connection_that_always_breaks_soon_still_progresses(tmp_path, card, hub):
    texts = TEXTS | {"train.csv": "y,x,c\n" + "1,2,a\n0,1,b\n" * 4_000}
    card = write_card(tmp_path / "card", texts, ROWS | {"train": 8_000}, TABLE)
    hub.files = {"we/Mine/Mine.zip": zipped(texts, zipfile.ZIP_STORED)}
    hub.piece = 5_000
    assert open_data(card)["train"] == 8_000
    assert len(hub.sent_ranges()) == 10


@pytest.mark.parametrize("form", ["zip", "stream"])
def test_a_body_that_drips_is_given_up(tmp_path, card, hub, stream_hub, form, monkeypatch):
    monkeypatch.setattr(patience, "WINDOW", 0.05)
    if form == "stream":
        hub, card = stream_hub, write_stream_card(tmp_path / "of", FILES)
        hub.files = {f"we/Rows/{name}": text.encode() for name, text in TEXTS.items()}
    hub.drip = 0.01
    began = time.monotonic()
    with pytest.raises(BenchmarkError, match=r"less than 256 KiB in 0.05 s; call again"):
        open_data(card)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_fetched_again(card, hub, method):
    whole = zipped(TEXTS, method)
    hub.files = {"we/Mine/Mine.zip": bytes([*whole[:50], whole[50] ^ 255, *whole[51:]])}
    with pytest.raises(BenchmarkError, match=r"no whole zip file: .*; fetch it again"):
        open_data(card)
    hub.files = {"we/Mine/Mine.zip": whole}
    assert open_data(card) == ROWS


@pytest.mark.parametrize(
    "endpoint",
    [
        "localhost:1",
        "https://",
        "ftp://h",
        "http://[::1",
        "http://h:x",
        "http://me:p/w@h",
        "http://ü",
    ],
)
@pytest.mark.parametrize("form", ["zip", "stream"])
def test_an_endpoint_that_is_no_address(tmp_path, card, monkeypatch, endpoint, form):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    card = write_stream_card(tmp_path / "of", FILES) if form == "stream" else card
    with pytest.raises(UsageError, match=r"^HF_ENDPOINT: ") as error:
        open_data(card)
    assert "p/w" not in str(error.value)


@pytest.mark.parametrize("form", ["zip", "stream"])
def test_a_token_that_cannot_be_sent(tmp_path, card, hub, monkeypatch, form):
    monkeypatch.setenv("HF_TOKEN", "hf_ключ")
    card = write_stream_card(tmp_path / "of", FILES) if form == "stream" else card
    with pytest.raises(UsageError, match=r"^HF_TOKEN: a token has ASCII letters") as error:
        open_data(card)
    assert "ключ" not in str(error.value)
    assert hub.requests == []
