"""A server on the loopback address with the shape of the Hugging Face hub, and zips for it to
serve."""

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.data.tables import OTHER, TRAIN

TEXTS = {"train.csv": TRAIN, "valid.csv": OTHER, "test.csv": OTHER.replace("z", "a")}
ROWS = {"train": 3, "valid": 2, "test": 2}
TABLE = 'label = "y"\ndense = ["x"]\nsparse = ["c"]'
COMMIT = "c0ffee" + "0" * 34
_FILE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>[^/]+)")


@dataclass
class Hub:
    """What it serves ({repo/name: content}), how it fails, and what it was asked for (method,
    revision, range).

    `status` other than 200 answers every request. After `breaks_after` bytes of a body the
    connection breaks off, and every later request for a body is cut off too, until it is set to
    None. With `elsewhere` the contents lie on another host, as those of large files do."""

    files: Mapping[str, bytes]
    status: int = 200
    error: str = ""
    breaks_after: int | None = None
    elsewhere: bool = False
    address: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    logins: list[tuple[str, str | None]] = field(default_factory=list)

    def sent_ranges(self) -> list[str | None]:
        return [range_ for method, _, range_ in self.requests if method == "GET"]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            target = _FILE.fullmatch(self.path)
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
            first = int(range_.removeprefix("bytes=").rstrip("-")) if range_ else 0
            body = content[first:]
            self.send_response(206 if range_ else 200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(body)))
            if range_:
                self.send_header(
                    "Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}"
                )
            self.end_headers()
            if not with_body:
                return
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
