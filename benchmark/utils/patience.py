"""The HTTP client of `huggingface_hub` and `datasets`, with bounds on what it waits for.

Imported by functions only, as httpx2 takes long to import."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx2
from huggingface_hub import get_session, set_client_factory

from benchmark.errors import BenchmarkError
from benchmark.utils.secrets import without_password

PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which a request is sent again."""
FIRST_PAUSE, PATIENCE = 1.0, 120.0
"""Seconds before the second attempt, doubled before each further one; and of all pauses."""
SILENCE = 30.0
"""Seconds without a byte before a connection counts as broken, where the caller states none."""
WINDOW, LEAST_BYTES = 60.0, 1 << 18
"""A body must bring so many bytes in every WINDOW seconds of waiting for it."""


class PatientClient(httpx2.Client):
    """Send requests again after answers that pass, and refuse a body that drips."""

    def send(self, request: httpx2.Request, *, stream: bool = False, **how: Any) -> httpx2.Response:
        """Raises BenchmarkError where PATIENCE ends, or Retry-After asks for more."""
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {name: limits[name] or SILENCE for name in limits}
        left, pause = PATIENCE, FIRST_PAUSE
        while (response := super().send(request, stream=True, **how)).status_code in PASSING:
            response.close()
            wait = max(pause, _asked(response))
            if wait > left:
                fault = f"the hub answers {response.status_code}; try again later"
                raise BenchmarkError(f"{_shown(request)}: {fault}, what is here is kept")
            time.sleep(wait)
            left, pause = left - wait, 2 * pause
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Paced(response.stream, _shown(request))
        if not stream:
            response.read()
        return response


class _Paced(httpx2.SyncByteStream):
    """A body; only the time spent waiting for it counts, not that of who reads it."""

    def __init__(self, body: httpx2.SyncByteStream, name: str) -> None:
        self._body, self._name = body, name

    def __iter__(self) -> Iterator[bytes]:
        chunks, waited, brought = iter(self._body), 0.0, 0
        while True:
            began = time.monotonic()
            chunk = next(chunks, None)
            if chunk is None:
                return
            waited, brought = waited + time.monotonic() - began, brought + len(chunk)
            yield chunk
            if waited > WINDOW:
                if brought < LEAST_BYTES:
                    rate = f"less than {LEAST_BYTES >> 10} KiB in {WINDOW:g} s"
                    raise BenchmarkError(f"{self._name}: {rate}; call again, or try later")
                waited, brought = 0.0, 0

    def close(self) -> None:
        self._body.close()


def use_patient_client() -> None:
    """Let `huggingface_hub`, and `datasets` by it, use this client."""
    plain = get_session()
    if not isinstance(plain, PatientClient):
        same = {"event_hooks": plain.event_hooks, "follow_redirects": True, "timeout": SILENCE}
        set_client_factory(partial(PatientClient, **same))  # type: ignore[arg-type]


def _asked(response: httpx2.Response) -> float:
    """The seconds of Retry-After; 0 without it."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    with suppress(TypeError, ValueError):  # no date, or one without a zone
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    return 0.0


def _shown(request: httpx2.Request) -> str:
    """The address without a login, and without the signatures that storage puts into queries."""
    return without_password(str(request.url).partition("?")[0])
