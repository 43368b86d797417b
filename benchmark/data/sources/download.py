"""Files of a data set from the Hugging Face hub: fetched with resume, unpacked safely, checked as
they are written."""

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmark.data.card import Card, Hub
from benchmark.errors import BenchmarkError
from benchmark.utils.types import Notify

FILES = "files"
"""The folder of the unpacked files beside the zip."""
ROW_BYTES = 1024
"""An unpacked file may have so many bytes for each row that its card expects; Criteo's rows have
about 300."""
_SPARE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20


class BadArchive(BenchmarkError):
    """A zip whose content is wrong, so that it is not worth keeping."""


@dataclass(frozen=True)
class Member:
    """A csv file that a zip must hold, by its name without folders. `md5` is None where any content
    will do."""

    name: str
    md5: str | None
    limit: int


def members(card: Card, *, verified: bool = True) -> dict[str, Member]:
    """What the zip of a card on the hub must hold, by split."""
    assert card.table is not None
    names = card.table.files.named
    return {
        split: Member(
            names[split][0],
            fact.md5 if verified else None,
            (fact.rows or 0) * ROW_BYTES + _SPARE_BYTES,
        )
        for split, fact in card.expected.items()
    }


def fetch(card: Card, hub: Hub, folder: Path, notify: Notify) -> Path:
    """The zip in `folder`, downloaded unless it is there; an earlier attempt that broke off is
    resumed.

    Says what is fetched, from where, how large and under which terms. HF_ENDPOINT names another hub
    and HF_TOKEN logs in. Raises BenchmarkError."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the client is imported
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    from huggingface_hub.file_download import http_get

    archive = folder / hub.file
    if archive.exists():
        return archive
    endpoint = os.environ.get("HF_ENDPOINT")
    url = hf_hub_url(
        hub.repo, hub.file, repo_type="dataset", revision=hub.revision, endpoint=endpoint
    )
    with _clear_errors(card, url, folder):
        found = get_hf_file_metadata(url)
        if found.size is None or found.etag is None or found.commit_hash is None:
            raise BenchmarkError(
                f"{url}: the answer is not that of a Hugging Face hub; is HF_ENDPOINT right?"
            )
        part = (
            folder / f".{hashlib.sha256(found.etag.encode()).hexdigest()[:16]}.part"
        )  # of this version of the zip
        folder.mkdir(parents=True, exist_ok=True)
        for other in set(folder.glob(".*.part")) - {part}:
            other.unlink()
        begun = part.stat().st_size if part.exists() else 0
        if begun > found.size:
            part.unlink()
            begun = 0
        _require_room(folder, found.size - begun)
        notify(
            f"fetching {url} at revision {found.commit_hash}, {found.size / 1e9:.2f} GB"
            f"{f', of which {begun / 1e9:.2f} GB are here' if begun else ''}; terms: {card.terms}"
        )
        pinned = hf_hub_url(
            hub.repo, hub.file, repo_type="dataset", revision=found.commit_hash, endpoint=endpoint
        )
        headers = {"accept-encoding": "identity"}
        if token := get_token():
            headers["authorization"] = f"Bearer {token}"
        with part.open("ab") as file:
            http_get(pinned, file, resume_size=begun, headers=headers, expected_size=found.size)
        part.replace(archive)
    return archive


def obtain(card: Card, hub: Hub, folder: Path, notify: Notify) -> dict[str, tuple[Path, str]]:
    """(path, md5) of each downloaded file, by split; the zip does not stay. Raises
    BenchmarkError."""
    archive = fetch(card, hub, folder, notify)
    try:
        notify(f"unpacking {archive.name} and checking the md5 of its files")
        files = unpack(archive, members(card), folder / FILES)
    except BadArchive:
        archive.unlink()
        raise
    archive.unlink()
    return files


def unpack(
    archive: Path, wanted: Mapping[str, Member], folder: Path
) -> dict[str, tuple[Path, str]]:
    """(path in `folder`, md5) of each wanted file. The folder comes into being when all are whole
    and right.

    Raises BadArchive for a damaged zip, members that are missing, repeated, too large or point
    outside, and a wrong md5 (naming both), BenchmarkError for a full disk; then nothing is kept."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        partial.mkdir(parents=True)
        with zipfile.ZipFile(archive) as file:
            chosen = _choose(archive, file.infolist(), wanted)
            _require_room(partial, sum(member.file_size for member in chosen.values()))
            sums = {
                split: _extract(file, chosen[split], wanted[split], partial) for split in wanted
            }
        partial.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise BadArchive(f"{archive} is no whole zip file: {error}; fetch it again") from None
    except OSError as error:
        raise BenchmarkError(
            f"{archive} cannot be unpacked to {folder}: {error.strerror or error}; make room or"
            " access there, or name another folder with BENCHMARK_CACHE"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {split: (folder / wanted[split].name, md5) for split, md5 in sums.items()}


def _choose(
    archive: Path, found: list[zipfile.ZipInfo], wanted: Mapping[str, Member]
) -> dict[str, zipfile.ZipInfo]:
    for info in found:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        outside = (
            path.is_absolute() or ".." in path.parts or ":" in path.parts[0] if path.parts else True
        )
        if outside or stat.S_ISLNK(info.external_attr >> 16):
            raise BadArchive(
                f"{archive}: the member {info.filename!r} points outside or is a link; do not"
                " trust it"
            )
    chosen: dict[str, zipfile.ZipInfo] = {}
    for split, member in wanted.items():
        named = [
            info
            for info in found
            if not info.is_dir() and PurePosixPath(info.filename).name == member.name
        ]
        if len(named) != 1:
            held = "holds no" if not named else f"holds {len(named)} times a"
            raise BadArchive(f"{archive} {held} {member.name}; it must hold it once")
        chosen[split] = named[0]
        if named[0].file_size > member.limit:
            raise BadArchive(
                f"{archive}: {named[0].filename} would unpack to {named[0].file_size:,} bytes, more"
                f" than the {member.limit:,} that its card allows"
            )
    return chosen


def _extract(file: zipfile.ZipFile, info: zipfile.ZipInfo, wanted: Member, folder: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open(info) as source, (folder / wanted.name).open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):  # no more than the declared size
            digest.update(chunk)
            target.write(chunk)
    if wanted.md5 not in (None, digest.hexdigest()):
        raise BadArchive(
            f"{file.filename}: {info.filename} has md5 {digest.hexdigest()}, but the card expects"
            f" {wanted.md5}; nothing of it is kept"
        )
    return digest.hexdigest()


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BenchmarkError(
            f"the disk of {folder} has {free / 1e9:.2f} GB free, but {needed / 1e9:.2f} GB are"
            " needed; make room there or name another folder with BENCHMARK_CACHE"
        )


@contextmanager
def _clear_errors(card: Card, url: str, folder: Path) -> Iterator[None]:
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise BenchmarkError(
                f"{url}: the hub refuses access ({status}); accept the terms on its page there"
                f" ({card.terms}), then log in with `hf auth login` or HF_TOKEN"
            ) from None
        if status == 404:
            raise BenchmarkError(
                f"{url}: the hub has no such file or revision (404); name a folder with the files"
                " by --data-root"
            ) from None
        raise BenchmarkError(
            f"{url}: the hub answers {status}; try again later, what is here is kept"
        ) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, errors.OfflineModeIsEnabled) as error:
        raise BenchmarkError(
            f"{url}: the server cannot be reached ({error}); check the network, or name a folder"
            " with the files by --data-root"
        ) from None
    except httpx2.HTTPError as error:
        raise BenchmarkError(
            f"{url}: the connection broke off ({error}); call again to resume"
        ) from None
    except OSError as error:
        if error.errno is None:  # the client's own: a size that is not the expected one
            raise BenchmarkError(
                f"{url}: the download is not whole; call again to resume"
            ) from None
        raise BenchmarkError(
            f"cannot write {url} to {folder}: {error.strerror}; make room or access there, or name"
            " another folder with BENCHMARK_CACHE, and call again to resume"
        ) from None
