"""Files and folders that are complete or absent, locks between processes, and digests."""

import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from benchmark.errors import BenchmarkError

ABANDONED = 600
"""Seconds since a temporary file was last written, after which its process is taken for killed."""


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file, then rename it to `path`. Raises BenchmarkError."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        fault = f"cannot be written: {error.strerror}; make room or choose another folder"
        raise BenchmarkError(f"{path}: {fault}") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files of killed writes of `path`; a younger one may be in use."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """Fill a new folder, renamed to `folder` at the end of the block; a failure leaves nothing."""
    partial = partial_folder(folder)
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        partial.mkdir(parents=True)
        yield partial
        sync(partial)
        partial.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def partial_folder(folder: Path) -> Path:
    """The hidden folder beside `folder` in which its content is prepared."""
    return folder.with_name(f".{folder.name}.partial")


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_writable(folder: Path) -> None:
    """Raise BenchmarkError if no file can be created in `folder`, before hours of work for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        fault = f"cannot be written to: {error.strerror}; choose another folder"
        raise BenchmarkError(f"{folder}: {fault}") from None


@contextmanager
def locked(
    path: Path, on_wait: Callable[[], object] = lambda: None, patience: float = 0.0
) -> Iterator[None]:
    """Hold the lock file `path`; `on_wait` is called if another process holds it for more than
    `patience` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        held = lock.acquire(timeout=patience)
    except Timeout:
        on_wait()
        held = lock.acquire()
    with held:
        yield


def sha256(path: Path, start: int = 0) -> str:
    """SHA-256 of a file from byte `start` on."""
    with path.open("rb") as file:
        file.seek(start)
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_sha256(content: object) -> str:
    """SHA-256 of the canonical JSON: sorted keys, no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
