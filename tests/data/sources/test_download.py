import errno
import gzip
import os
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.data import catalog, inventory
from benchmark.data.sources import download
from benchmark.errors import BenchmarkError, MissingData, UsageError
from tests.data.hub import COMMIT, ROWS, TEXTS, zipped
from tests.data.tables import OTHER, TRAIN, ignore, write_files
from tests.servers import free_port


def open_data(card: str, messages: list[str] | None = None, **options):
    notify = ignore if messages is None else messages.append
    return catalog.open_data(card, data_root=None, notify=notify, **options)[1]


def downloads(cache: Path) -> list[str]:
    return sorted(
        path.name
        for path in (cache / ".downloads").rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def test_a_first_download_is_announced_checked_and_encoded(tmp_path, card, hub):
    messages: list[str] = []
    store = open_data(card, messages)
    assert store.fingerprint.rows == ROWS
    assert set(store.fingerprint.sources) == set(TEXTS)
    assert messages[0].startswith(
        f"fetching {hub.address}/datasets/we/Mine/resolve/main/Mine.zip at revision {COMMIT}, "
    )
    assert messages[0].endswith(" GB; terms: none")
    assert [(method, revision) for method, revision, _ in hub.requests] == [
        ("HEAD", "main"),
        ("GET", COMMIT),
    ]
    assert downloads(tmp_path / "cache") == sorted(TEXTS)
    hub.requests.clear()
    shutil.rmtree(tmp_path / "cache" / ".downloads")
    assert open_data(card) == store
    assert hub.requests == []


def test_files_that_were_downloaded_are_encoded_again_without_the_server(tmp_path, card, hub):
    store = open_data(card)
    hub.requests.clear()
    shutil.rmtree(store.folder)
    assert open_data(card).fingerprint == store.fingerprint
    assert hub.requests == []


def test_contents_on_another_host_are_fetched_without_the_login(card, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    hub.elsewhere = True
    assert open_data(card).fingerprint.rows == ROWS
    assert hub.logins == [
        ("127.0.0.1", "Bearer secret"),
        ("127.0.0.1", "Bearer secret"),
        ("localhost", None),
    ]


def test_a_pinned_revision_is_asked_for(tmp_path, card, hub):
    text = (
        Path(card)
        .read_text()
        .replace('file = "Mine.zip"', f'file = "Mine.zip"\nrevision = "{COMMIT}"')
    )
    Path(card).write_text(text)
    open_data(card)
    assert {revision for _, revision, _ in hub.requests} == {COMMIT}


def test_a_server_that_goes_half_way_is_resumed_at_the_next_call(tmp_path, card, hub):
    content = hub.files["we/Mine/Mine.zip"]
    hub.breaks_after = 100
    with pytest.raises(
        BenchmarkError, match=r"Mine\.zip: the connection broke off .*; call again to resume"
    ):
        open_data(card)
    [part] = (tmp_path / "cache/.downloads/we--Mine").glob(".*.part")
    assert part.read_bytes() == content[:100]
    hub.breaks_after = None
    hub.requests.clear()
    assert open_data(card).fingerprint.rows == ROWS
    assert hub.sent_ranges() == ["bytes=100-"]


def test_a_connection_that_breaks_once_is_taken_up_in_the_same_call(card, hub, monkeypatch):
    hub.breaks_after = 100
    monkeypatch.setattr(time, "sleep", lambda _: setattr(hub, "breaks_after", None))
    assert open_data(card).fingerprint.rows == ROWS
    assert hub.sent_ranges() == [None, "bytes=100-"]


def test_the_rest_of_another_version_is_not_joined_to_this_one(tmp_path, card, hub):
    hub.breaks_after = 100
    with pytest.raises(BenchmarkError, match="broke off"):
        open_data(card)
    hub.breaks_after = None
    hub.files = {"we/Mine/Mine.zip": zipped(TEXTS, zipfile.ZIP_STORED)}
    hub.requests.clear()
    assert open_data(card).fingerprint.rows == ROWS
    assert hub.sent_ranges() == [None]


def test_a_wrong_md5_names_both_sums_and_keeps_nothing(tmp_path, card, hub):
    hub.files = {"we/Mine/Mine.zip": zipped(TEXTS | {"valid.csv": OTHER + "1,1,1\n"})}
    with pytest.raises(
        BenchmarkError, match=r"valid.csv has md5 [0-9a-f]{32}, but the card expects [0-9a-f]{32};"
    ):
        open_data(card)
    assert downloads(tmp_path / "cache") == []
    hub.files = {"we/Mine/Mine.zip": zipped(TEXTS)}
    assert open_data(card).fingerprint.rows == ROWS


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (404, "EntryNotFound", r"no such file or revision \(404\)"),
        (404, "RevisionNotFound", r"no such file or revision \(404\)"),
        (401, "GatedRepo", r"refuses access \(401\); accept the terms .* log in with"),
        (403, "GatedRepo", r"refuses access \(403\); accept the terms"),
        (401, "RepoNotFound", r"refuses access \(401\); accept the terms"),
        (500, "", "the hub answers 500; try again later"),
    ],
)
def test_a_refusal_is_one_clear_error(tmp_path, card, hub, status, error, message):
    hub.status, hub.error = status, error
    with pytest.raises(BenchmarkError, match=message) as caught:
        open_data(card)
    assert "\n" not in str(caught.value)
    assert downloads(tmp_path / "cache") == []


def test_a_server_that_is_not_there(card, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(BenchmarkError, match=r"the server cannot be reached .*--data-root"):
        open_data(card)


def test_the_password_of_the_hub_is_never_shown(card, hub, monkeypatch):
    shown: list[str] = []
    secret = hub.address.replace("://", "://me:secret@")
    monkeypatch.setenv("HF_ENDPOINT", secret)
    open_data(card, shown)
    assert shown[0].startswith(f"fetching {hub.address}/datasets")
    shutil.rmtree(catalog.cache_folder())
    for endpoint in (secret, f"http://me:secret@127.0.0.1:{free_port()}"):
        hub.status = 500
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(BenchmarkError) as error:
            open_data(card)
        shown.append(str(error.value))
    assert "secret" not in "".join(shown)


def test_a_full_disk(tmp_path, card, hub, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
        with pytest.raises(BenchmarkError, match=r"has 0.00 GB free, but .*BENCHMARK_CACHE"):
            open_data(card)
    with monkeypatch.context() as patch:
        patch.setattr(download, "_extract", _no_space)
        with pytest.raises(
            BenchmarkError, match=r"cannot be unpacked to .*: No space left on device; make room"
        ):
            open_data(card)
    assert downloads(tmp_path / "cache") == ["Mine.zip"]
    hub.requests.clear()
    assert open_data(card).fingerprint.rows == ROWS
    assert hub.requests == []


def _no_space(*_: object) -> str:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nothing_is_downloaded_where_that_is_not_wanted(card, hub):
    with pytest.raises(
        MissingData, match=r"mine is not here; `python -m benchmark data prepare mine` downloads it"
    ):
        open_data(card, fetch=False)
    assert hub.requests == []


def test_a_zip_may_hold_folders_and_other_files(card, hub):
    hub.files = {
        "we/Mine/Mine.zip": zipped(
            {f"Mine/{name}": text for name, text in TEXTS.items()} | {"README": "."}
        )
    }
    assert open_data(card).fingerprint.rows == ROWS


@pytest.mark.parametrize("form", ["csv", "gz", "zip"])
def test_files_that_a_person_has_are_checked_the_same_way(tmp_path, card, form):
    def give(texts) -> None:
        if form == "zip":
            (tmp_path / "card" / "Mine.zip").write_bytes(zipped(texts))
            return
        packed = {f"{name}.gz": gzip.compress(text.encode()) for name, text in texts.items()}
        for name, content in (packed if form == "gz" else texts).items():
            (tmp_path / "card" / name).write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )

    altered = TEXTS | {"train.csv": TRAIN + "0,0,q\n"}
    give(altered)
    for _ in range(2):
        with pytest.raises(
            BenchmarkError,
            match=r"train\.csv.* md5 [0-9a-f]{32}, but the card .*expects [0-9a-f]{32}",
        ):
            open_data(card)
    give(TEXTS)
    assert open_data(card).fingerprint.rows == ROWS


def test_a_data_root_is_not_replaced_by_a_download(tmp_path, card, hub, monkeypatch):
    message = (
        r"there is no file .*train\.csv .* packed as \.gz .* was searched too; get Criteo_x1\.zip"
        r".* from https://huggingface.co/datasets/reczoo/Criteo_x1; put .* or leave the data "
        r"root out"
    )
    with pytest.raises(MissingData, match=message):
        catalog.open_data("criteo_x1", data_root=tmp_path, notify=ignore)
    write_files(tmp_path / "Criteo_x1", {})
    with pytest.raises(
        BenchmarkError, match=r"Criteo_x1/train\.csv: md5 .* the card of criteo_x1 expects 30b89c1c"
    ):
        catalog.open_data("criteo_x1", data_root=tmp_path, notify=ignore)
    assert hub.requests == []


def test_a_prepared_data_set_needs_no_files_in_a_data_root(tmp_path, card, hub, monkeypatch):
    store = open_data(card)
    built_in = replace(catalog.find_card(card), built_in=True)
    monkeypatch.setattr(catalog, "find_card", lambda _: built_in)
    assert catalog.open_data("mine", data_root=tmp_path, notify=ignore)[1] == store
    shutil.rmtree(store.folder)
    with pytest.raises(MissingData, match="or leave the data root out to download it"):
        catalog.open_data("mine", data_root=tmp_path, notify=ignore)


def test_a_vocabulary_of_another_size_than_the_published_one_is_said(tmp_path, card, hub):
    path = Path(card)
    path.write_text(
        path.read_text().replace('terms = "none"', 'terms = "none"\npublished_rows = 6')
    )
    messages: list[str] = []
    store = open_data(card, messages)
    # the tokens a and b, padding, one row for all others, and the dense column
    assert messages[-1] == "warning: mine: 5 embedding rows, but 6 are published"
    assert list(inventory.check(catalog.find_card(card).card, store.folder)) == [
        messages[-1].removeprefix("warning: ")
    ]
    path.write_text(path.read_text().replace("published_rows = 6", "published_rows = 5"))
    assert list(inventory.check(catalog.find_card(card).card, store.folder)) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows = 3", "positives = 2", "needs the expected rows and md5"),
        ('repo = "we/Mine"', 'repo = "Mine"', "hub.repo"),
        ('"Mine.zip"', '"../Mine.zip"', "hub.file"),
        ('"Mine.zip"', '"Mine.zip"\nrevision = "main"', "hub.revision"),
        ('"csv"', '"parquet"', "a table of three csv files"),
    ],
)
def test_a_wrong_hub_table_of_a_card(card, old, new, message):
    path = Path(card)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UsageError, match=message):
        catalog.find_card(card)
