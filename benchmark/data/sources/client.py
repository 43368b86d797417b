"""The library `datasets` and its client: silent, its caches in a given folder, its errors in one
line. Both take a second to import, so that only what needs them does."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.utils.secrets import without_password

CACHE = Path(".downloads", "datasets")
"""Below the cache folder, what `datasets` keeps: the README of a repository, and locks."""
RETRIES = 3
"""Attempts of `datasets` for a broken stream, each after about 30 seconds of the client's own."""


def library(cache: Path) -> Any:
    """The library `datasets`, silent, and with what it keeps below the cache folder."""
    # read when they are imported
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_CACHE", str(cache / CACHE))
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    import datasets
    import huggingface_hub

    datasets.logging.set_verbosity(logging.CRITICAL)
    huggingface_hub.logging.set_verbosity(logging.CRITICAL)
    datasets.config.STREAMING_READ_MAX_RETRIES = RETRIES
    datasets.config.STREAMING_OPEN_MAX_RETRIES = RETRIES
    return datasets


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
