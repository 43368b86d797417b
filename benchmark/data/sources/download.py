"""Files of a data set on the Hugging Face hub: downloaded with resume, unpacked and checked."""

import errno
import hashlib
import lzma
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from benchmark.data.card import Card, Expected
from benchmark.data.sources.client import prepare_client
from benchmark.data.sources.local import how_to_get
from benchmark.data.store import ROOM, cache_errors
from benchmark.errors import BenchmarkError
from benchmark.utils.files import published
from benchmark.utils.secrets import without_password
from benchmark.utils.types import Notify

FILES = "files"
"""The folder of the unpacked files, beside the zip."""
_CHUNK_BYTES = 1 << 20
_RETRIES = 5
"""Connections in a row that may bring nearly nothing, less than _LEAST_BYTES."""
_LEAST_BYTES = 1 << 12


class BadArchive(BenchmarkError):
    """A zip with wrong content, which is not worth keeping."""


def file_names(card: Card) -> dict[str, str]:
    """The csv file of each split that the zip of a card on the hub must hold, in any folder."""
    assert card.table is not None
    return {split: card.table.files[split][0] for split in card.expected}


def fetch(card: Card, folder: Path, notify: Notify) -> Path:
    """Download the card's zip to `folder` unless it is there, resuming an earlier attempt.

    Tells what is downloaded, from where, its size and terms. HF_ENDPOINT names another hub and
    HF_TOKEN logs in. Raises BenchmarkError."""
    assert card.archive is not None
    archive = folder / card.archive.file
    if archive.exists():
        return archive
    prepare_client()
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    endpoint = os.environ.get("HF_ENDPOINT")
    url_of = partial(
        hf_hub_url, card.archive.repo, card.archive.file, repo_type="dataset", endpoint=endpoint
    )
    url = url_of(revision=card.archive.revision)
    shown = without_password(url)
    with _download_errors(card, shown, folder):
        remote = get_hf_file_metadata(url)
        if remote.size is None or remote.etag is None or remote.commit_hash is None:
            fault = "the answer is not that of a Hugging Face hub; is HF_ENDPOINT right?"
            raise BenchmarkError(f"{shown}: {fault}")
        # named by the version of the zip, so that parts of two versions are never joined
        part = folder / f".{hashlib.sha256(remote.etag.encode()).hexdigest()[:16]}.part"
        folder.mkdir(parents=True, exist_ok=True)
        for other in set(folder.glob(".*.part")) - {part}:
            other.unlink()
        if part.exists() and part.stat().st_size > remote.size:
            part.unlink()
        begun = part.stat().st_size if part.exists() else 0
        _require_room(folder, remote.size - begun)
        here = f", of which {begun / 1e9:.2f} GB are here" if begun else ""
        notify(
            f"fetching {shown} at revision {remote.commit_hash}, {remote.size / 1e9:.2f} GB{here};"
            f" terms: {card.terms}"
        )
        headers = {"accept-encoding": "identity"}
        if token := get_token():
            headers["authorization"] = f"Bearer {token}"
        fixed = url_of(revision=remote.commit_hash)
        with part.open("ab") as file:
            _fetch_rest(fixed, headers, file, remote.size)
        part.replace(archive)
    return archive


def _fetch_rest(url: str, headers: dict[str, str], file: BinaryIO, size: int) -> None:
    """Append the bytes that a file of `size` bytes lacks, over several connections if they break.
    (`hf_hub_download` removes a partial file, and loses up to 10 MiB with each connection.)"""
    import httpx2
    from huggingface_hub.utils.tqdm import tqdm

    idle = 0
    with tqdm(total=size, initial=file.tell(), unit="B", unit_scale=True) as bar:  # type: ignore[no-untyped-call]
        while (begun := file.tell()) < size:
            try:
                _fetch_some(url, headers, file, size, bar.update)
            except httpx2.TransportError:
                idle = 0 if file.tell() - begun >= _LEAST_BYTES else idle + 1
                if idle > _RETRIES:
                    raise
                time.sleep(1)


def _fetch_some(
    url: str, headers: dict[str, str], file: BinaryIO, size: int, advance: Callable[[int], object]
) -> None:
    """Append what one connection brings, to `size` bytes or until it breaks."""
    import httpx2
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    if begun := file.tell():
        headers = {**headers, "range": f"bytes={begun}-"}
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as answer:
        hf_raise_for_status(answer)
        if begun and answer.status_code != 206:  # the server begins anew
            file.truncate(0)
            file.seek(0)
            advance(-begun)
        for chunk in answer.iter_bytes():
            file.write(chunk)
            advance(len(chunk))
            if file.tell() > size:
                raise BenchmarkError(f"{without_password(url)}: more than its {size} bytes come")
    if file.tell() < size:
        raise httpx2.RemoteProtocolError("the body ends early")


def obtain(card: Card, folder: Path, notify: Notify) -> dict[Path, str]:
    """Download the card's zip beside `folder`, unpack it there and remove it; the md5 of each file.
    Raises BenchmarkError."""
    archive = fetch(card, folder.parent, notify)
    try:
        notify(f"unpacking {archive.name} and checking the md5 of its files")
        files = unpack(card, archive, folder)
    except BadArchive:
        archive.unlink()
        raise
    archive.unlink()
    return files


def unpack(card: Card, archive: Path, folder: Path) -> dict[Path, str]:
    """Unpack the card's files into `folder`, which appears when all are complete and correct, and
    return the md5 of each.

    Raises BadArchive for a damaged zip, for members that are missing or repeated, and for a wrong
    md5 (naming both); BenchmarkError for a full disk. Nothing is kept then."""
    names = file_names(card)
    contents = {names[split]: expected for split, expected in card.expected.items()}
    with (
        cache_errors(f"{archive} cannot be unpacked to {folder}"),
        published(folder) as hidden,
        _damage(archive),
        zipfile.ZipFile(archive) as file,
    ):
        entries = {name: _member(file, name) for name in contents}
        _require_room(hidden, sum(entry.file_size for entry in entries.values()))
        return {
            folder / name: _extract(file, entries[name], hidden / name, expected)
            for name, expected in contents.items()
        }


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Raise the errors of a damaged zip as BadArchive, and no others."""
    broken = zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError
    try:
        yield
    except (*broken, OSError) as error:
        # damaged bzip2 has an error without a number, and a wrong position in the file EINVAL
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadArchive(f"{archive} is no whole zip file: {error}; fetch it again") from None


def _member(file: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    named = [info for info in file.infolist() if PurePosixPath(info.filename).name == name]
    if len(named) != 1:
        count = f"{len(named)} times a" if named else "no"
        raise BadArchive(f"{file.filename} holds {count} {name}; it must hold it once")
    return named[0]


def _extract(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, expected: Expected) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open(info) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):  # no more than the declared size
            digest.update(chunk)
            target.write(chunk)
    md5 = digest.hexdigest()
    if md5 != expected.md5:
        fault = f"md5 {md5}, but the card expects {expected.md5}; nothing of it is kept"
        raise BadArchive(f"{file.filename}: {info.filename} has {fault}")
    return md5


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        sizes = f"{free / 1e9:.2f} GB free, but {needed / 1e9:.2f} GB are needed"
        raise BenchmarkError(f"the disk of {folder} has {sizes}; {ROOM}")


@contextmanager
def _download_errors(card: Card, url: str, folder: Path) -> Iterator[None]:
    """Raise the client's errors as BenchmarkErrors that say what to do."""
    import httpx2
    from huggingface_hub import errors

    by_hand = how_to_get(card, Path("data"))
    try:
        yield
        return
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        fault = f"the hub answers {status}; try again later, what is here is kept"
        if status in (401, 403):
            terms = f"accept the terms on its page there ({card.terms})"
            login = "then log in with `hf auth login` or HF_TOKEN"
            fault = f"the hub refuses access ({status}); {terms}, {login}"
        elif status == 404:
            fault = f"the hub has no such file or revision (404); {by_hand}"
    except (httpx2.ConnectError, httpx2.ConnectTimeout, errors.OfflineModeIsEnabled) as error:
        fault = f"the server cannot be reached ({error}); check the network, or {by_hand}"
    except httpx2.HTTPError as error:
        fault = f"the connection broke off ({error}); call again to resume"
    except OSError as error:
        why = error.strerror or error
        fault = f"cannot be written to {folder}: {why}; {ROOM}, and call again"
    raise BenchmarkError(without_password(f"{url}: {fault}", os.environ.get("HF_ENDPOINT", "")))
