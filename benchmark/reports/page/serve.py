"""The results folder on the loopback address, as the page links to records."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")


class Files(SimpleHTTPRequestHandler):
    """Files of a folder, under the names of this machine alone: a site that points its own name
    here gets none."""

    def send_head(self) -> Any:
        if self.headers.get("Host", "").partition(":")[0] in NAMES:
            return super().send_head()
        self.send_error(403, f"ask for {LOOPBACK}")
        return None

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def server(results: Path, port: int) -> ThreadingHTTPServer:
    """A server of the results folder on this machine only; 0 is any free port. Raises
    BenchmarkError for a port that is taken."""
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(Files, directory=str(results)))
    except OSError as error:
        fault = f"{error.strerror}; choose another with --port"
        raise BenchmarkError(f"port {port} of {LOOPBACK}: {fault}") from None
