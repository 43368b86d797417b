"""A server on the loopback address with the shape of the Hugging Face hub, and zips for it to
serve."""

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote

import polars as pl

from tests.data.tables import OTHER, TRAIN

TEXTS = {"train.csv": TRAIN, "valid.csv": OTHER, "test.csv": OTHER.replace("z", "a")}
ROWS = {"train": 3, "valid": 2, "test": 2}
TABLE = 'label = "y"\ndense = ["x"]\nsparse = ["c"]'
COMMIT = "c0ffee" + "0" * 34
_FILE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)")
_API = re.compile(
    r"/api/datasets/(?P<repo>[^/]+/[^/]+)/(?P<what>revision|tree|paths-info)/(?P<revision>[^/?]+)"
    r"/?(?P<below>[^?]*)"
)


@dataclass
class Hub:
    """What it serves ({repo/name: content}), how it fails, and what it was asked for (method,
    revision, range).

    `status` other than 200 answers every request, and each (status, Retry-After) of `first` one of
    the first. A connection brings at most `piece` bytes of a body, or one byte in `drip` seconds.
    After `breaks_after` bytes of a body the connection breaks off, and every later request for a
    body is cut off too, until it is set to None. With `elsewhere` the contents lie on another host,
    as those of large files do."""

    files: Mapping[str, bytes]
    status: int = 200
    first: list[tuple[int, str]] = field(default_factory=list)
    piece: int | None = None
    drip: float | None = None
    error: str = ""
    breaks_after: int | None = None
    elsewhere: bool = False
    address: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    logins: list[tuple[str, str | None]] = field(default_factory=list)

    def sent_ranges(self) -> list[str | None]:
        return [range_ for method, _, range_ in self.requests if method == "GET"]


def _bounds(range_: str | None, size: int) -> tuple[int, int]:
    """The first byte of a range, and the one after its last."""
    first, _, last = (range_ or "bytes=0-").removeprefix("bytes=").partition("-")
    return int(first), min(int(last) + 1, size) if last else size


def described(files: Mapping[str, bytes], what: str, below: str, paths: list[str]) -> object:
    """What the hub tells of a repository with these files: of a revision, the entries of a folder,
    or those of some paths; None for a folder that it has not. Parquet and zip files are large."""
    entries: dict[str, dict[str, object]] = {}
    for name, content in files.items():
        git = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        entry = {"type": "file", "path": name, "oid": git, "size": len(content)}
        if name.endswith((".parquet", ".zip")):
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 100}
        entries[name] = entry
        for folder in map(str, PurePosixPath(name).parents):
            if folder != ".":
                entries[folder] = {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
    if what == "revision":
        return {"id": "-", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
    if what == "paths-info":
        return [entries[path] for path in paths if path in entries]
    within = [name for name in entries if str(PurePosixPath(name).parent) == (below or ".")]
    return [entries[name] for name in within] or None


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if not self._fails():
                self._answer(with_body=False)

        def do_GET(self) -> None:
            if not self._fails():
                self._answer(with_body=True)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._fails():
                self._describe(parse_qs(body.decode())["paths"])

        def _fails(self) -> bool:
            if not hub.first:
                return False
            status, wait = hub.first.pop(0)
            self.send_response(status)
            self.send_header("Retry-After", wait)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True

        def _describe(self, paths: list[str]) -> None:
            asked = _API.match(unquote(self.path))
            assert asked is not None, self.path
            files = {
                name.removeprefix(f"{asked['repo']}/"): content
                for name, content in hub.files.items()
                if name.startswith(f"{asked['repo']}/")
            }
            hub.requests.append((self.command, asked["revision"], None))
            hub.logins.append((self.headers["Host"], self.headers["Authorization"]))
            answer, code = None, "RepoNotFound" if not files else "RevisionNotFound"
            if files and asked["revision"] == COMMIT:
                answer, code = (
                    described(files, asked["what"], asked["below"], paths),
                    "EntryNotFound",
                )
            status = 404 if hub.status == 200 and answer is None else hub.status
            body = json.dumps(answer if status == 200 else {"error": "refused"}).encode()
            self.send_response(status)
            if status != 200:
                self.send_header("X-Error-Code", hub.error or code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _answer(self, *, with_body: bool) -> None:
            if self.path.startswith("/api/"):
                self._describe([])
                return
            target = _FILE.fullmatch(unquote(self.path))
            content = (
                None if target is None else hub.files.get(f"{target['repo']}/{target['name']}")
            )
            range_ = self.headers["Range"]
            hub.requests.append((self.command, target["revision"] if target else "", range_))
            if content is None or hub.status != 200:
                self.send_response(404 if hub.status == 200 else hub.status)
                self.send_header("X-Error-Code", hub.error or "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            host = self.headers["Host"].partition(":")[0]
            hub.logins.append((host, self.headers["Authorization"]))
            if hub.elsewhere and host == "127.0.0.1":
                self.send_response(302)
                self.send_header(
                    "Location", hub.address.replace("127.0.0.1", "localhost") + self.path
                )
                self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Linked-Size", str(len(content)))
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, last = _bounds(range_, len(content))
            body = content[first:last]
            self.send_response(206 if range_ else 200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body)))
            if range_:
                self.send_header("Content-Range", f"bytes {first}-{last - 1}/{len(content)}")
            self.end_headers()
            if not with_body:
                return
            if hub.drip is not None:
                for byte in body:
                    threading.Event().wait(hub.drip)
                    self.wfile.write(bytes([byte]))
            if hub.piece is not None:
                body = body[: hub.piece]
                self.close_connection = True
            if hub.breaks_after is None:
                self.wfile.write(body)
                return
            self.wfile.write(body[: hub.breaks_after])
            hub.breaks_after = 0
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        hub.address = f"http://127.0.0.1:{listener.server_address[1]}"
        try:
            yield hub
        finally:
            listener.shutdown()
            thread.join()


def zipped(texts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of {name: content}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, text in texts.items():
            file.writestr(name, text)
    return buffer.getvalue()


def write_card(
    folder: Path, texts: Mapping[str, str], rows: Mapping[str, int], table: str, top: str = ""
) -> Path:
    """A card `mine` of the zip `Mine.zip` in the repository `we/Mine`, whose md5 are those of the
    texts."""
    folder.mkdir(exist_ok=True)
    lines = [
        'id = "mine"',
        'title = "My clicks"',
        'terms = "none"',
        top,
        "[hub]",
        'repo = "we/Mine"',
    ]
    lines += ['file = "Mine.zip"', "[table]", 'format = "csv"']
    lines += [f'files.{split} = "{split}.csv"' for split in rows]
    lines.append(table)
    for split, count in rows.items():
        md5 = hashlib.md5(texts[f"{split}.csv"].encode(), usedforsecurity=False).hexdigest()
        lines += [f"[expected.{split}]", f"rows = {count}", f'md5 = "{md5}"']
    path = folder / "mine.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def parquet(frame: pl.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)
    return buffer.getvalue()


def write_stream_card(folder: Path, files: str, table: str = "", hub: str = "") -> Path:
    """A card `stream` of the repository `we/Rows`, with these `files` of train, valid and test."""
    lines = ['id = "stream"', 'title = "Rows of a hub"', 'terms = "accept these"', "[hub]"]
    lines += ['dataset = "we/Rows"', f'revision = "{COMMIT}"', hub, "[table]"]
    lines += [f"files = {{ {files} }}", table or f'format = "csv"\n{TABLE}']
    folder.mkdir(exist_ok=True)
    path = folder / "stream.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
