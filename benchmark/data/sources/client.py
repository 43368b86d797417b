"""The library `datasets` and its client: silent, its caches in a given folder, its errors in one
line. Both take a second to import, so that only what needs them does."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.secrets import require_quoted, without_password

CACHE = Path(".downloads", "datasets")
"""Below the cache folder, what `datasets` keeps: the README of a repository, and locks."""
RETRIES = 3
"""Attempts of `datasets` for a broken stream, each after about 30 seconds of the client's own."""


def library(cache: Path) -> Any:
    """The library `datasets`, silent, and with what it keeps below the cache folder."""
    # read when they are imported
    os.environ.setdefault("HF_HUB_CACHE", str(cache / CACHE))
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    prepare_client()
    import datasets
    import huggingface_hub

    datasets.logging.set_verbosity(logging.CRITICAL)
    huggingface_hub.logging.set_verbosity(logging.CRITICAL)
    datasets.config.STREAMING_READ_MAX_RETRIES = RETRIES
    datasets.config.STREAMING_OPEN_MAX_RETRIES = RETRIES
    return datasets


def prepare_client() -> None:
    """Check what the environment says of the hub, and bound what its client waits for. Raises
    UsageError for an HF_ENDPOINT that is no address and for a token that cannot be sent."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when it is imported
    if endpoint := os.environ.get("HF_ENDPOINT", ""):
        _require_address(endpoint)
    from huggingface_hub import get_token

    from benchmark.utils.patience import use_patient_client

    try:
        token = get_token() or ""
    except UnicodeDecodeError:  # of the file that a login writes
        token = "\0"
    if not (token.isascii() and token.isprintable()):
        hint = "copy it again, or log in with `hf auth login`"
        raise UsageError(f"HF_TOKEN: a token has ASCII letters, digits and _ only; {hint}")
    use_patient_client()


def _require_address(endpoint: str) -> None:
    require_quoted(endpoint, "HF_ENDPOINT")
    try:
        parts = urlsplit(endpoint)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or not (endpoint.isascii() and endpoint.isprintable()) or " " in endpoint:
        # it is not shown, since its password cannot be told from the rest
        hint = "write one such as https://huggingface.co, or leave it out"
        raise UsageError(f"HF_ENDPOINT: this is no address of a hub; {hint}")


@contextmanager
def client_errors(url: str, terms: str) -> Iterator[None]:
    """Raise whatever `datasets` and its client raise as a BenchmarkError of one line."""
    try:
        yield
    except BenchmarkError:
        raise
    except Exception as error:
        told = f"{url}: {_fault(error, terms)}"
        raise BenchmarkError(without_password(told, os.environ.get("HF_ENDPOINT", ""))) from error


def _fault(error: Exception, terms: str) -> str:
    import httpx2
    from huggingface_hub import errors

    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, errors.HfHubHTTPError):
            status = cause.response.status_code
            if status in (401, 403):
                login = (
                    f"accept the terms there ({terms}) and log in with `hf auth login` or HF_TOKEN"
                )
                return f"the hub refuses access ({status}); correct the name, or {login}"
            if status != 404:
                return f"the hub answers {status}; try again later"
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, errors.OfflineModeIsEnabled)):
        return f"the hub cannot be reached ({_line(error)}); check the network and HF_HUB_OFFLINE"
    if isinstance(error, FileNotFoundError | errors.HfHubHTTPError):
        return "the hub has no such data set, revision or file; correct the [hub] of the card"
    if isinstance(error, httpx2.HTTPError | ConnectionError):
        return f"the stream broke off ({_line(error)}); nothing of it is kept, call again"
    return f"cannot be read: {_line(error)}"


def _line(error: Exception) -> str:
    """The beginning of the message, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
